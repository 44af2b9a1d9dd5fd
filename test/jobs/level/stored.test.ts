import { expect, test } from "vitest";
import { CategoryForm } from "../../../src/jobs/level/stored.js";

const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "latin1"));
const form = new CategoryForm("peers");

test("a stored value is its checksum and its bytes", () => {
  const stored = form.stored(bytes("key"), bytes("value"));
  expect(stored).toHaveLength(4 + 5);
  expect(form.valueIn(bytes("key"), stored)).toEqual(bytes("value"));
});

test("any bit of it that is flipped is noticed", () => {
  const stored = form.stored(bytes("key"), bytes("value"));
  for (let bit = 0; bit < stored.length * 8; bit++) {
    const harmed = Uint8Array.from(stored);
    harmed[bit >> 3] = (harmed[bit >> 3] as number) ^ (1 << (bit & 7));
    expect(form.valueIn(bytes("key"), harmed), `bit ${bit}`).toBeUndefined();
  }
});

test("it is the value of its category and key alone, and whole", () => {
  const stored = form.stored(bytes("key"), bytes("value"));
  expect(form.valueIn(bytes("kez"), stored)).toBeUndefined();
  expect(form.valueIn(bytes("keyv"), stored)).toBeUndefined();
  expect(new CategoryForm("peer").valueIn(bytes("skey"), stored)).toBeUndefined();
  for (let end = 0; end < stored.length; end++) {
    expect(form.valueIn(bytes("key"), stored.subarray(0, end))).toBeUndefined();
  }
});
