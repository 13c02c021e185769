import { expect, test } from "vitest";
import { rungAfter } from "../../../services/camera/ladder.ts";

const backoffMs = { min: 1_000, max: 30_000 };
const climb = (hasRecoverCommand: boolean, random = 0) =>
  [1, 2, 3, 4, 5, 6, 7, 50].map((failures) => {
    const { action, pauseMs } = rungAfter(failures, { backoffMs, hasRecoverCommand }, random);
    return `${action} ${pauseMs}`;
  });

test("restarts, then longer pauses, then the user's command, then the alarm; never more than half a minute", () => {
  expect(climb(true)).toEqual([
    "restart 1000",
    "restart 2000",
    "restart 4000",
    "reopen 16000",
    "reopen 30000",
    "recover 30000",
    "alarm 30000",
    "alarm 30000",
  ]);
});

test("without a command the alarm comes in its place", () => {
  expect(climb(false)[5]).toBe("alarm 30000");
});

test("jitter shortens a pause by a fifth at most", () => {
  expect(climb(true, 0.5)[0]).toBe("restart 900");
  expect(climb(true, 1)[0]).toBe("restart 800");
});
