/**
 * The segment that groups go into: begun by its head, sealed by the head of the next one.
 */
import { assert } from "../types/assert.js";
import { chainStart, recordsStart } from "./format.js";
import { encodeHead, HEAD_BYTES_MAX, SALT_BYTES, type SealedSegment } from "./head.js";
import type { LogTable } from "./log-table.js";
import type { PlacedRecord } from "./places.js";
import type { Slot } from "./segment.js";

/** The segment that groups go into. */
export interface CurrentSegment {
  readonly slot: Slot;
  readonly sequence: bigint;
  readonly firstLsn: bigint;
  readonly recordsOffset: number;
  offset: number;
  chain: number;
  nextLsn: bigint;
  /** Every record of a log that it holds, live or not, in the order written; none of dropped logs. */
  records: PlacedRecord[];
}

export function sealSegment(current: CurrentSegment): SealedSegment {
  return {
    slot: current.slot.slot,
    sequence: current.sequence,
    firstLsn: current.firstLsn,
    nextLsn: current.nextLsn,
    endOffset: current.offset,
    endChain: current.chain,
  };
}

/** Writes the head of a new segment into `slot`; durable when resolved. */
export async function beginSegment(
  parts: {
    readonly storeId: Uint8Array;
    readonly table: LogTable;
    readonly randomBytes: (count: number) => Uint8Array;
  },
  plan: {
    readonly slot: Slot;
    readonly generation: bigint;
    readonly sequence: bigint;
    readonly firstLsn: bigint;
    readonly anchorSeq: bigint;
    readonly sealed: readonly SealedSegment[];
    readonly retained: readonly SealedSegment[];
  },
): Promise<CurrentSegment> {
  const { slot, sequence, firstLsn } = plan;
  const salt = parts.randomBytes(SALT_BYTES);
  const head = encodeHead({
    storeId: parts.storeId,
    generation: plan.generation,
    sequence,
    salt,
    firstLsn,
    anchorSeq: plan.anchorSeq,
    keyId: 0,
    nextLog: parts.table.nextLog,
    sealed: plan.sealed,
    retained: plan.retained,
    logs: parts.table.entries(),
  });
  assert(head.length <= Math.min(HEAD_BYTES_MAX, slot.bytes), "a head fits its segment");
  await slot.file.writeDurable(0, [head]);
  const offset = recordsStart(head.length);
  return {
    slot,
    sequence,
    firstLsn,
    recordsOffset: offset,
    offset,
    chain: chainStart(salt),
    nextLsn: firstLsn,
    records: [],
  };
}
