import { expect, test } from "vitest";
import { chunkBytes } from "../../../src/journal/group/chunk-size.js";
import { DiskSpeed } from "../../../src/journal/group/disk-speed.js";

const KIB = 1024;
const MIB = 1024 * KIB;

test("before anything was measured there are two chunks up to 2 MiB, and four beyond that", () => {
  const speed = new DiskSpeed();
  expect(chunkBytes(0, speed)).toBe(0);
  expect(chunkBytes(100, speed)).toBe(100);
  expect(chunkBytes(MIB / 2, speed)).toBe(MIB / 2);
  expect(chunkBytes(MIB + 1000, speed)).toBe(MIB / 2 + 500);
  expect(chunkBytes(2 * MIB, speed)).toBe(MIB);
  expect(chunkBytes(3 * MIB, speed)).toBe((3 * MIB) / 4);
  expect(chunkBytes(16 * MIB, speed)).toBe(4 * MIB);
});

test("a flush that takes long makes chunks large, so that few of them pay it", () => {
  const speed = { flushMs: 5, bytesPerMs: MIB / 7.5 };
  expect(chunkBytes(4 * MIB, speed)).toBe(2 * MIB);
  expect(chunkBytes(MIB, speed)).toBe(MIB);
});

test("a small write that waited for large ones does not make one chunk of a large group", () => {
  const speed = new DiskSpeed();
  speed.note(MIB, 0.5);
  for (let write = 0; write < 20; write++) speed.note(8 * KIB, 8);
  speed.note(8 * KIB, 0.1);
  for (let write = 0; write < 20; write++) speed.note(8 * KIB, 8);
  expect(chunkBytes(8 * MIB, speed)).toBe(2 * MIB);
});
