/**
 * Decides what of one log is kept: its records from its start on, as long as each is proven, and is there in the store or
 * in another source.
 *
 * # Proof
 *
 * - A record of the store has verified by its checksums, and so has one of a backup of this store. Each must be
 *   rightly signed all the same, and a block must link to the one before it.
 * - A peer, or an archive, may know another block than the one that was acknowledged here. Its block counts only if a
 *   commit QC of the road has its hash, or if the next block links to it, which is held here or counts itself.
 */
import { RecordProver } from "../../inspect/walk/proof.js";
import { ROAD } from "../../persist/kinds.js";
import type { LaneId } from "../../types/lane.js";
import { readSignedBlockHeader } from "../../wire/codec/block-header.js";
import { decodeCommitQC } from "../../wire/codec/decode.js";
import { DecodeError } from "../../wire/codec/decode-error.js";
import { headerHash, sameBytes } from "../../wire/hash.js";
import { type BlockHeader, LANE_BLOCKS_MAX } from "../../wire/messages.js";
import type { RepairSources } from "./sources.js";

/** A log as it will be. */
export interface KeptLog {
  readonly name: string;
  readonly first: bigint;
  readonly records: readonly Uint8Array[];
  /** How many of them came from elsewhere. */
  readonly fromBackup: number;
  readonly fromArchive: number;
  readonly fromPeers: number;
  /** The first number that was there and is not kept, and the one behind the last, as far as is known. */
  readonly lost: { readonly first: bigint; readonly next: bigint } | undefined;
}

export const NOWHERE_ELSE = { fromBackup: 0, fromArchive: 0, fromPeers: 0 } as const;

/**
 * Commit QCs that are asked for elsewhere: a road whose anchor is lost may have begun long ago, and all that is kept is
 * in memory.
 */
const ASKED_ROADS_MAX = 10_000;

/** Those that are asked for a record, in this order. */
const others = [
  { counted: "fromArchive", source: "archive" },
  { counted: "fromPeers", source: "peers" },
] as const;
type Other = (typeof others)[number]["source"];

export class LogPlanner {
  readonly #sources: RepairSources;
  readonly #prover: RecordProver;

  constructor(sources: RepairSources) {
    this.#sources = sources;
    this.#prover = new RecordProver({ kind: "committees", epochs: sources.epochs });
  }

  async road(start: bigint): Promise<KeptLog> {
    let asked = 0;
    return await this.#run(ROAD, start, {
      fits: (payload, number) => decodeCommitQC(payload).vote.view.index === number,
      ask: async (number, other) => {
        asked += 1;
        return asked > ASKED_ROADS_MAX ? undefined : await this.#sources[other].commitQC?.(number);
      },
    });
  }

  async lane(lane: LaneId, start: bigint, road: KeptLog): Promise<KeptLog> {
    let before: Uint8Array | undefined;
    const covered = coveredBy(road, lane);
    const runs = new Map<Other, ReadonlyMap<bigint, Uint8Array>>();
    return await this.#run(lane, start, {
      fits: (payload, number) => {
        const header = readSignedBlockHeader(payload);
        if (header.lane !== lane || header.blockNumber !== number) return false;
        if (before && !sameBytes(header.parentHash, before)) return false;
        before = headerHash(header);
        return true;
      },
      ask: async (number, other) => {
        const run = runs.get(other);
        if (run?.has(number)) return run.get(number);
        const next = await this.#runOf({ lane, number, other }, covered);
        runs.set(other, next);
        return next.get(number);
      },
    });
  }

  /**
   * The blocks of another source from `number` on, up to the next one that is held here: those that are proven. They are
   * proven from the end down, since a block names the one before it.
   */
  async #runOf(
    { lane, number: first, other }: { lane: LaneId; number: bigint; other: Other },
    covered: (number: bigint, hash: Uint8Array) => boolean,
  ): Promise<ReadonlyMap<bigint, Uint8Array>> {
    const found: { number: bigint; payload: Uint8Array; header: BlockHeader }[] = [];
    let next: BlockHeader | undefined;
    for (let number = first; !next && found.length < LANE_BLOCKS_MAX; ) {
      const payload = await this.#sources[other].block?.(lane, number);
      const header = payload && headerIn(payload);
      if (!header || header.lane !== lane || header.blockNumber !== number) break;
      found.push({ number, payload, header });
      number += 1n;
      next = this.#headerOf(lane, number);
    }
    const proven = new Map<bigint, Uint8Array>();
    for (const { number, payload, header } of found.reverse()) {
      const hash = headerHash(header);
      const isProven = (next && sameBytes(next.parentHash, hash)) || covered(number, hash);
      if (isProven) proven.set(number, payload);
      next = isProven ? header : undefined;
    }
    return proven;
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
      readonly ask: (number: bigint, other: Other) => Promise<Uint8Array | undefined>;
    },
  ): Promise<KeptLog> {
    const { store, backup } = this.#sources;
    const log = store.logs.get(name);
    const copy = backup?.logs.get(name);
    const next = log?.next ?? 0n;
    const records: Uint8Array[] = [];
    const from: Record<keyof typeof NOWHERE_ELSE, number> = { ...NOWHERE_ELSE };
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
      if (number >= next) break;
      const before = records.length;
      for (const { counted, source } of others) {
        const asked = await ask(number, source);
        if (!asked || !(await this.#isProven(name, asked, number, fits))) continue;
        records.push(asked);
        from[counted] += 1;
        break;
      }
      if (records.length === before) break;
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

/** `undefined` for bytes that are no block. */
function headerIn(payload: Uint8Array): BlockHeader | undefined {
  try {
    return readSignedBlockHeader(payload);
  } catch (cause) {
    if (!(cause instanceof DecodeError)) throw cause;
    return undefined;
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
