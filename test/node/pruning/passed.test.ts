import { expect, test } from "vitest";
import { readPassed } from "../../../src/node/passed.js";

const live = Uint8Array.of(1);
const retained = Uint8Array.of(2);
const logs = { retains: true, readRetained: () => Promise.resolve(retained) };

test.each([
  ["that the log still holds is read from the log", 3n, live, live],
  ["that is truncated while it is read is read as a retained one", 3n, undefined, retained],
  ["that the log has truncated is read as a retained one", 1n, undefined, retained],
])("a block below the start %s", async (_, number, inLog, expected) => {
  const log = { first: 2n, next: 9n, readHeld: () => Promise.resolve(inLog) };
  expect(await readPassed({ log, logs, start: 5n }, "lane", number)).toEqual(expected);
});

test("a store that retains nothing reads nothing below the start", async () => {
  const log = { first: 2n, next: 9n, readHeld: () => Promise.resolve(live) };
  const without = { ...logs, retains: false };
  expect(await readPassed({ log, logs: without, start: 5n }, "lane", 3n)).toBeUndefined();
});
