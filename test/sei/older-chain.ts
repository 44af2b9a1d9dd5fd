/** A small chain of the older revision: four replicas, signed blocks, certificates, a state. */
import type { Disk } from "../../src/disk/disk.js";
import { OlderCommittee } from "../../src/sei/older/committee.js";
import {
  encodeCommitQC,
  encodePersistedInner,
  encodePruneAnchor,
  encodeSignedBlock,
  rangesByLane,
} from "../../src/sei/older/encode.js";
import { headerHash, msgDigest, payloadHash } from "../../src/sei/older/hash.js";
import {
  type AppProposal,
  type AppQC,
  type Arm,
  type Arms,
  type CommitQC,
  type LaneKey,
  type LaneRange,
  laneKeyOf,
  type Msg,
  type Payload,
  type PersistedInner,
  type Proposal,
  type PruneAnchor,
  type SignedBlock,
} from "../../src/sei/older/messages.js";
import { blockNumber, roadIndex } from "../../src/types/numbers.js";
import { type KeyPair, keyPairFromSeed, sign } from "../../src/wire/ed25519.js";
import { type Certificate, type Signed, ZERO_HASH } from "../../src/wire/messages.js";
import { seedOf } from "../wire/bytes.js";
import { entry, segmentName, writeFile } from "./older-files.js";

export const keys: readonly KeyPair[] = [0, 1, 2, 3].map((index) =>
  keyPairFromSeed(seedOf(`node-${index}`)),
);
export const stranger: KeyPair = keyPairFromSeed(seedOf("stranger"));
export const committee = new OlderCommittee(keys.map(({ publicKey }) => publicKey));
export const lanes: readonly LaneKey[] = keys.map(({ publicKey }) => laneKeyOf(publicKey));

export function payload(total: bigint): Payload {
  return {
    createdAt: { seconds: 1_700_000_000n, nanos: 5 },
    totalGas: total,
    edgeCount: -1n,
    coinbase: new Uint8Array(0),
    basefee: 0n,
    txs: [Uint8Array.from(Buffer.from("tx"))],
  };
}

export function signed<A extends Arm>(arm: A, value: Arms[A], by: KeyPair): Signed<Arms[A]> {
  return { msg: value, sig: sign(by, msgDigest({ arm, value } as Msg)) };
}

export function certificate<A extends Arm>(
  arm: A,
  value: Arms[A],
  by: readonly KeyPair[],
): Certificate<Arms[A]> {
  return { vote: value, sigs: by.map((pair) => signed(arm, value, pair).sig) };
}

/** The blocks `[first, next)` of the lane of `owner`, each on the one before. */
export function chainOf(owner: KeyPair, first: number, next: number): readonly SignedBlock[] {
  const blocks: SignedBlock[] = [];
  let parentHash = ZERO_HASH;
  for (let number = first; number < next; number++) {
    const content = payload(BigInt(number));
    const header = {
      lane: laneKeyOf(owner.publicKey),
      blockNumber: blockNumber(BigInt(number)),
      parentHash,
      payloadHash: payloadHash(content),
    };
    blocks.push(signed("lane_proposal", { header, payload: content }, owner));
    parentHash = headerHash(header);
  }
  return blocks;
}

export function proposalAt(road: number, laneRanges: readonly LaneRange[] = []): Proposal {
  return {
    view: { index: roadIndex(BigInt(road)), number: 0n },
    createdAt: { seconds: 1_700_000_000n, nanos: 0 },
    laneRanges: rangesByLane(laneRanges),
    app: undefined,
  };
}

export function range(lane: LaneKey, first: number, next: number): LaneRange {
  const [from, to] = [blockNumber(BigInt(first)), blockNumber(BigInt(next))];
  return { lane, first: from, next: to, lastHash: ZERO_HASH };
}

/** A commit QC signed by three of the four. */
export function commitQCAt(road: number, laneRanges: readonly LaneRange[] = []): CommitQC {
  return certificate("commit_vote", proposalAt(road, laneRanges), keys.slice(0, 3));
}

/** An app QC about the global number `globalNumber`, signed by three of the four. */
export function appQCAt(road: number, globalNumber: bigint): AppQC {
  const app: AppProposal = {
    globalNumber,
    roadIndex: roadIndex(BigInt(road)),
    appHash: Uint8Array.of(7),
  };
  return certificate("app_vote", app, keys.slice(1));
}

export interface Stored {
  readonly inner?: PersistedInner;
  readonly anchor?: PruneAnchor;
  readonly lanes?: Readonly<Record<LaneKey, readonly SignedBlock[]>>;
  readonly road?: readonly CommitQC[];
}

function wrapped(message: Uint8Array): Uint8Array {
  return Buffer.concat([Uint8Array.of(0x08, 1), Uint8Array.of(0x12), entry(message)]);
}

/** Writes a state directory as the older revision leaves it: first A slots, one segment per log. */
export async function writeState(disk: Disk, directory: string, stored: Stored): Promise<void> {
  const log = (path: string, records: readonly Uint8Array[]): Promise<void> =>
    writeFile(disk, `${path}/${segmentName(1)}`, Buffer.concat(records.map(entry)));
  await log(`${directory}/commitqcs`, (stored.road ?? []).map(encodeCommitQC));
  for (const [lane, blocks] of Object.entries(stored.lanes ?? {})) {
    await log(`${directory}/blocks/${lane}`, blocks.map(encodeSignedBlock));
  }
  if (stored.inner !== undefined) {
    const bytes = wrapped(encodePersistedInner(stored.inner));
    await writeFile(disk, `${directory}/inner_a.pb`, bytes);
  }
  if (stored.anchor !== undefined) {
    const bytes = wrapped(encodePruneAnchor(stored.anchor));
    await writeFile(disk, `${directory}/avail_inner_a.pb`, bytes);
  }
}
