/** Committees as golden files write them: members with weights, quorums, and lanes in order. */
import { expect } from "vitest";
import { z } from "zod";
import { laneIdOf } from "../../../src/types/lane.js";
import type { Committee, Member, Weighted } from "../../../src/wire/committee.js";
import { keyPairFromSeed } from "../../../src/wire/signatures/signer.js";
import { hex, seedOf, toHex } from "../../wire/bytes.js";
import { decimal, hexText } from "./cases.js";

export const member = z.strictObject({ keySeed: z.string(), public: hexText, weight: decimal });
export const lane = z.strictObject({ validator: hexText, joined: decimal });

/** The values that follow from the members. */
export const quorums = {
  total: decimal,
  faulty: decimal,
  laneQuorum: decimal,
  commitQuorum: decimal,
  prepareQuorum: decimal,
  timeoutQuorum: decimal,
  appQuorum: decimal,
  lanes: z.array(
    z.strictObject({ validator: hexText, joined: decimal, dirName: hexText, weight: decimal }),
  ),
};
const quorumsShape = z.object(quorums);
export type Quorums = z.infer<typeof quorumsShape>;

/** The public key of a seed string, in hex; made once. */
export function publicOf(keySeed: string): string {
  const found = publics.get(keySeed);
  if (found !== undefined) return found;
  const made = toHex(keyPairFromSeed(seedOf(keySeed)).publicKey);
  publics.set(keySeed, made);
  return made;
}
const publics = new Map<string, string>();

/** The members as weights; their keys are those of their seeds. */
export function weighted(members: readonly z.infer<typeof member>[]): readonly Weighted[] {
  return members.map(({ keySeed, public: key, weight }) => {
    expect(publicOf(keySeed)).toBe(key);
    return { key: hex(key), weight };
  });
}

export function expectQuorums(committee: Committee, expected: Quorums): void {
  const { total, faulty, laneQuorum, commitQuorum } = committee;
  expect({
    total,
    faulty,
    laneQuorum,
    commitQuorum,
    // One number for all four.
    prepareQuorum: commitQuorum,
    timeoutQuorum: commitQuorum,
    appQuorum: commitQuorum,
    lanes: committee.members.map(laneOf),
  }).toEqual({
    total: expected.total,
    faulty: expected.faulty,
    laneQuorum: expected.laneQuorum,
    commitQuorum: expected.commitQuorum,
    prepareQuorum: expected.prepareQuorum,
    timeoutQuorum: expected.timeoutQuorum,
    appQuorum: expected.appQuorum,
    lanes: expected.lanes,
  });
}

function laneOf(value: Member): Quorums["lanes"][number] {
  const { key, joined, weight } = value;
  expect(laneIdOf(key, joined)).toBe(value.lane);
  return { validator: toHex(key), joined, dirName: value.lane, weight };
}
