import { expect, test } from "vitest";
import { ObjectMemory } from "../../../src/archive/form/object-memory.js";

test("memory that was given back is used again, where it is large enough", () => {
  const memory = new ObjectMemory();
  const first = memory.take(1000);
  expect(memory.take(1000).buffer).not.toBe(first.buffer);
  memory.giveBack(first.subarray(10, 20));
  expect(memory.take(first.length).buffer).toBe(first.buffer);
  memory.giveBack(first);
  expect(memory.take(first.length + 1).buffer).not.toBe(first.buffer);
});

test("memory of others is left alone, such as that of a bucket which gave its own", () => {
  const memory = new ObjectMemory();
  const theirs = Buffer.alloc(4 * 1024 * 1024);
  memory.giveBack(theirs);
  expect(memory.take(1000).buffer).not.toBe(theirs.buffer);
});
