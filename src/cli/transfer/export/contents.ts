/**
 * What an export takes out of an open store: everything that it holds, a record at a time. Only what
 * the original can hold comes out: where the store remembers more than that, there is no export.
 */
import type { Lanekeeper } from "../../../node/lanekeeper.js";
import type { Range, Recovery } from "../../../node/recovery.js";
import type { StateContents } from "../../../sei/write/write-state.js";
import { PersisterError } from "../../../types/errors.js";
import type { LaneId } from "../../../types/lane.js";
import {
  decodeCommitQC,
  decodePersistedInner,
  decodeSignedBlock,
} from "../../../wire/codec/decode.js";
import { DecodeError } from "../../../wire/codec/decode-error.js";
import type { CommitQC, PersistedInner, PruneAnchor, SignedBlock } from "../../../wire/messages.js";

export interface Held {
  /** Lanes that hold a block. */
  readonly lanes: ReadonlyMap<LaneId, Range>;
  readonly road: Range;
  readonly anchor: PruneAnchor | undefined;
  readonly votes: PersistedInner | undefined;
  readonly records: number;
}

/**
 * What a store held when it was opened.
 *
 * @throws {PersisterError} PINNED where something was lost in flight and is not settled: the original
 * has no memory of that, and would sign anew; INVALID where the vote state is not of its form.
 */
export function heldIn(recovery: Recovery): Held {
  const { pins, abstainThrough, road, anchor, voteState } = recovery;
  const [pin] = pins;
  if (pin) {
    const { lane, number } = pin;
    const what = `block ${number} of lane ${lane} may have been signed and is lost`;
    throw new PersisterError("PINNED", `${what}: ${unsettled}`, { lane, blockNumber: number });
  }
  if (abstainThrough !== undefined) {
    const what = `votes up to road index ${abstainThrough} may have been sent and are lost`;
    throw new PersisterError("PINNED", `${what}: ${unsettled}`, { roadIndex: abstainThrough });
  }
  const lanes = new Map([...recovery.lanes].filter(([, { first, next }]) => first < next));
  const count = [road, ...lanes.values()].reduce((sum, { first, next }) => sum + next - first, 0n);
  return { lanes, road, anchor, votes: votesIn(voteState), records: Number(count) };
}

const unsettled =
  "the original cannot be told to abstain there; let the node run until a commit QC covers it";

/** `held` in the form that a directory is written from; every iteration reads the store anew. */
export function contentsOf(
  keeper: Lanekeeper,
  { lanes, road, votes }: Held,
  onRecord: () => void,
): StateContents {
  return {
    lanes: [...lanes].map(([lane, range]) => {
      return [lane, blocksOf(keeper, lane, range, onRecord)] as const;
    }),
    commitQCs: commitQCsOf(keeper, road, onRecord),
    ...(votes ? { votes } : {}),
  };
}

async function* blocksOf(
  keeper: Lanekeeper,
  lane: LaneId,
  { first, next }: Range,
  onRecord: () => void,
): AsyncGenerator<SignedBlock, void, void> {
  for (let number = first; number < next; number++) {
    yield decodeSignedBlock(await keeper.readBlock(lane, number));
    onRecord();
  }
}

async function* commitQCsOf(
  keeper: Lanekeeper,
  { first, next }: Range,
  onRecord: () => void,
): AsyncGenerator<CommitQC, void, void> {
  for (let index = first; index < next; index++) {
    yield decodeCommitQC(await keeper.readCommitQC(index));
    onRecord();
  }
}

/** The store keeps the vote state as it was given, whatever it is. */
function votesIn(message: Uint8Array | undefined): PersistedInner | undefined {
  if (message === undefined) return undefined;
  try {
    return decodePersistedInner(message);
  } catch (cause) {
    if (!(cause instanceof DecodeError)) throw cause;
    const what = `the vote state is none of the original's: ${cause.message}`;
    throw new PersisterError("INVALID", what, { cause });
  }
}
