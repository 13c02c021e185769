import { describe, expect, it } from "vitest";
import { exampleConfig } from "../../config/example.ts";
import { checkText } from "../../config/load.ts";
import { problemText } from "../../config/problem.ts";
import { effectiveYaml } from "../../config/show.ts";
import { mutate, randomFrom } from "./random.ts";

const FULL = `version: 1
device: {id: insp-07}
mqtt:
  url: mqtts://broker:8883
  username: "\${env:WHO:-me}"
  protocol: "5"
  keepalive: 1m
  tls: {ca: ca.pem, verify: true}
engine: {slots: 2, run_limit: 1500ms}
models: {pcb: {bundle: &b models/pcb}, other: {bundle: *b}}
cameras:
  top: {source: replay, files: [a.png, b.png], fps: max, mode: triggered}
  low: {source: replay, path: images, repeat: once}
pipelines:
  one:
    camera: top
    model: pcb
    deadline: 250ms
    rules: [{labels: [open], min_area_px: 12.5, verdict: review}, {min_count: 2}]
    window: {fails: 2, of: 3}
  two: {camera: low, model: other}
store: {max_size: 1GiB}
log: {level: warn}
`;
const FILES = [FULL, exampleConfig({ bundle: "/b", images: "/i", schemaUrl: "file:///s.json" })];

const TOKENS = [
  ..."[]{}:,-?&*!|>'\"%@`#\n\t \u0000\uFEFF\u2028é\uD83D",
  ...["__proto__", "constructor", "toString", "<<", "&a ", "*a ", "*b", "!!binary ", "!!js/function ", "!t "],
  ...["null", "~", "yes", ".nan", ".inf", "0x1F", "1e999", "-0", "12:30", "2026-01-01", "9".repeat(400)],
  ...["${env:X}", "${env:WHO}", "$${", "${", "${file:/dev/null}", "---\n", "...\n", "\n  ", "? ", "- ", ": "],
  ...["[".repeat(50), "{a: ".repeat(50), "5ms", "1KiB", "version: 1\n", "\r\n", "top", "pcb"],
];

/** What must hold whatever the text is. */
function examine(text: string): "valid" | "refused" {
  const { config, problems } = checkText(text, { file: "c.yaml", env: { WHO: "me" } });
  expect(config === undefined).toBe(problems.length > 0);
  const lines = text.split(/\r\n|\r|\n/);
  for (const problem of problems) {
    expect(problem.line).toBeGreaterThanOrEqual(1);
    expect(problem.line).toBeLessThanOrEqual(lines.length);
    expect(problem.column).toBeGreaterThanOrEqual(1);
    expect(problem.message).not.toMatch(
      /Invalid (input|string|key|option|disc)|expected (string|number|one)|undefined|\[object/,
    );
    expect(problemText(problem)).toMatch(/^c\.yaml:\d+:\d+: [^\n]+$/);
  }
  if (!config) return "refused";
  expect(Object.isFrozen(config.pipelines)).toBe(true);
  if (config.mqtt.password === undefined) {
    const { config: again, problems: more } = checkText(effectiveYaml(config), { file: "c.yaml", env: {} });
    expect({ config: again, problems: more }).toEqual({ config, problems: [] });
  }
  return "valid";
}

describe("any text is either a configuration or a list of problems", () => {
  const seeds = [1, 2, Math.floor(Math.random() * 2 ** 32)];

  it.each(seeds)("2000 changed files, seed %d", (seed) => {
    const random = randomFrom(seed);
    const seen = { valid: 0, refused: 0 };
    for (let round = 0; round < 2000; round++) {
      const text = mutate(FILES[round % FILES.length] ?? "", TOKENS, random);
      try {
        seen[examine(text)]++;
      } catch (error) {
        throw new Error(`seed ${seed}, round ${round}:\n${text}`, { cause: error });
      }
    }
    expect(seen.valid).toBeGreaterThan(20);
    expect(seen.refused).toBeGreaterThan(1000);
    expect(Reflect.ownKeys(Object.prototype)).not.toContain("polluted");
  });

  it("starts from files that are valid", () => {
    expect(FILES.map(examine)).toEqual(["valid", "valid"]);
  });
});
