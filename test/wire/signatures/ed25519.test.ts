/** Signing is deterministic, and verification follows ZIP-215 on every path. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { verify, verifyFast, verifySlowly } from "../../../src/wire/signatures/ed25519.js";
import { hex } from "../bytes.js";
import { first, second } from "../samples.js";

const digest = new Uint8Array(32).fill(7);
const good = first.sign(digest);

/** The neutral point, the same written with y = p + 1, and a point of order 2. */
const ONE = `01${"00".repeat(31)}`;
const ONE_UNREDUCED = `ee${"ff".repeat(30)}7f`;
const MINUS_ONE = `ec${"ff".repeat(30)}7f`;
const NO_POINT = `02${"00".repeat(31)}`;
const ZERO = "00".repeat(32);
const ORDER = `edd3f55c1a631258d69cf7a2def9de14${"00".repeat(15)}10`;

describe("ed25519", () => {
  it("signs the same digest the same way, and verifies it on both paths", () => {
    expect(first.sign(digest)).toEqual(good);
    expect(verifyFast(digest, good)).toBe(true);
    expect(verifySlowly(digest, good)).toBe(true);
  });

  it("refuses another key, another digest, and any flipped bit", () => {
    expect(verify(digest, { ...good, key: second.publicKey })).toBe(false);
    expect(verify(new Uint8Array(32), good)).toBe(false);
    fc.assert(
      fc.property(fc.nat(64 * 8 - 1), (bit) => {
        const bytes = good.bytes.slice();
        bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect(verify(digest, { ...good, bytes })).toBe(false);
      }),
      { numRuns: 60 },
    );
  });

  it.for([
    { what: "a neutral key and R", key: ONE, bytes: ONE + ZERO, accept: true },
    { what: "a key of order 2", key: MINUS_ONE, bytes: ONE + ZERO, accept: true },
    { what: "an R of order 2", key: ONE, bytes: MINUS_ONE + ZERO, accept: true },
    { what: "a key above p", key: ONE_UNREDUCED, bytes: ONE + ZERO, accept: true },
    { what: "an R above p", key: ONE, bytes: ONE_UNREDUCED + ZERO, accept: true },
    { what: "an S that is the order", key: ONE, bytes: ONE + ORDER, accept: false },
    { what: "an S of 1", key: ONE, bytes: `${ONE}01${"00".repeat(31)}`, accept: false },
    { what: "a key that is no point", key: NO_POINT, bytes: ONE + ZERO, accept: false },
    { what: "an R that is no point", key: ONE, bytes: NO_POINT + ZERO, accept: false },
  ])("$what: accepted is $accept", ({ key, bytes, accept }) => {
    const sig = { key: hex(key), bytes: hex(bytes) };
    expect(verify(digest, sig)).toBe(accept);
    expect(verifySlowly(digest, sig)).toBe(accept);
    // The fast path may only say yes, and only where the judge does.
    if (verifyFast(digest, sig)) expect(accept).toBe(true);
  });
});
