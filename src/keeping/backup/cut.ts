/** A store at one moment, as a backup copies it: of a running store, and of one that nobody has open. */
import { slotBytes, type SlotStates, slotPath } from "../../disk/slots/slots.js";
import {
  encodeStore,
  JOURNAL_DIRECTORY,
  STORE_FILE,
  type StoreIdentity,
} from "../../journal/form/store.js";
import { slotName } from "../../journal/form/records.js";
import {
  encodeMark,
  MARK_FILE,
  MARK_SLOT_BYTES,
  type Mark,
  markSlotOffset,
} from "../../journal/form/mark.js";
import type { SealedSegment } from "../../journal/form/head.js";
import type { Retirement } from "../../journal/form/retired.js";
import { ANCHOR_NAME, VOTE_NAME } from "../../persist/pair-persister.js";
import type { Persisters } from "../../persist/persisters.js";

/** Bytes of something that is copied, read piece by piece. */
export interface Source {
  readonly bytes: number;
  /** Up to `length` bytes from `position` on; they may come as a view of `into`. */
  read(position: number, length: number, into: Uint8Array): Promise<Uint8Array>;
}

/** A file of the store, by its path in the store. */
export interface CutFile extends Source {
  readonly path: string;
  /** Of the segment that the file holds the begin of. */
  readonly segment: Omit<SealedSegment, "slot" | "endOffset"> | undefined;
}

export interface StoreCut {
  readonly identity: StoreIdentity;
  readonly generation: bigint;
  /** The last LSN in it. */
  readonly lsn: bigint;
  /** Of a store that was retired: this may be its last backup. */
  readonly retired: Retirement | null;
  /** Whether a backup at `place` is the last one of the retired store; durable when resolved. */
  claimLast(place: string): Promise<boolean>;
  /** Everything that open must find. Segments come first, the oldest of them first. */
  readonly files: readonly CutFile[];
  /** Lets everything go. Idempotent. */
  end(): Promise<void>;
}

/**
 * Cuts a running store, in one synchronous step. The cut is what a kill at this moment would leave, if
 * nothing that is being written had arrived: everything acknowledged is in it, and messages on their way to
 * A/B slots are named by its mark as in flight.
 *
 * @throws {PersisterError} POISONED, CLOSED.
 */
export function cutOfRunning({ identity, journal, anchor, votes }: CutParts): StoreCut {
  const cut = journal.cut();
  const { mark } = cut;
  const segments = cut.segments.map((segment): CutFile => {
    const { endOffset: bytes } = segment;
    return {
      ...segmentFile(segment, bytes),
      read: (position, length, into) => {
        return cut.read(segment, position, Math.min(length, bytes - position), into);
      },
    };
  });
  const files = [
    ...segments,
    fileOf(STORE_FILE, encodeStore(identity)),
    fileOf(MARK_FILE, markBytes(mark)),
    ...pairFiles(ANCHOR_NAME, anchor.slots),
    ...pairFiles(VOTE_NAME, votes.slots),
  ];
  return {
    identity,
    generation: mark.generation,
    lsn: (cut.segments.at(-1)?.nextLsn ?? 1n) - 1n,
    retired: null,
    claimLast: () => Promise.resolve(false),
    files,
    end: async () => cut.end(),
  };
}

/** The parts of a running store that are cut. */
export type CutParts = Pick<Persisters, "identity" | "journal" | "anchor" | "votes">;

/** The names that a segment's file has, and the bytes of it that count. */
export function segmentFile(
  { slot, sequence, firstLsn, nextLsn, endChain }: SealedSegment,
  bytes: number,
): Omit<CutFile, "read"> {
  const path = `${JOURNAL_DIRECTORY}/${slotName(slot)}`;
  return { path, bytes, segment: { sequence, firstLsn, nextLsn, endChain } };
}

/** A file whose bytes are in memory. */
function fileOf(path: string, bytes: Uint8Array): CutFile {
  return {
    path,
    bytes: bytes.length,
    segment: undefined,
    read: async (position, length) => bytes.subarray(position, position + length),
  };
}

/** A file of a mark, which stands in both slots: should one be damaged, the other one says the same. */
function markBytes(mark: Mark): Uint8Array {
  const bytes = Buffer.alloc(2 * MARK_SLOT_BYTES);
  for (const sequence of [mark.sequence + 1n, mark.sequence + 2n]) {
    bytes.set(encodeMark({ ...mark, sequence }), markSlotOffset(sequence));
  }
  return bytes;
}

function pairFiles(name: string, { a, b }: SlotStates): CutFile[] {
  return [
    fileOf(slotPath(".", name, "a").slice(2), slotBytes(a)),
    fileOf(slotPath(".", name, "b").slice(2), slotBytes(b)),
  ];
}
