/** When a log is looked at again. */
import { expect, test } from "vitest";
import type { LogState } from "../../../src/archive/writing/source.js";
import { LogTurn } from "../../../src/archive/writing/log-turn.js";
import type { LogWriter, Step } from "../../../src/archive/writing/log-writer.js";

const STATE = { log: "road", first: 5n, retained: () => [{ from: 0n, next: 5n }] } as const;

test("a log of which nothing could be read is tried again, later each time, and at once when it has moved", async () => {
  const steps: Step[] = [{ did: "nothing" }, { did: "nothing" }, { did: "lost" }];
  const writer = {
    log: "road",
    position: undefined,
    step: () => Promise.resolve(steps.shift()),
  } as unknown as LogWriter;
  const turn = new LogTurn(writer, { objectBytes: 1000, ageMs: 10, durable: undefined });
  const waitMs = (nowMs: number, first = 5n, isAsked = true): number =>
    turn.waitMs({ ...STATE, first }, { nowMs, isAsked });
  const step = async (nowMs: number): Promise<void> => {
    const { signal } = new AbortController();
    await turn.step(STATE, { signal, isAsked: true, nowMs: () => nowMs });
  };
  expect(waitMs(0)).toBe(0);
  await step(0);
  expect([waitMs(999), waitMs(1000), waitMs(0, 6n)]).toEqual([1, 0, 0]);
  await step(1000);
  expect([waitMs(2999), waitMs(3000)]).toEqual([1, 0]);
  await step(3000);
  expect(waitMs(3000)).toBe(0);
});

test("a log that fails again and again is tried once a minute, and each five seconds while somebody waits", () => {
  const writer = { log: "road", position: undefined } as unknown as LogWriter;
  const turn = new LogTurn(writer, { objectBytes: 1000, ageMs: 10, durable: undefined });
  for (let failure = 0; failure < 20; failure++) turn.failed(0, 1);
  expect(turn.waitMs(STATE, { nowMs: 0, isAsked: false })).toBe(60_000);
  expect(turn.waitMs(STATE, { nowMs: 0, isAsked: true })).toBe(5_000);
});

test("the records behind an object have waited since they left the live window, and not since it was put", async () => {
  let through = 0n;
  const writer = {
    log: "road",
    get position() {
      return { through };
    },
    step: () => {
      through += 100n;
      return Promise.resolve({ did: "put", bytes: 1000, records: 100 });
    },
  } as unknown as LogWriter;
  const turn = new LogTurn(writer, { objectBytes: 1000, ageMs: 60_000, durable: undefined });
  const stateOf = (first: bigint): LogState => ({
    log: "road",
    first,
    retained: () => [{ from: 0n, next: first }],
  });
  const ageMs = (first: bigint, nowMs: number): number => turn.ageMs(stateOf(first), nowMs);
  const put = async (first: bigint, nowMs: number): Promise<void> => {
    const { signal } = new AbortController();
    await turn.step(stateOf(first), { signal, isAsked: false, nowMs: () => nowMs });
  };
  expect(ageMs(100n, 0)).toBe(0);
  expect(ageMs(150n, 10_000)).toBe(10_000);
  expect(ageMs(250n, 30_000)).toBe(30_000);
  await put(250n, 40_000);
  expect(ageMs(250n, 40_000)).toBe(30_000);
  expect(turn.waitMs(stateOf(150n), { nowMs: 40_000, isAsked: false })).toBe(30_000);
  await put(250n, 50_000);
  expect(ageMs(250n, 50_000)).toBe(20_000);
  // Looks of the same second are one: no record is told younger than it is.
  for (let round = 1n; round <= 1000n; round++) ageMs(250n + round, 50_000 + Number(round));
  await put(1250n, 52_000);
  expect(ageMs(1250n, 52_000)).toBe(1_999);
});
