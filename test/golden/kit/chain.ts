/** The chain behind the golden state directories, and what is stored of it. */
import { z } from "zod";
import { type LaneId, laneId } from "../../../src/types/lane.js";
import type { Epoch, EpochOf } from "../../../src/wire/committee.js";
import { decodeAppQC, decodeCommitQC } from "../../../src/wire/codec/decode.js";
import type { PruneAnchor } from "../../../src/wire/messages.js";
import { hex } from "../../wire/bytes.js";
import { decimal, forPeople, hexText, read } from "./cases.js";
import { member, quorums } from "./committees.js";
import { epochOf, epochShape } from "./directories.js";
import { golden } from "./golden.js";

const block = z.strictObject({
  number: decimal,
  record: hexText,
  sha256: hexText,
  headerHash: hexText,
  parentHash: hexText,
  payloadHash: hexText,
});
const commitQC = z.strictObject({
  road: decimal,
  record: hexText,
  sha256: hexText,
  appQC: hexText,
  fullCommitQC: hexText,
  globalFirst: decimal,
  globalNext: decimal,
  laneRanges: z.array(z.tuple([hexText, decimal, decimal])),
});
const shape = z.strictObject({
  about: z.record(z.string(), forPeople),
  members: z.array(member).min(1),
  epoch: epochShape,
  committee: z.strictObject(quorums),
  lanes: z.record(hexText, z.array(block).min(1)),
  commitQCs: z.array(commitQC).min(1),
});

/** A second epoch, with the anchor of its first road. */
export const epochOneShape = z.strictObject({
  members: z.array(member).min(1),
  epoch: epochShape,
  committee: z.strictObject(quorums),
  commitQC: hexText,
  appQC: hexText,
  fullCommitQC: hexText,
});

export interface GoldenChain {
  readonly epoch: Epoch;
  /** The record of each block, by lane and number. */
  readonly blocks: ReadonlyMap<LaneId, ReadonlyMap<bigint, string>>;
  /** The record of each commit QC. */
  readonly commitQCs: ReadonlyMap<bigint, string>;
  readonly anchors: ReadonlyMap<bigint, PruneAnchor>;
}

export function goldenChain(): GoldenChain {
  const chain = read(shape, golden("state/chain.json"));
  const lanes = Object.entries(chain.lanes).map(([name, blocks]) => {
    return [laneId(name), new Map(blocks.map((each) => [each.number, each.record]))] as const;
  });
  return {
    epoch: epochOf(chain),
    blocks: new Map(lanes),
    commitQCs: new Map(chain.commitQCs.map((qc) => [qc.road, qc.record])),
    anchors: new Map(chain.commitQCs.map((qc) => [qc.road, anchorOf(qc.record, qc.appQC)])),
  };
}

function anchorOf(record: string, appQC: string): PruneAnchor {
  return { commitQC: decodeCommitQC(hex(record)), appQC: decodeAppQC(hex(appQC)) };
}

/** The context of a case: the epochs that are known, and the anchors by their road. */
export interface OpeningContext {
  readonly latest: Epoch;
  readonly epochOf: EpochOf;
  readonly anchors: ReadonlyMap<bigint, PruneAnchor>;
}

export function contextOf(
  chain: GoldenChain,
  second: z.infer<typeof epochOneShape> | undefined,
): OpeningContext {
  const epochs = [chain.epoch];
  const anchors = new Map(chain.anchors);
  if (second) {
    const anchor = anchorOf(second.commitQC, second.appQC);
    anchors.set(anchor.commitQC.vote.view.index, anchor);
    epochs.unshift(epochOf(second, chain.epoch));
  }
  const known = (index: bigint) => epochs.find((epoch) => epoch.index === index);
  return { latest: epochs[0] as Epoch, epochOf: known, anchors };
}
