import { describe, expect, it } from "vitest";
import { laneIdOf } from "../../src/types/lane.js";
import { roadIndex } from "../../src/types/numbers.js";
import { Committee, isLaneClosed } from "../../src/wire/committee.js";
import { VerifyError } from "../../src/wire/verify-error.js";
import { golden, hex, noGolden } from "./golden.js";

interface Quorums {
  readonly total: string;
  readonly faulty: string;
  readonly laneQuorum: string;
  readonly commitQuorum: string;
  readonly lanes: readonly { readonly dirName: string; readonly weight: string }[];
}

interface Members {
  readonly members: readonly { readonly public: string; readonly weight: string }[];
}

interface Committees {
  readonly cases: readonly (Members &
    Quorums & {
      readonly name: string;
      readonly accept: boolean;
      readonly errorClass?: string;
      readonly leaders?: readonly (readonly [string, string, string, number])[];
    })[];
  readonly derived: readonly (Members & {
    readonly epoch: string;
    readonly accept: boolean;
    readonly errorClass?: string;
    readonly committee?: Quorums;
    readonly lanes?: readonly (readonly [string, string, boolean, boolean])[];
  })[];
}

function weighted({ members }: Members) {
  return members.map((member) => ({ key: hex(member.public), weight: BigInt(member.weight) }));
}

function checkQuorums(committee: Committee, expected: Quorums): void {
  expect({
    total: String(committee.total),
    faulty: String(committee.faulty),
    laneQuorum: String(committee.laneQuorum),
    commitQuorum: String(committee.commitQuorum),
    lanes: committee.members.map(({ lane, weight }) => [lane, String(weight)]),
  }).toEqual({
    total: expected.total,
    faulty: expected.faulty,
    laneQuorum: expected.laneQuorum,
    commitQuorum: expected.commitQuorum,
    lanes: expected.lanes.map(({ dirName, weight }) => [dirName, weight]),
  });
}

function refusal(make: () => Committee): string {
  try {
    make();
    return "accept";
  } catch (error) {
    if (error instanceof VerifyError) return error.errorClass;
    throw error;
  }
}

describe.skipIf(noGolden)("committees", () => {
  const data = noGolden ? undefined : golden<Committees>("committees.json");

  it.for(data?.cases ?? [])("$name", (testCase) => {
    if (!testCase.accept) {
      expect(refusal(() => Committee.genesis(weighted(testCase)))).toBe(testCase.errorClass);
      return;
    }
    const committee = Committee.genesis(weighted(testCase));
    checkQuorums(committee, testCase);
    for (const [index, number, , position] of testCase.leaders ?? []) {
      const leader = committee.leader({ index: roadIndex(BigInt(index)), number: BigInt(number) });
      expect(committee.members.indexOf(leader)).toBe(Number(position));
    }
  });

  it("a chain of epochs keeps the joined epochs of those who stay and closes other lanes", () => {
    let current: Committee | undefined;
    for (const step of data?.derived ?? []) {
      const epoch = BigInt(step.epoch);
      const weights = weighted(step);
      const before = current;
      const make = () => before?.after(epoch, weights) ?? Committee.genesis(weights);
      if (!step.accept) {
        expect(refusal(make)).toBe(step.errorClass);
        continue;
      }
      const committee = make();
      current = committee;
      if (step.committee !== undefined) checkQuorums(committee, step.committee);
      for (const [validator, joined, member, closed] of step.lanes ?? []) {
        const lane = laneIdOf(hex(validator), BigInt(joined));
        expect(committee.memberOfLane(lane) !== undefined).toBe(member);
        expect(isLaneClosed(lane, epoch, committee)).toBe(closed);
      }
    }
  });
});
