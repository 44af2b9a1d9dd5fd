/** Certificates, verified against a committee and the epoch it decides. */
import { expect } from "vitest";
import { z } from "zod";
import { Committee, type Epoch } from "../../src/wire/committee.js";
import * as decode from "../../src/wire/codec/decode.js";
import {
  verifyAppAgainstCommit,
  verifyAppQC,
  verifyCommitQC,
  verifyFullCommitQC,
  verifyLaneQC,
  verifyPrepareQC,
  verifyTimeoutQC,
} from "../../src/wire/rules/verify.js";
import { toHex } from "../wire/bytes.js";
import {
  bytes,
  decimal,
  describeGolden,
  eachCase,
  forPeople,
  hexText,
  read,
  verdict,
} from "./kit/cases.js";
import { expectQuorums, member, quorums, weighted } from "./kit/committees.js";
import { decoded, verifyVerdict } from "./kit/verdicts.js";

const layout = z.strictObject({
  about: z.strictObject({
    what: forPeople,
    revision: hexText,
    committees: forPeople,
    cases: forPeople,
    errorClasses: forPeople,
  }),
  committees: z.array(z.unknown()).min(1),
  cases: z.array(z.unknown()).min(1),
});

const committee = z.strictObject({
  name: z.string(),
  members: z.array(member),
  ...quorums,
  epoch: z.strictObject({
    index: decimal,
    roads: z.strictObject({
      first: decimal,
      next: decimal,
    }),
    // The begin of the epoch's first proposal. No certificate is verified by it.
    firstBlock: decimal,
    firstTimestamp: z.strictObject({ seconds: decimal, nanos: z.number() }),
  }),
});
type Listed = z.infer<typeof committee>;

const types = [
  "CommitQC",
  "PrepareQC",
  "LaneQC",
  "AppQC",
  "FullCommitQC",
  "TimeoutQC",
  "AppProposalAgainstCommitQC",
] as const;
const certificate = verdict(
  {
    name: z.string(),
    type: z.enum(types),
    committee: z.string(),
    bytes,
    decodes: z.boolean(),
    commitQC: bytes.optional(),
    previousCommitQC: bytes.nullable().optional(),
  },
  {},
);
type Certificate = z.infer<typeof certificate>;

describeGolden("qcs.json", layout, (sections) => {
  const listed = sections("committees");
  eachCase({ of: "committees", entries: listed, shape: committee, named: ["name"] }, (expected) => {
    expectQuorums(committeeOf(expected), expected);
  });

  const named = ["committee", "type", "name"];
  eachCase({ of: "cases", entries: sections("cases"), shape: certificate, named }, async (qc) => {
    expect(qc.commitQC !== undefined).toBe(qc.type === "AppProposalAgainstCommitQC");
    expect(qc.previousCommitQC !== undefined).toBe(qc.type === "TimeoutQC");
    const again = decoded(encodedType(qc), qc.bytes);
    expect(typeof again === "string" ? "refused" : "decodes").toBe(
      qc.decodes ? "decodes" : "refused",
    );
    if (typeof again === "string") {
      expect(qc.accept ? "accept" : qc.errorClass).toBe(again);
      return;
    }
    expect(toHex(again)).toBe(toHex(qc.bytes));
    const epoch = epochNamed(qc.committee, listed);
    const outcome = await verifyVerdict(() => verified(qc, epoch));
    expect(outcome).toBe(qc.accept ? "accept" : qc.errorClass);
  });
});

function encodedType({ type }: Certificate): string {
  return type === "AppProposalAgainstCommitQC" ? "AppProposal" : type;
}

function verified(qc: Certificate, epoch: Epoch): void | Promise<void> {
  switch (qc.type) {
    case "CommitQC":
      return verifyCommitQC(decode.decodeCommitQC(qc.bytes), epoch);
    case "PrepareQC":
      return verifyPrepareQC(decode.decodePrepareQC(qc.bytes), epoch);
    case "LaneQC":
      return verifyLaneQC(decode.decodeLaneQC(qc.bytes), epoch.committee);
    case "AppQC":
      return verifyAppQC(decode.decodeAppQC(qc.bytes), epoch.committee);
    case "FullCommitQC":
      return verifyFullCommitQC(decode.decodeFullCommitQC(qc.bytes), epoch);
    case "TimeoutQC": {
      const previous = qc.previousCommitQC ?? undefined;
      const before = previous === undefined ? undefined : decode.decodeCommitQC(previous);
      return verifyTimeoutQC(decode.decodeTimeoutQC(qc.bytes), epoch, before);
    }
    case "AppProposalAgainstCommitQC": {
      const about = decode.decodeCommitQC(qc.commitQC ?? new Uint8Array());
      return verifyAppAgainstCommit(decode.decodeAppProposal(qc.bytes), about);
    }
  }
}

function epochNamed(name: string, listed: readonly unknown[]): Epoch {
  const found = listed.find((entry) => (entry as { readonly name: string }).name === name);
  const expected = read(committee, found);
  return {
    index: expected.epoch.index,
    firstRoad: expected.epoch.roads.first,
    nextRoad: expected.epoch.roads.next,
    committee: committeeOf(expected),
  };
}

/** A committee whose lanes have the joined epochs listed: the last of a chain of epochs. */
function committeeOf({ members, lanes }: Listed): Committee {
  const joinedOf = new Map(lanes.map(({ validator, joined }) => [validator, joined]));
  const epochs = [...new Set(joinedOf.values())].sort((a, b) => (a < b ? -1 : 1));
  const stranger = { key: new Uint8Array(32), weight: 1n };
  let last: Committee | undefined;
  for (const epoch of epochs) {
    const joined = members.filter(({ public: key }) => (joinedOf.get(key) ?? 0n) <= epoch);
    if (last === undefined && epoch === 0n) last = Committee.genesis(weighted(joined));
    else last = (last ?? Committee.genesis([stranger])).after(epoch, weighted(joined));
  }
  if (last === undefined) throw new Error("a committee without lanes");
  return last;
}
