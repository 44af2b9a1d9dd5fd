/**
 * The segment that groups go into: begun by its head, sealed by the head of the next one.
 */
import { assert } from "../types/assert.js";
import { chainStart, recordsStart } from "./format.js";
import { encodeHead, HEAD_BYTES_MAX, SALT_BYTES, type SealedSegment } from "./head.js";
import type { LogTable } from "./log-table.js";
import type { HeldSegment } from "./recovery.js";
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
  readonly highest: Map<number, bigint>;
}

export function sealSegment(current: CurrentSegment): HeldSegment {
  const segment = {
    slot: current.slot.slot,
    sequence: current.sequence,
    firstLsn: current.firstLsn,
    nextLsn: current.nextLsn,
    endOffset: current.offset,
    endChain: current.chain,
  };
  return { segment, highest: current.highest };
}

/** A segment lives as long as some log's highest record in it is not below that log's first. */
export function isLive(held: HeldSegment, table: LogTable): boolean {
  for (const [log, number] of held.highest) {
    const state = table.byLog(log);
    if (state && number >= state.first) return true;
  }
  return false;
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
    readonly indexedThrough: bigint;
    readonly live: readonly SealedSegment[];
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
    indexedThrough: plan.indexedThrough,
    keyId: 0,
    nextLog: parts.table.nextLog,
    sealed: plan.live,
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
    highest: new Map(),
  };
}
