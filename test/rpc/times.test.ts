import * as fc from "fast-check";
import { expect } from "vitest";
import { fromMs, toMs } from "../../src/rpc/times.js";
import { property } from "../harness/property.js";

property([fc.double({ min: 0, max: 4e12, noNaN: true })])(
  "a time goes there and back within a microsecond, and its nanoseconds stay below a second",
  (ms) => {
    const { seconds, nanos } = fromMs(ms);
    expect(nanos).toBeLessThan(1_000_000_000);
    expect(Math.abs(toMs({ seconds, nanos }) - ms)).toBeLessThan(0.001);
  },
);
