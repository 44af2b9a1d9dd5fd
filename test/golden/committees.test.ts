/** Quorums, lane order and leaders of committees, and a chain of epochs. */
import { expect, it } from "vitest";
import { z } from "zod";
import { laneIdOf } from "../../src/types/lane.js";
import { Committee, isLaneClosed } from "../../src/wire/committee.js";
import { hex } from "../wire/bytes.js";
import {
  decimal,
  describeGolden,
  eachCase,
  forPeople,
  hexText,
  read,
  verdict,
} from "./kit/cases.js";
import { expectQuorums, member, quorums, weighted } from "./kit/committees.js";
import { verifyVerdict } from "./kit/verdicts.js";

const layout = z.strictObject({
  about: z.strictObject({
    what: forPeople,
    revision: hexText,
    cases: forPeople,
    derived: forPeople,
  }),
  cases: z.array(z.unknown()).min(1),
  derived: z.array(z.unknown()).min(1),
});

/** Road index, view number, epoch index, and the leader's position among the lanes. */
const leader = z.tuple([decimal, decimal, decimal, z.number()]);
const weightList = verdict(
  { name: z.string(), members: z.array(member) },
  { ...quorums, leaders: z.array(leader).min(1) },
);
/** Validator, joined epoch, whether it is a lane of the committee, whether it is closed. */
const laneState = z.tuple([hexText, decimal, z.boolean(), z.boolean()]);
const derivation = verdict(
  { epoch: decimal, members: z.array(member) },
  { committee: z.strictObject(quorums), lanes: z.array(laneState).min(1).optional() },
);
type Derivation = z.infer<typeof derivation>;

describeGolden("committees.json", layout, (sections) => {
  const entries = sections("cases");

  eachCase({ of: "cases", entries, shape: weightList, named: ["name"] }, async (list) => {
    const weights = weighted(list.members);
    if (!list.accept) {
      expect(await verifyVerdict(() => Committee.genesis(weights))).toBe(list.errorClass);
      return;
    }
    expectQuorums(Committee.genesis(weights), list);
  });

  for (const [index, entry] of entries.entries()) {
    const { name, accept } = entry as { readonly name: string; readonly accept: boolean };
    if (!accept) continue;
    it(`cases[${index}].leaders ${name}`, () => {
      const list = read(weightList, entry);
      if (!list.accept) throw new Error("a refused list has no leaders");
      const committee = Committee.genesis(weighted(list.members));
      const found = list.leaders.map(([road, number, epochIndex]) => {
        const view = { index: road, number, epochIndex };
        return [road, number, epochIndex, committee.members.indexOf(committee.leader(view))];
      });
      expect(found).toEqual(list.leaders);
    });
  }

  const chain = sections("derived");
  eachCase(
    { of: "derived", entries: chain, shape: derivation, named: ["epoch"] },
    async (step, at) => {
      const earlier = chain.slice(0, at).map((entry) => read(derivation, entry));
      const before = earlier.reduce<Committee | undefined>(next, undefined);
      if (!step.accept) {
        expect(await verifyVerdict(() => derived(before, step))).toBe(step.errorClass);
        return;
      }
      const committee = derived(before, step);
      expectQuorums(committee, step.committee);
      // Only the genesis may leave the lanes out.
      if (before !== undefined) expect(step.lanes).toBeDefined();
      const states = (step.lanes ?? []).map(([validator, joined]) => {
        const lane = laneIdOf(hex(validator), joined);
        const isMember = committee.memberOfLane(lane) !== undefined;
        return [validator, joined, isMember, isLaneClosed(lane, step.epoch, committee)];
      });
      expect(states).toEqual(step.lanes ?? []);
    },
  );
});

function derived(before: Committee | undefined, { epoch, members }: Derivation): Committee {
  const weights = weighted(members);
  if (before !== undefined) return before.after(epoch, weights);
  expect(epoch).toBe(0n);
  return Committee.genesis(weights);
}

/** The committee after `step`: a refused one leaves the one before it. */
function next(before: Committee | undefined, step: Derivation): Committee | undefined {
  return step.accept ? derived(before, step) : before;
}
