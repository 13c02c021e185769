import { expect, test, vi } from "vitest";
import { InfoPublisher } from "../../../services/daemon/info-publisher.ts";

test("nothing is published before all of it is known, nor after the stop", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  try {
    const published: Record<string, object>[] = [];
    const publisher = new InfoPublisher({
      mqtt: { setState: (_, payload) => published.push(payload as Record<string, object>) },
      device: { id: "insp-07" },
      fixed: () => ({ version: "1" }),
      current: () => ({ models: [] }),
    });
    publisher.publishSoon();
    vi.advanceTimersByTime(10_000);
    expect(published).toEqual([]);
    await publisher.start();
    publisher.publishSoon();
    publisher.publishSoon();
    vi.advanceTimersByTime(10_000);
    expect(published).toHaveLength(2);
    for (const info of published) {
      expect(info).toMatchObject({ version: "1", models: [], device: { id: "insp-07", arch: process.arch } });
    }
    publisher.stop();
    publisher.publishSoon();
    vi.advanceTimersByTime(10_000);
    expect(published).toHaveLength(2);
  } finally {
    vi.useRealTimers();
  }
});
