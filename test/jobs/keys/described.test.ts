import * as fc from "fast-check";
import { expect, test } from "vitest";
import { byte, int, key, rawKey, uint64 } from "../../../src/jobs/index.js";
import { describedKey } from "../../../src/jobs/keys/described.js";
import { property } from "../../harness/property.js";

test.each([
  [key("channel-42", int(1)), '"channel-42", int(1)'],
  [key("blk", uint64(1_000_000)), '"blk", uint64(1000000)'],
  [key(int(-1), byte(7)), "int(-1), byte(7)"],
  [key(), ""],
  [rawKey(Uint8Array.of(0xff, 0xfe, 0xfd)), undefined],
])("%s", (of, words) => {
  expect(describedKey(of.bytes)).toBe(words);
});

property([fc.uint8Array({ maxLength: 40 })])("any bytes have an answer", (bytes) => {
  const words = describedKey(bytes);
  expect(words === undefined || typeof words === "string").toBe(true);
  // Printed as it stands: nothing in it reaches the terminal's commands.
  expect(words ?? "").not.toMatch(/\p{Cc}/u);
});
