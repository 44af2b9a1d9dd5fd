/** Decoders take time in proportion to the input, and at most 4 times its bytes and 1 MiB. */
import { execFileSync } from "node:child_process";
import { beforeAll, describe, expect, it } from "vitest";
import { DecodeError } from "../../../src/wire/codec/decode-error.js";
import { programOf } from "../../harness/built.js";
import { adversaries } from "./adversaries.js";
import type { Growth, Time } from "./bounds-program.js";

/** Twice of what linear time makes of four times the bytes; quadratic time makes 16 of it. */
const RATIO_MAX = 8;
/** Over ten times of what is seen: small inputs tell little by their ratio. */
const NS_PER_BYTE_MAX = 2_000;

const named = adversaries.map((adversary) => [adversary.name, adversary] as const);
let program = "";

beforeAll(async () => {
  program = await programOf("test/wire/mutation/bounds-program.ts");
});

/** The lines that the program prints, by adversary. */
function measured<T extends Growth | Time>(
  what: "memory" | "time",
  flags: readonly string[],
): ReadonlyMap<string, T> {
  const args = ["--expose-gc", ...flags, program, what];
  const lines = execFileSync(process.execPath, args, { encoding: "utf8" }).trim().split("\n");
  const list = lines.map((line) => JSON.parse(line) as T);
  return new Map(list.map((measurement) => [measurement.name, measurement]));
}

describe("adversaries are what they say", () => {
  it.for(named)("%s", ([, { decode, make, isAccepted }]) => {
    for (const bytes of [make(1), make(4)]) {
      if (isAccepted) decode(bytes);
      else expect(() => decode(bytes)).toThrow(DecodeError);
    }
    expect(make(4).length / make(1).length).toBeGreaterThan(3);
  });
});

describe("four times the bytes take no more than about four times as long", () => {
  let times: ReadonlyMap<string, Time>;
  beforeAll(() => {
    times = measured("time", ["--min-semi-space-size=64", "--max-semi-space-size=64"]);
  });

  it.for(named)("%s", ([name]) => {
    const { inputBytes, ms, ratio } = times.get(name)!;
    const nsPerByte = (ms * 1e6) / inputBytes;
    console.log(
      `${name}: ${inputBytes} bytes in ${ms.toFixed(3)} ms, ${nsPerByte.toFixed(2)} ns per byte, ` +
        `${ratio.toFixed(1)} times a quarter of it`,
    );
    expect(ratio).toBeLessThan(RATIO_MAX);
    expect(nsPerByte).toBeLessThan(NS_PER_BYTE_MAX);
  });
});

describe("decoding holds at most 4 times the bytes of the input, and 1 MiB", () => {
  let growths: ReadonlyMap<string, Growth>;
  beforeAll(() => {
    growths = measured("memory", ["--max-semi-space-size=1"]);
  });

  it.for(named)("%s", ([name]) => {
    const { inputBytes, peak, retained } = growths.get(name)!;
    console.log(`${name}: ${inputBytes} bytes, ${peak} held at most, ${retained} in the end`);
    expect(peak).toBeLessThanOrEqual(4 * inputBytes + 2 ** 20);
  });
});
