/**
 * The segment that groups go into: begun by its head, sealed by the head of the next one.
 */
import { assert } from "../../types/assert.js";
import { chainStart, recordsStart, SEGMENT_RESERVE_BYTES } from "../form/records.js";
import { encodeHead, SALT_BYTES, type SealedSegment } from "../form/head.js";
import { SEAL_BYTES } from "../form/head-seal.js";
import type { LogTable } from "../form/log-table.js";
import type { SegmentSealer } from "../seal/segment-seal.js";
import type { Seals } from "../seal/seals.js";
import type { PlacedRecord } from "../segment/places.js";
import type { Slot } from "../segment/segment.js";
import { headBytesOf, type Succession } from "./succession.js";

/** The segment that groups go into. */
export interface CurrentSegment {
  readonly slot: Slot;
  readonly sequence: bigint;
  /** Of its head. */
  readonly salt: Uint8Array;
  /** Seals the payloads of callers; `undefined` where they are plain. */
  readonly sealer: SegmentSealer | undefined;
  readonly firstLsn: bigint;
  readonly recordsOffset: number;
  offset: number;
  chain: number;
  nextLsn: bigint;
  /**
   * Every record of a log that it holds, live or not, in the order written; none of dropped logs. Empty where
   * nothing is retained.
   */
  records: PlacedRecord[];
}

/** Bytes that a segment still takes of appends and copies. */
export function roomIn({ slot, offset }: CurrentSegment): number {
  return slot.bytes - offset - SEGMENT_RESERVE_BYTES;
}

/** The entry for `current` in the next head. */
export function sealSegment(current: CurrentSegment): SealedSegment {
  assert(current.offset <= current.slot.bytes, "a segment ends within its slot");
  assert(current.nextLsn >= current.firstLsn, "the LSNs of a segment rise");
  return {
    slot: current.slot.slot,
    sequence: current.sequence,
    firstLsn: current.firstLsn,
    nextLsn: current.nextLsn,
    endOffset: current.offset,
    endChain: current.chain,
  };
}

/** A segment that is to begin, and its head, which is not written yet. */
export interface NextSegment {
  readonly current: CurrentSegment;
  readonly head: Uint8Array;
}

/** The segment that begins in `slot`; its head says what the journal is at this moment. */
export function nextSegment(
  parts: {
    readonly storeId: Uint8Array;
    readonly seals: Seals;
    readonly table: LogTable;
    readonly randomBytes: (count: number) => Uint8Array;
  },
  plan: {
    readonly slot: Slot;
    readonly generation: bigint;
    readonly sequence: bigint;
    readonly firstLsn: bigint;
    readonly anchorSeq: bigint;
    readonly voteSeq: bigint;
  } & Pick<Succession, "sealed" | "ended" | "retained">,
): NextSegment {
  const { slot, sequence, firstLsn } = plan;
  const { storeId } = parts;
  const salt = parts.randomBytes(SALT_BYTES);
  const sealer = parts.seals.begin(slot, { storeId, salt, sequence, firstLsn });
  const retainedSlots = plan.retained.map((segment) => segment.slot).sort((a, b) => a - b);
  const head = encodeHead({
    storeId,
    generation: plan.generation,
    sequence,
    salt,
    firstLsn,
    anchorSeq: plan.anchorSeq,
    voteSeq: plan.voteSeq,
    seal: sealer?.opener.headSeal,
    nextLog: parts.table.nextLog,
    sealed: plan.sealed,
    ended: plan.ended,
    retainedSlots,
    logs: parts.table.entries(),
  });
  const reckoned = headBytesOf(plan, parts.table) - (sealer ? 0 : SEAL_BYTES);
  assert(head.length === reckoned, "a head is as long as reckoned");
  assert(head.length <= slot.bytes, "a head fits its segment");
  const offset = recordsStart(head.length);
  const current = {
    slot,
    sequence,
    salt,
    sealer,
    firstLsn,
    recordsOffset: offset,
    offset,
    chain: chainStart(salt),
    nextLsn: firstLsn,
    records: [],
  };
  return { current, head };
}

/** Durable when resolved. */
export async function writeHead({ current, head }: NextSegment): Promise<void> {
  await current.slot.file.writeDurable(0, [head]);
}
