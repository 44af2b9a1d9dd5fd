/** Branches side by side: all of them end before any error is told, and the first one is. */
import { expect, test } from "vitest";
import { allEnded } from "../../src/async/all-ended.js";

/** A promise, and what settles it. */
function held(): { promise: Promise<void>; end: () => void; fail: (error: Error) => void } {
  let end = (): void => {};
  let fail: (error: Error) => void = () => {};
  const promise = new Promise<void>((resolve, reject) => {
    end = resolve;
    fail = reject;
  });
  return { promise, end, fail };
}

test("of several errors the first in time is told, once the last branch has ended", async () => {
  const branches = [held(), held(), held()] as const;
  let isTold = false;
  const ended = allEnded(branches.map(({ promise }) => promise)).catch((error: unknown) => {
    isTold = true;
    return error;
  });
  branches[2].fail(new Error("first"));
  await Promise.resolve();
  branches[0].fail(new Error("second"));
  await new Promise((resolve) => setImmediate(resolve));
  expect(isTold).toBe(false);
  branches[1].end();
  expect(await ended).toMatchObject({ message: "first" });
});

test("none, and only good ones, end well", async () => {
  await allEnded([]);
  await allEnded([Promise.resolve(), Promise.resolve()]);
});
