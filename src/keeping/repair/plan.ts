/**
 * Decides what of a damaged store is kept. A log is kept from its start as long as each record is proven, and is
 * there in the store or in another source; it ends before the first number that is not.
 *
 * # Proof
 *
 * - A record of the store has verified by its checksums, and so has one of a backup of this store. Each must be
 *   rightly signed all the same, and a block must link to the one before it.
 * - A peer may know another block than the one that was acknowledged here. Its block counts only if the next block
 *   that is held here links to it, or a commit QC of the road has its hash.
 */
import { proveAnchor, startsOf } from "../../persist/anchor.js";
import { RecordProver } from "../../inspect/walk/proof.js";
import { ROAD } from "../../persist/kinds.js";
import { isNoteLog } from "../../persist/note-forms.js";
import { hasCode } from "../../types/errors.js";
import { isLaneId, type LaneId } from "../../types/lane.js";
import { readSignedBlockHeader } from "../../wire/codec/block-header.js";
import { decodeCommitQC } from "../../wire/codec/decode.js";
import type { Epoch } from "../../wire/committee.js";
import { headerHash, sameBytes } from "../../wire/hash.js";
import { type BlockHeader, LANE_BLOCKS_MAX, type PruneAnchor } from "../../wire/messages.js";
import { verifyAnchor } from "../../wire/rules/verify.js";
import type { Salvaged, SalvagedLog } from "./salvage.js";

/** Peers that are asked for records that are lost. Bytes as they were signed; `undefined` where nobody has them. */
export interface Peers {
  readonly block?: (lane: LaneId, number: bigint) => Promise<Uint8Array | undefined>;
  readonly commitQC?: (roadIndex: bigint) => Promise<Uint8Array | undefined>;
}

/** A log as it will be. */
export interface KeptLog {
  readonly name: string;
  readonly first: bigint;
  readonly records: readonly Uint8Array[];
  /** How many of them came from elsewhere. */
  readonly fromBackup: number;
  readonly fromPeers: number;
  /** The first number that was there and is not kept, and the one behind the last, as far as is known. */
  readonly lost: { readonly first: bigint; readonly next: bigint } | undefined;
}

export interface RepairPlan {
  readonly logs: readonly KeptLog[];
  readonly anchor: PruneAnchor | undefined;
  readonly vote: Uint8Array | undefined;
  /** An anchor, or votes, that the mark names as acknowledged and that nobody has. */
  readonly isAnchorLost: boolean;
  readonly isVoteLost: boolean;
  /** Nobody can tell what was acknowledged behind the records that are kept. */
  readonly isEndUnknown: boolean;
}

export interface RepairSources {
  readonly store: Salvaged;
  readonly backup: Salvaged | undefined;
  readonly peers: Peers;
  readonly epochs: readonly Epoch[];
  /** Nobody can tell what was acknowledged behind the records that can be read. */
  readonly isEndUnknown: boolean;
}

export async function planRepair(sources: RepairSources): Promise<RepairPlan> {
  const { store, backup, isEndUnknown } = sources;
  const anchor = await newestAnchor(sources);
  const starts = anchor && startsOf(anchor);
  const planner = new LogPlanner(sources);
  const names = new Set([...store.logs.keys(), ...(starts?.lanes.keys() ?? [])]);
  // The record that made a log may be lost with all that followed it.
  if (isEndUnknown) for (const name of backup?.logs.keys() ?? []) names.add(name);
  const logs: KeptLog[] = [];
  const road = await planner.road(starts?.road ?? 0n);
  for (const name of names) {
    if (isNoteLog(name)) logs.push(keptNotes(store.logs.get(name) ?? backup?.logs.get(name)));
    else if (isLaneId(name)) {
      const least = anchor ? (store.logs.get(name)?.first ?? 0n) : 0n;
      logs.push(await planner.lane(name, starts?.lanes.get(name) ?? least, road));
    }
  }
  const { mark } = store;
  const [vote] = store.votes;
  const newest = vote ?? backup?.votes[0];
  return {
    logs: [road, ...logs],
    anchor,
    vote: newest?.message,
    isAnchorLost: (mark?.anchor.acked ?? 0n) > (store.anchors[0]?.sequence ?? 0n),
    isVoteLost: (mark?.vote.acked ?? 0n) > (vote?.sequence ?? 0n),
    isEndUnknown,
  };
}

/** The newest anchor that the committees prove. */
async function newestAnchor({
  store,
  backup,
  epochs,
}: RepairSources): Promise<PruneAnchor | undefined> {
  const epochOf = (index: bigint): Epoch | undefined => epochs.find((each) => each.index === index);
  let best: PruneAnchor | undefined;
  for (const { message, file } of [...store.anchors, ...(backup?.anchors ?? [])]) {
    try {
      const anchor = await proveAnchor(message, file, (read) => verifyAnchor(read, epochOf));
      const { index } = anchor.commitQC.vote.view;
      if (!best || index > best.commitQC.vote.view.index) best = anchor;
    } catch (cause) {
      // Another slot, or another source, may have one that is right.
      if (!hasCode(cause, "ANCHOR_CORRUPT")) throw cause;
    }
  }
  return best;
}

/** The notes behind the last one that is lost: their numbers only rise, also where all are lost. */
function keptNotes(log: SalvagedLog | undefined): KeptLog {
  const { name = "", first = 0n, next = 0n, records = new Map<bigint, Uint8Array>() } = log ?? {};
  let from = next;
  while (from > first && records.has(from - 1n)) from -= 1n;
  const kept: Uint8Array[] = [];
  for (let number = from; number < next; number++) kept.push(records.get(number) ?? NOTHING);
  const lost = from > first ? { first, next: from } : undefined;
  return { name, first: from, records: kept, fromBackup: 0, fromPeers: 0, lost };
}

const NOTHING = new Uint8Array(0);

class LogPlanner {
  readonly #sources: RepairSources;
  readonly #prover: RecordProver;

  constructor(sources: RepairSources) {
    this.#sources = sources;
    this.#prover = new RecordProver({ kind: "committees", epochs: sources.epochs });
  }

  async road(start: bigint): Promise<KeptLog> {
    return await this.#run(ROAD, start, {
      fits: (payload, number) => decodeCommitQC(payload).vote.view.index === number,
      ask: async (number) => await this.#sources.peers.commitQC?.(number),
    });
  }

  async lane(lane: LaneId, start: bigint, road: KeptLog): Promise<KeptLog> {
    let before: Uint8Array | undefined;
    const covered = coveredBy(road, lane);
    return await this.#run(lane, start, {
      fits: (payload, number) => {
        const header = readSignedBlockHeader(payload);
        if (header.lane !== lane || header.blockNumber !== number) return false;
        if (before && !sameBytes(header.parentHash, before)) return false;
        before = headerHash(header);
        return true;
      },
      ask: async (number) => {
        const payload = await this.#sources.peers.block?.(lane, number);
        if (!payload) return undefined;
        const hash = headerHash(readSignedBlockHeader(payload));
        const next = this.#headerOf(lane, number + 1n);
        const isLinked = next !== undefined && sameBytes(next.parentHash, hash);
        return isLinked || covered(number, hash) ? payload : undefined;
      },
    });
  }

  #headerOf(lane: LaneId, number: bigint): BlockHeader | undefined {
    const { store, backup } = this.#sources;
    const payload =
      store.logs.get(lane)?.records.get(number) ?? backup?.logs.get(lane)?.records.get(number);
    return payload && readSignedBlockHeader(payload);
  }

  async #run(
    name: string,
    first: bigint,
    {
      fits,
      ask,
    }: {
      readonly fits: (payload: Uint8Array, number: bigint) => boolean;
      readonly ask: (number: bigint) => Promise<Uint8Array | undefined>;
    },
  ): Promise<KeptLog> {
    const { store, backup } = this.#sources;
    const log = store.logs.get(name);
    const copy = backup?.logs.get(name);
    const next = log?.next ?? 0n;
    const records: Uint8Array[] = [];
    const from = { fromBackup: 0, fromPeers: 0 };
    const most = name === ROAD ? Number.POSITIVE_INFINITY : LANE_BLOCKS_MAX;
    for (let number = first; records.length < most; number++) {
      const own = log?.records.get(number);
      if (own && (await this.#isProven(name, own, number, fits))) {
        records.push(own);
        continue;
      }
      const copied = copy?.records.get(number);
      if (copied && (await this.#isProven(name, copied, number, fits))) {
        records.push(copied);
        from.fromBackup += 1;
        continue;
      }
      const asked = number < next ? await ask(number) : undefined;
      if (!asked || !(await this.#isProven(name, asked, number, fits))) break;
      records.push(asked);
      from.fromPeers += 1;
    }
    const end = first + BigInt(records.length);
    const lost = end < next ? { first: end, next } : undefined;
    return { name, first, records, ...from, lost };
  }

  async #isProven(
    name: string,
    payload: Uint8Array,
    number: bigint,
    fits: (payload: Uint8Array, number: bigint) => boolean,
  ): Promise<boolean> {
    const doubts = await this.#prover.prove(name, payload);
    return !doubts.some(({ severity }) => severity === "error") && fits(payload, number);
  }
}

/** Whether a commit QC that is kept has this hash for a block of the lane. */
function coveredBy(road: KeptLog, lane: LaneId): (number: bigint, hash: Uint8Array) => boolean {
  const tips = new Map<bigint, Uint8Array>();
  for (const payload of road.records) {
    for (const range of decodeCommitQC(payload).vote.laneRanges) {
      if (range.lane === lane && range.next > range.first)
        tips.set(range.next - 1n, range.lastHash);
    }
  }
  return (number, hash) => {
    const tip = tips.get(number);
    return tip !== undefined && sameBytes(tip, hash);
  };
}
