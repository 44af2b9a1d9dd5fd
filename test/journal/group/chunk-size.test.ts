import { expect, test } from "vitest";
import { ChunkSize } from "../../../src/journal/group/chunk-size.js";

const MIB = 1024 * 1024;

test("before anything was measured there are two chunks up to 2 MiB, and four beyond that", () => {
  const size = new ChunkSize();
  expect(size.of(100)).toBe(100);
  expect(size.of(MIB / 2)).toBe(MIB / 2);
  expect(size.of(MIB + 1000)).toBe(MIB / 2 + 500);
  expect(size.of(2 * MIB)).toBe(MIB);
  expect(size.of(3 * MIB)).toBe((3 * MIB) / 4);
  expect(size.of(16 * MIB)).toBe(4 * MIB);
});

test("a flush that takes long makes chunks large, so that few of them pay it", () => {
  const size = new ChunkSize();
  size.note(4096, 5);
  size.note(MIB, 7.5);
  expect(size.of(4 * MIB)).toBe(2 * MIB);
  expect(size.of(MIB)).toBe(MIB);
});

test("a write that took no time that the clock can tell says nothing", () => {
  const size = new ChunkSize();
  for (const ms of [0, 2, 0]) {
    size.note(4096, ms);
    size.note(MIB, ms);
  }
  expect(size.of(16 * MIB)).toBeGreaterThanOrEqual(2 * MIB);
  expect(size.of(0)).toBe(0);
});
