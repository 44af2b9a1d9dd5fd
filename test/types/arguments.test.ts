import { createContext, runInContext } from "node:vm";
import { expect, test } from "vitest";
import {
  integerArgument,
  optionsArgument,
  signalArgument,
  u64Argument,
} from "../../src/types/arguments.js";
import { withJson } from "../../src/types/json.js";

/** The message of a refusal with USAGE. */
function refusal(check: () => unknown): string {
  try {
    check();
  } catch (error) {
    expect(error).toMatchObject({ code: "USAGE" });
    return (error as Error).message;
  }
  throw new Error("nothing was refused");
}

test("numbers are of their type and in range", () => {
  expect([0n, 2n ** 64n - 1n].map((value) => u64Argument("lsn", value))).toHaveLength(2);
  for (const given of [-1n, 2n ** 64n, 1, "1", undefined]) refusal(() => u64Argument("lsn", given));
  expect(integerArgument("shard", 5, [0, 5])).toBe(5);
  for (const given of [-1, 6, 1.5, Number.NaN, 5n, "5"]) {
    refusal(() => integerArgument("shard", given, [0, 5]));
  }
});

test("a signal of another realm is a signal, and what looks like one only by name is none", () => {
  const other = { aborted: false, addEventListener() {}, removeEventListener() {} };
  expect(signalArgument(other)).toBe(other);
  for (const given of [{ aborted: false }, "stop", null, 5]) refusal(() => signalArgument(given));
});

test("options are read once, and one that nobody knows is named", () => {
  let reads = 0;
  const options = {
    get from() {
      reads += 1;
      return 5n;
    },
  };
  expect(optionsArgument("options", options, ["from", "signal"])).toEqual({ from: 5n });
  expect(reads).toBe(1);
  expect(optionsArgument("options", undefined, ["from"])).toEqual({});
  const ofAnotherRealm: unknown = runInContext("({ from: 5n })", createContext());
  expect(optionsArgument("options", ofAnotherRealm, ["from"])).toEqual({ from: 5n });
  const message = refusal(() => optionsArgument("options", { form: 1 }, ["from", "signal"]));
  expect(message).toBe("options has no form: it has from, signal");
  for (const given of [null, [], 5, "from"]) {
    refusal(() => optionsArgument("options", given, ["from"]));
  }
});

test("a status is JSON: bigints as text, maps as objects, sets as arrays, bytes left out", () => {
  const status = withJson({
    next: 2n ** 63n,
    lanes: new Map([["a", { first: 1n, held: new Uint8Array(3) }]]),
    dropped: new Set(["b"]),
    list: [1n, undefined, null],
  });
  expect(JSON.parse(JSON.stringify(status))).toEqual({
    next: "9223372036854775808",
    lanes: { a: { first: "1" } },
    dropped: ["b"],
    list: ["1", null, null],
  });
  expect(Object.keys(status)).not.toContain("toJSON");
  expect(structuredClone(status)).toEqual({ ...status });
});
