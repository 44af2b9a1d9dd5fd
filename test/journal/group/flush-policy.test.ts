import * as fc from "fast-check";
import { expect, test } from "vitest";
import { FlushPolicy } from "../../../src/journal/group/flush-policy.js";

const KIB = 1024;

test("the first writes go through the pool; once one was fast, small groups block", () => {
  const policy = new FlushPolicy("auto");
  expect(policy.of(4 * KIB, 0)).toBe("pool");
  policy.speed.note(8 * KIB, 0.15);
  expect(policy.of(128 * KIB, 1)).toBe("blocking");
  expect(policy.of(128 * KIB + 1, 1)).toBe("pool");
});

test("a call that blocks for more than 5 ms sends all writes of the next second through the pool", () => {
  const policy = new FlushPolicy("auto");
  policy.speed.note(8 * KIB, 0.15);
  policy.held(5.1, 100);
  expect(policy.of(4 * KIB, 1099)).toBe("pool");
  expect(policy.of(4 * KIB, 1100)).toBe("blocking");
});

test("a slow write of a thread has held nothing, and is no stall", () => {
  const policy = new FlushPolicy("auto");
  policy.speed.note(8 * KIB, 0.15);
  policy.speed.note(8 * KIB, 50);
  policy.speed.note(8 * KIB * KIB, 50);
  expect(policy.of(4 * KIB, 100)).toBe("blocking");
});

test("a slow disk, and whoever asks for it, never sees a blocking call", () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0.2, max: 50, noNaN: true })), (times) => {
      const policy = new FlushPolicy("auto");
      const never = new FlushPolicy("async");
      for (const [at, ms] of times.entries()) {
        expect(policy.of(4 * KIB, at * 2000)).toBe("pool");
        policy.speed.note(8 * KIB, ms);
        never.speed.note(8 * KIB, ms / 1000);
        expect(never.of(4 * KIB, at * 2000)).toBe("pool");
      }
    }),
  );
});

test("a disk that has become slow is noticed", () => {
  const policy = new FlushPolicy("auto");
  policy.speed.note(8 * KIB, 0.1);
  for (let write = 0; write < 64; write++) policy.speed.note(8 * KIB, 1);
  expect(policy.of(4 * KIB, 100)).toBe("pool");
});

test("slow writes now and then do not hide that the disk is fast", () => {
  const policy = new FlushPolicy("auto");
  for (let write = 0; write < 200; write++) {
    policy.speed.note(8 * KIB, write % 20 === 0 ? 0.12 : 2);
    expect(policy.of(4 * KIB, write)).toBe("blocking");
  }
});

test("the status tells the way of small groups, and the longest hold", () => {
  const policy = new FlushPolicy("auto");
  expect(policy.status(0)).toEqual({ way: "pool", blockingGroups: 0, longestHoldMs: 0 });
  policy.speed.note(8 * KIB, 0.1);
  for (const ms of [0.3, 4, 0.2]) policy.held(ms, 1);
  expect(policy.status(1)).toEqual({ way: "blocking", blockingGroups: 3, longestHoldMs: 4 });
});

test("the last of four chunks blocks where a small group would", () => {
  const policy = new FlushPolicy("auto");
  expect(policy.ofLast(4, 0)).toBe("pool");
  policy.speed.note(8 * KIB, 0.1);
  expect(policy.ofLast(4, 0)).toBe("blocking");
  expect(policy.ofLast(2, 0)).toBe("pool");
  policy.held(6, 0);
  expect(policy.ofLast(4, 500)).toBe("pool");
  const never = new FlushPolicy("async");
  never.speed.note(8 * KIB, 0.1);
  expect(never.ofLast(4, 0)).toBe("pool");
});
