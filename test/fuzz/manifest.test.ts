import { describe, expect, it } from "vitest";
import { parseManifest } from "../../models/bundle/manifest.ts";
import { SightlineError } from "../../runtime/base/errors.ts";
import { manifest } from "../unit/models/manifest.ts";
import { mutate, randomFrom } from "./random.ts";

const TOKENS = [
  ...'[]{}:,"\\0 -',
  ...[
    "null",
    "true",
    "1e999",
    '"__proto__":{},',
    '"../"',
    '"type":"yolov5",',
    '"constructor"',
    "\\u0000",
    "640",
  ],
];

describe("any text is either a manifest or ERR_MODEL_MANIFEST", () => {
  const seeds = [1, Math.floor(Math.random() * 2 ** 32)];

  it.each(seeds)("2000 changed manifests, seed %d", (seed) => {
    const random = randomFrom(seed);
    const seen = { valid: 0, refused: 0 };
    for (let round = 0; round < 2000; round++) {
      const text = mutate(JSON.stringify(manifest()), TOKENS, random);
      try {
        expect(parseManifest(text, "m.json").labels.length).toBeGreaterThan(0);
        seen.valid++;
      } catch (error) {
        if (!(error instanceof SightlineError && error.code === "ERR_MODEL_MANIFEST")) {
          throw new Error(`seed ${seed}, round ${round}:\n${text}`, { cause: error });
        }
        expect(error.message).not.toMatch(/Invalid input|undefined|\[object/);
        seen.refused++;
      }
    }
    expect(seen.valid).toBeGreaterThan(5);
    expect(seen.refused).toBeGreaterThan(1000);
  });
});
