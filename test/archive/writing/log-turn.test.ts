/** When a log is looked at again. */
import { expect, test } from "vitest";
import { LogTurn } from "../../../src/archive/writing/log-turn.js";
import type { LogWriter, Step } from "../../../src/archive/writing/log-writer.js";

const STATE = { log: "road", retainedFirst: 0n, first: 5n } as const;

test("a log of which nothing could be read is tried again, later each time, and at once when it has moved", async () => {
  const steps: Step[] = [{ did: "nothing" }, { did: "nothing" }, { did: "lost" }];
  const writer = {
    log: "road",
    position: undefined,
    step: () => Promise.resolve(steps.shift()),
  } as unknown as LogWriter;
  const turn = new LogTurn(writer, { objectBytes: 1000, ageMs: 10, durable: undefined });
  const isDue = (nowMs: number, first = 5n): boolean =>
    turn.isDue({ ...STATE, first }, { nowMs, isAsked: true });
  const step = async (nowMs: number): Promise<void> => {
    const { signal } = new AbortController();
    await turn.step(STATE, { signal, nowMs: () => nowMs });
  };
  expect(isDue(0)).toBe(true);
  await step(0);
  expect([isDue(999), isDue(1000), isDue(0, 6n)]).toEqual([false, true, true]);
  expect(turn.waitMs(STATE, 400)).toBe(600);
  await step(1000);
  expect([isDue(2999), isDue(3000)]).toEqual([false, true]);
  await step(3000);
  expect(isDue(3000)).toBe(true);
});
