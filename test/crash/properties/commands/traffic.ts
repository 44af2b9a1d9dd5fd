/**
 * The properties push blocks on any parent, of a few bytes up to all that a segment holds;
 * commit QCs, some of which say nothing of one lane; anchors, lane QCs. Deterministic, and kept from
 * run to run; one signature is a quorum here, since signing and verifying are the slow part.
 */
import { createHash } from "node:crypto";
import { recordBytesIn } from "../../../../src/journal/form/group-size.js";
import { headBytesMax } from "../../../../src/journal/form/head.js";
import {
  BLOCK_BYTES,
  RECORD_HEADER_BYTES,
  SEGMENT_RESERVE_BYTES,
} from "../../../../src/journal/form/records.js";
import { startsOf } from "../../../../src/persist/anchor.js";
import type { LaneId } from "../../../../src/types/lane.js";
import { U64_MAX } from "../../../../src/types/numbers.js";
import { buildBlock, signBlock } from "../../../../src/wire/build.js";
import { buildAppQC, buildCommitQC, buildLaneQC } from "../../../../src/testing/certificates.js";
import { Committee, type Epoch } from "../../../../src/wire/committee.js";
import { keyPairFromSeed } from "../../../../src/wire/signatures/signer.js";
import {
  encodeCommitQC,
  encodePruneAnchor,
  encodeSignedBlock,
} from "../../../../src/wire/codec/encode.js";
import { headerHash } from "../../../../src/wire/hash.js";
import { type LaneQC, type PruneAnchor, ZERO_HASH } from "../../../../src/wire/messages.js";
import { globalRange } from "../../../../src/wire/rules/proposal.js";
import type { OfferedAnchor } from "../../../model/reference-model.js";
import { CRASH_SEGMENT_BYTES } from "../../history/session.js";

/** The largest block that a segment holds, whatever its head lists, with its group's footer. */
export const BLOCK_BYTES_MAX =
  recordBytesIn(CRASH_SEGMENT_BYTES - headBytesMax(CRASH_SEGMENT_BYTES) - SEGMENT_RESERVE_BYTES) -
  2 * RECORD_HEADER_BYTES -
  255;

/**
 * A block that fills a segment but for two blocks of the disk. A larger one, copied on a disk without a
 * free byte, leaves its segment no room for the group of the anchor's QC, which open appends: it is then
 * refused with DISK_FULL until there is room. Segments that are a few times as large as a record have it.
 */
const BLOCK_BYTES_FULL = BLOCK_BYTES_MAX - 2 * BLOCK_BYTES;

/** Bytes of the one transaction, or: all that fits, or one byte more. */
type Size = number | "full" | "too large";
/** Of the blocks of each lane, by number, over and over. */
const sizes: readonly (readonly Size[])[] = [
  [1, 40],
  [500, 1, 2000],
  [500, "full", 1, 5000, 500],
];

/** Blocks kept in memory. */
const BLOCKS_MAX = 10_000;

const [first, ...others] = [0, 1, 2].map((index) =>
  keyPairFromSeed(createHash("sha256").update(`property ${index}`).digest()),
);
/** Its signature alone is every quorum. */
const signer = first!;
const keys = [signer, ...others];
const committee = Committee.genesis(
  keys.map((pair) => ({ key: pair.publicKey, weight: pair === signer ? 5n : 1n })),
);
const epoch: Epoch = {
  index: 0n,
  firstRoad: 0n,
  nextRoad: U64_MAX,
  committee,
};

export const epochOf = (index: bigint): Epoch | undefined => (index === 0n ? epoch : undefined);

export const lanes: readonly LaneId[] = committee.members.map((member) => member.lane);

/** A block as it is pushed. Hashes are hex, that of no parent is 64 zeros. */
export interface MadeBlock {
  readonly lane: LaneId;
  readonly number: bigint;
  readonly bytes: Uint8Array;
  readonly hash: string;
  readonly parent: string;
}

export interface MadeQC {
  readonly index: bigint;
  readonly bytes: Uint8Array;
  /** By lane, the next of its range: what the QC covers. */
  readonly covers: ReadonlyMap<string, bigint>;
  readonly anchor: PruneAnchor;
  /** The anchor as the model is told of it. */
  readonly offered: OfferedAnchor;
}

export const NO_PARENT = "00".repeat(32);
/** Of a block that nobody has. */
export const STRANGER = "ab".repeat(32);

const blocks = new Map<string, MadeBlock>();
const qcs = new Map<string, MadeQC>();

/** The differences between blocks of one place. */
export interface BlockForm {
  readonly fork?: number;
  readonly size?: Size;
}

/** Block `number` of the lane on `parent`. */
export function blockOn(
  place: { readonly lane: LaneId; readonly number: bigint; readonly parent: string } & BlockForm,
): MadeBlock {
  const { lane, number, parent, fork = 0 } = place;
  const cycle = sizes[lanes.indexOf(lane)]!;
  const size = place.size ?? cycle[Number(number % BigInt(cycle.length))]!;
  const key = `${lane} ${number} ${parent} ${fork} ${size}`;
  const known = blocks.get(key);
  if (known) return known;
  const made = (txBytes: number) => signedBlock({ lane, number, parent, fork, txBytes });
  const block = typeof size === "number" ? made(size) : ofBytes(made, bytesOf(size));
  if (blocks.size >= BLOCKS_MAX) blocks.clear();
  blocks.set(key, block);
  return block;
}

function bytesOf(size: "full" | "too large"): number {
  return size === "full" ? BLOCK_BYTES_FULL : BLOCK_BYTES_MAX + 1;
}

/** The block that has just so many bytes. */
function ofBytes(made: (txBytes: number) => MadeBlock, bytes: number): MadeBlock {
  let txBytes = bytes;
  for (;;) {
    const block = made(txBytes);
    if (block.bytes.length === bytes) return block;
    txBytes += bytes - block.bytes.length;
  }
}

function signedBlock(of: {
  readonly lane: LaneId;
  readonly number: bigint;
  readonly parent: string;
  readonly fork: number;
  readonly txBytes: number;
}): MadeBlock {
  const { lane, number, parent, fork, txBytes } = of;
  const block = buildBlock({
    lane,
    blockNumber: number,
    parentHash: Buffer.from(parent, "hex"),
    payload: {
      createdAt: { seconds: 1_700_000_000n, nanos: 0 },
      txs: [Buffer.alloc(txBytes, `${lane.slice(0, 8)} ${number} ${fork} `)],
      totalGasWanted: 0n,
      totalGasEstimated: BigInt(fork),
    },
  });
  const pair = keys.find(({ publicKey }) => lane.startsWith(hexOf(publicKey)))!;
  const bytes = encodeSignedBlock(signBlock(block, pair));
  return { lane, number, bytes, hash: hexOf(headerHash(block.header)), parent };
}

/**
 * The commit QC of `index`, with the range [index, index + 1) of each lane; every fifth is silent about
 * one of them. `fork` makes a QC of another proposal.
 */
export function qcAt(index: bigint, fork = 0): MadeQC {
  const key = `${index} ${fork}`;
  const known = qcs.get(key);
  if (known) return known;
  const silent = index % 5n === 4n ? lanes[Number(index / 5n) % lanes.length] : undefined;
  const laneRanges = lanes
    .filter((lane) => lane !== silent)
    .map((lane) => {
      const [from, next] = [index, index + 1n];
      return { lane, first: from, next, lastHash: hashOfText("block", lane, `${index}`) };
    });
  const proposal = {
    view: { index, number: 0n, epochIndex: 0n },
    timestamp: { seconds: 1_700_000_000n + index, nanos: fork },
    laneRanges,
    globalFirst: index * BigInt(lanes.length),
  };
  const commitQC = buildCommitQC(proposal, [signer]);
  const range = globalRange(proposal);
  const app = {
    roadIndex: index,
    appHash: hashOfText("app", key),
    epochIndex: 0n,
    globalFirst: range.first,
    globalNext: range.next,
  };
  const anchor = { appQC: buildAppQC(app, [signer]), commitQC };
  const bytes = encodeCommitQC(commitQC);
  const covers = new Map(laneRanges.map(({ lane, next }) => [lane as string, next]));
  const starts = startsOf(anchor).lanes;
  const offered = { index, bytes: encodePruneAnchor(anchor), qc: bytes, starts, covers };
  const made = { index, bytes, covers, anchor, offered };
  qcs.set(key, made);
  return made;
}

/** A lane QC of `number`: what it says of the block plays no part here. */
export function laneQCOf(lane: LaneId, number: bigint): LaneQC {
  const place = { lane, blockNumber: number };
  return buildLaneQC({ ...place, parentHash: ZERO_HASH, payloadHash: ZERO_HASH }, [signer]);
}

function hashOfText(...texts: readonly string[]): Buffer {
  return createHash("sha256").update(texts.join(" ")).digest();
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
