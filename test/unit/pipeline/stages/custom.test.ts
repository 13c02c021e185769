import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { judgeInOrder } from "../../../../runtime/pipeline/inspect.ts";
import { customStage } from "../../../../runtime/pipeline/stages/custom.ts";
import type { JudgingStage, LookingStage } from "../../../../runtime/pipeline/stages/stage.ts";
import { aJudged, found } from "../../../support/judged.ts";
import { greyPicture } from "../../../support/raw-pictures.ts";
import { aScene } from "../../../support/scenes.ts";
import { tempFolder } from "../../../support/temp-folder.ts";

async function load(source: string, options = {}) {
  const folder = await tempFolder();
  await writeFile(join(folder, "holes.ts"), source);
  return customStage({ name: "holes", options }, folder, { pxPerMm: 10 });
}

test("a judging stage in TypeScript gets its options and the scale", async () => {
  const stage = await load(
    `export default (options: { limit: number }, scale: { pxPerMm?: number }) => ({
      kind: "judging",
      judge(judged: { detections: unknown[] }) {
        const isBad = judged.detections.length > options.limit && scale.pxPerMm === 10;
        return [{ ...judged, verdict: isBad ? "fail" : "pass" }];
      },
    });`,
    { limit: 1 },
  );
  const detections = [found("hole"), found("hole")];
  expect(judgeInOrder([stage as JudgingStage], aJudged({ detections }))[0]?.verdict).toBe("fail");
});

test("a looking stage adds detections, and needs pixels unless it says otherwise", async () => {
  const stage = (await load(
    `export default () => ({
      kind: "looking",
      async look(scene) {
        const hole = { label: "hole", classId: 0, score: 1, box: [0, 0, scene.view.picture.width, 5] };
        return { ...scene, detections: [...scene.detections, hole] };
      },
    });`,
  )) as LookingStage;
  expect(stage.needsPixels).toBe(true);
  const scene = await stage.look(aScene(greyPicture(12, 8, () => 0)));
  expect(scene.detections).toMatchObject([{ label: "hole", box: [0, 0, 12, 5] }]);
});

test.each([
  ["no default export", "export const stage = 1;", /holes.ts: has no function as its default export/],
  ["no stage", "export default () => ({ kind: 'cooking' });", /holes.ts: must make/],
  [
    "a factory that refuses its options",
    "export default () => { throw new Error('limit?'); };",
    /holes.ts: limit\?/,
  ],
  ["what does not parse", "export default (", /holes.ts/],
])("%s is ERR_STAGE_LOAD with the file", async (_, source, message) => {
  await expect(load(source)).rejects.toMatchObject({
    code: "ERR_STAGE_LOAD",
    message: expect.stringMatching(message),
  });
});

test("a file that is not there is named, with a hint", async () => {
  const loading = customStage({ name: "holes", options: {} }, "/nowhere", {});
  await expect(loading).rejects.toMatchObject({
    code: "ERR_STAGE_LOAD",
    message: expect.stringMatching(/^\/nowhere\/holes.ts/),
    hint: expect.stringMatching(/stages_folder/),
  });
});

test.each([
  ["throws", "judge() { throw new Error('oops'); }"],
  ["gives no list", "judge(judged) { return judged; }"],
  ["gives no verdict", "judge(judged) { return [{ ...judged, verdict: 'maybe' }]; }"],
])("a stage that %s makes its frame an error", async (_, method) => {
  const stage = (await load(`export default () => ({ kind: "judging", ${method} });`)) as JudgingStage;
  const [judged] = judgeInOrder([stage], aJudged());
  expect(judged).toMatchObject({ verdict: "error", error: { code: "ERR_STAGE_RUN" } });
  expect(judged?.error?.message).toMatch(/holes.ts: /);
});
