/** Errors of ours there and back: in a message, and in the details of a status. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { Failure } from "../../src/rpc/api/types.js";
import {
  detailsOf,
  errorOf,
  errorOfDetails,
  failureOf,
  laneBytes,
  laneOf,
  shortened,
  statusNumberOf,
} from "../../src/rpc/failures.js";
import { errorCodes, PersisterError, type ErrorCode } from "../../src/types/errors.js";
import { laneIdOf } from "../../src/types/lane.js";
import { property } from "../harness/property.js";

const lane = laneIdOf(new Uint8Array(32).fill(5), 7n);
const u64 = fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn });
const facts = fc.record(
  {
    lane: fc.constant(lane),
    blockNumber: u64,
    roadIndex: u64,
    file: fc.string({ minLength: 1 }),
    offset: fc.nat(),
  },
  { requiredKeys: [] },
);
const codes = Object.keys(errorCodes) as ErrorCode[];

property([fc.constantFrom(...codes), fc.string(), facts])(
  "an error keeps its code, its message and its facts on both ways",
  (code, message, known) => {
    const error = new PersisterError(code, message, known);
    const told = { ...error.toJSON() };
    expect(errorOf(Failure.decode(Failure.encode(failureOf(error)))).toJSON()).toEqual(told);
    expect(errorOfDetails(detailsOf(error))?.toJSON()).toEqual(told);
  },
);

test("the evidence of a conflict travels as a hash, and the details stay small", () => {
  const held = new Uint8Array(2_000_000);
  const error = new PersisterError("CONFLICT", "x".repeat(100_000), { lane, held, offered: held });
  expect(detailsOf(error).length).toBeLessThan(4096);
  expect(failureOf(error).heldSha256).toHaveLength(32);
});

test.each(["x", "\u00df", "\u20ac", "\u{1f600}"])(
  "an error of any letters, such as %s, fits into trailers, and no letter is cut in two",
  (letter) => {
    const long = letter.repeat(5000);
    for (const message of [long, `x${long}`, `xx${long}`, `xxx${long}`]) {
      const error = new PersisterError("IO", message, { lane, file: `/${long}` });
      const told = shortened(message, 1024);
      const trailers = Math.ceil((detailsOf(error).length * 4) / 3) + encodeURI(told).length;
      expect(trailers).toBeLessThan(8 * 1024);
      expect(told).toMatch(/\.\.\.$/);
      expect(told).not.toContain("\ufffd");
      expect(message.startsWith(told.slice(0, -3))).toBe(true);
    }
  },
);

test("half a letter is no reason to break: it is told as one that is not known", () => {
  expect(encodeURI(shortened("a\ud83d", 1024))).toBe(encodeURI("a\ufffd"));
});

test("details that are not ours are none, whatever they are", () => {
  expect(errorOfDetails(Uint8Array.of(0xff))).toBeUndefined();
  expect(errorOfDetails(new Uint8Array(0))).toBeUndefined();
});

test("a code of a newer service is a bug to an older client, with the service's own words", () => {
  const failure = Failure.decode(Failure.encode({ code: "OF_TOMORROW", message: "news" }));
  expect(errorOf(failure)).toMatchObject({ code: "INTERNAL", message: "news" });
});

test("every code has a status that is no success", () => {
  for (const code of codes)
    expect(statusNumberOf(new PersisterError(code, "x"))).toBeGreaterThan(0);
});

test("a lane is 40 bytes there and back, and nothing else is a lane", () => {
  expect(laneOf(laneBytes(lane))).toBe(lane);
  expect(laneOf(new Uint8Array(39))).toBeUndefined();
});
