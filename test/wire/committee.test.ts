/** Quorums, lane order, leaders, and lanes over epochs. */
import { describe, expect, it } from "vitest";
import { laneIdOf } from "../../src/types/lane.js";
import { U64_MAX } from "../../src/types/numbers.js";
import { Committee, isLaneClosed } from "../../src/wire/committee.js";
import { VerifyError } from "../../src/wire/verify-error.js";
import { committee, keys } from "./samples.js";

/** Of the sample committee: positions of the leaders of roads 0 to 11 at view number 2. */
const LEADERS = [1, 1, 0, 1, 0, 1, 0, 0, 2, 0, 1, 1];

/** A committee of made-up keys with these weights, in the order of the keys. */
const numbered = (weights: readonly bigint[]) =>
  weights.map((weight, index) => ({ key: new Uint8Array(32).fill(index + 1), weight }));

describe("a committee", () => {
  it.for([
    { weights: [1n], quorums: [1n, 0n, 1n, 1n] },
    { weights: [1n, 1n, 1n], quorums: [3n, 0n, 3n, 1n] },
    { weights: [1n, 1n, 1n, 1n], quorums: [4n, 1n, 3n, 2n] },
    { weights: [1n, 2n, 4n, 8n, 16n, 32n, 64n], quorums: [127n, 42n, 85n, 43n] },
    { weights: [5n, 0n, 5n], quorums: [10n, 3n, 7n, 4n] },
    {
      weights: [U64_MAX],
      quorums: [U64_MAX, U64_MAX / 3n - 1n, 2n * (U64_MAX / 3n) + 1n, U64_MAX / 3n],
    },
  ])("of weights $weights has its quorums", ({ weights, quorums }) => {
    const made = Committee.genesis(numbered(weights));
    expect([made.total, made.faulty, made.commitQuorum, made.laneQuorum]).toEqual(quorums);
    expect(made.members.length).toBe(weights.filter((weight) => weight > 0n).length);
  });

  it("has its lanes in the order of keys, whatever order they came in", () => {
    const lanes = committee.members.map(({ lane }) => lane);
    expect(lanes).toEqual([...lanes].sort());
    const weights = keys.map(({ publicKey }) => ({ key: publicKey, weight: 1n }));
    expect(Committee.genesis(weights.reverse()).members).toEqual(committee.members);
  });

  it("draws its leaders by weight, from road and view number only", () => {
    const weights = numbered([1n, 100n, 1n]);
    const made = Committee.genesis(weights);
    const drawn = Array.from({ length: 30 }, (_, index) => {
      const leader = made.leader({ index: BigInt(index), number: 0n });
      return made.members.indexOf(leader);
    });
    expect(drawn.filter((position) => position === 1).length).toBeGreaterThan(25);
    const leaders = Array.from({ length: 12 }, (_, index) => {
      const leader = committee.leader({ index: BigInt(index), number: 2n });
      return committee.members.indexOf(leader);
    });
    expect(leaders).toEqual(LEADERS);
  });

  it.for([
    { what: "no members", weights: [], errorClass: "zero_weight" },
    { what: "weights of 0 only", weights: [0n, 0n], errorClass: "zero_weight" },
    { what: "a total of 2^64", weights: [U64_MAX, 1n], errorClass: "overflow" },
    {
      what: "101 members",
      weights: Array<bigint>(101).fill(1n),
      errorClass: "too_many_validators",
    },
  ])("is refused with $what ($errorClass)", ({ weights, errorClass }) => {
    const make = () => Committee.genesis(numbered(weights));
    expect(make).toThrow(VerifyError);
    expect(make).toThrow(expect.objectContaining({ errorClass }));
  });
});

describe("over epochs", () => {
  const [a, b, c] = numbered([1n, 1n, 1n]);
  if (a === undefined || b === undefined || c === undefined) throw new Error("three members");
  const joined = (made: Committee) => made.members.map((member) => member.joined);

  it("those who stay keep the epoch they joined, those who come back join anew", () => {
    const zero = Committee.genesis([a, b]);
    const two = zero.after(2n, [a, c]);
    const five = two.after(5n, [a, b, c]);
    expect([zero, two, five].map(joined)).toEqual([
      [0n, 0n],
      [0n, 2n],
      [0n, 5n, 2n],
    ]);
  });

  it("a lane is closed in an epoch after its own whose committee does not have it", () => {
    const later = Committee.genesis([a, b]).after(2n, [a]);
    const closed = (key: Uint8Array, epoch: bigint) =>
      isLaneClosed(laneIdOf(key, epoch), 2n, later);
    expect(closed(a.key, 0n)).toBe(false);
    expect(closed(b.key, 0n)).toBe(true);
    expect(closed(a.key, 1n)).toBe(true);
    expect(closed(b.key, 2n)).toBe(false);
    expect(closed(b.key, 3n)).toBe(false);
  });

  it("epoch 0 comes after no other", () => {
    const make = () => Committee.genesis([a]).after(0n, [a]);
    expect(make).toThrow(expect.objectContaining({ errorClass: "epoch_zero" }));
  });
});
