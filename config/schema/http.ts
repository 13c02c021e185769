import * as z from "zod";
import { isRecord } from "../../runtime/base/json-schema.ts";
import { secret, size } from "./scalars.ts";

/** `127.0.0.1:8080`, `[::1]:8080` */
const ADDRESS = /^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+):(\d{1,5})$/;
const LOOPBACK = /^(127\.\d+\.\d+\.\d+|localhost|\[::1\]):/;

const address = z
  .string()
  .regex(ADDRESS, { abort: true })
  .refine((written) => listenAddress(written).port <= 65_535, { error: "must have a port of at most 65535" })
  .meta({ "x-noun": 'an address and port such as "127.0.0.1:8080"' });

export const http = z
  .strictObject({
    listen: address
      .default("127.0.0.1:8080")
      .describe("Address and port of the HTTP server; every address other than loopback needs a `token`."),
    token: secret
      .optional()
      .describe(
        "Token that clients send as `Authorization: Bearer …`; preferably given as `${file:PATH}`. Without it, only loopback is served.",
      ),
    max_body: size({ min: "1KiB", max: "1GiB", example: "32MiB" })
      .prefault("32MiB")
      .describe("Largest body of a request, such as a picture."),
  })
  .superRefine(
    (value, ctx) => {
      if (value.token !== undefined || LOOPBACK.test(String(value.listen))) return;
      const hint = "add token, or write 127.0.0.1";
      const message = "is open to other machines, but no token is set";
      ctx.addIssue({ code: "custom", path: ["listen"], message, params: { hint } });
    },
    { when: ({ value }) => isRecord(value) },
  );

/** `[::1]:8080` → host `::1`, port 8080. */
export function listenAddress(written: string): { host: string; port: number } {
  const [, host = "", port = ""] = ADDRESS.exec(written) ?? [];
  return { host: host.replace(/[[\]]/g, ""), port: Number(port) };
}
