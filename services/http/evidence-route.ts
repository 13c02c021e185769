import { open } from "node:fs/promises";
import { extname } from "node:path";
import type { FastifyInstance } from "fastify";
import { SightlineError } from "../../runtime/base/errors.ts";

/** Where the picture at a result's `evidence[].path` lies; undefined for a path that can be none. */
export type EvidenceFiles = (path: string) => string | undefined;

const TYPES: Record<string, string> = {
  ".jpg": "image/jpeg",
  ".png": "image/png",
  ".webp": "image/webp",
  ".tiff": "image/tiff",
};

/** `GET /evidence/…`: the pictures that results link to. */
export function evidenceRoute(server: FastifyInstance, fileOf: EvidenceFiles): void {
  server.get("/evidence/*", async (request, reply) => {
    const path = (request.params as { "*": string })["*"];
    const file = fileOf(path);
    const handle = file === undefined ? undefined : await open(file).catch(() => undefined);
    if (!file || !handle)
      throw new SightlineError("ERR_HTTP_NOT_FOUND", `there is no picture ${path}, or it has been deleted`);
    const { size } = await handle.stat();
    return reply
      .type(TYPES[extname(file)] ?? "application/octet-stream")
      .header("content-length", size)
      .header("cache-control", "private, max-age=31536000, immutable")
      .header("x-content-type-options", "nosniff")
      .send(handle.createReadStream());
  });
}
