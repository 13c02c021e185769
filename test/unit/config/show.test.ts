import { describe, expect, it } from "vitest";
import { checkText } from "../../../config/load.ts";
import type { Config } from "../../../config/schema/schema.ts";
import { effectiveYaml, redact } from "../../../config/show.ts";
import { VALID } from "./valid.ts";

function configOf(text: string): Config {
  const { config, problems } = checkText(text, { file: "/c/config.yaml", env: { PW: "s3cret" } });
  expect(problems).toEqual([]);
  if (!config) throw new Error("no problems and no configuration");
  return config;
}

describe("effectiveYaml", () => {
  it("is a file that gives the same configuration again", () => {
    const config = configOf(`${VALID.replace("model: pcb", "model: pcb\n    deadline: 1.5s")}
store: {max_size: 1.5GiB, path: "/odd $\${env:NAME} path"}
engine: {slots: 2}
`);
    const shown = effectiveYaml(config);
    expect(shown).toContain("deadline: 1500ms");
    expect(shown).toContain("max_size: 1536MiB");
    expect(shown).toContain("keepalive: 30s");
    expect(configOf(shown)).toEqual(config);
  });

  it("masks secrets and nothing else", () => {
    const config = configOf(`${VALID}mqtt: {username: u, password: "\${env:PW}"}\n`);
    expect(config.mqtt.password).toBe("s3cret");
    expect(effectiveYaml(config)).toContain("username: u\n  password: •••\n");
    expect(effectiveYaml(config)).not.toContain("s3cret");
    expect(redact(config)).toEqual({ ...config, mqtt: { ...config.mqtt, password: "•••" } });
    expect(config.mqtt.password).toBe("s3cret");
  });
});
