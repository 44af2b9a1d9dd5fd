import * as fc from "fast-check";
import { expect, test } from "vitest";
import { DiskSpeed } from "../../../src/journal/group/disk-speed.js";

const KIB = 1024;
const MIB = 1024 * KIB;

test("a flush is as long as the fastest small write of late", () => {
  const speed = new DiskSpeed();
  expect(speed.flushMs).toBe(Number.POSITIVE_INFINITY);
  for (const ms of [3, 0.1, 9]) speed.note(8 * KIB, ms);
  expect(speed.flushMs).toBe(0.1);
});

test("the fastest of the last 32 small writes counts, and none of more than 64 writes ago", () => {
  const times = fc.array(fc.double({ min: 0.01, max: 50, noNaN: true }), {
    minLength: 1,
    maxLength: 200,
  });
  fc.assert(
    fc.property(times, (all) => {
      const speed = new DiskSpeed();
      for (const ms of all) speed.note(8 * KIB, ms);
      expect(speed.flushMs).toBeLessThanOrEqual(Math.min(...all.slice(-32)));
      expect(speed.flushMs).toBeGreaterThanOrEqual(Math.min(...all.slice(-64)));
    }),
  );
});

test("the rate follows large writes slowly, and small ones do not change it", () => {
  const speed = new DiskSpeed();
  expect(speed.bytesPerMs).toBe(0);
  speed.note(MIB, 1);
  expect(speed.bytesPerMs).toBe(MIB);
  speed.note(MIB, 2);
  expect(speed.bytesPerMs).toBeCloseTo(0.95 * MIB);
  speed.note(8 * KIB, 10);
  expect(speed.bytesPerMs).toBeCloseTo(0.95 * MIB);
});

test("a write that took no time that the clock can tell says nothing", () => {
  const speed = new DiskSpeed();
  for (const ms of [0, 2, 0]) {
    speed.note(4 * KIB, ms);
    speed.note(MIB, ms);
  }
  expect(speed.flushMs).toBe(2);
  expect(speed.bytesPerMs).toBe(MIB / 2);
});
