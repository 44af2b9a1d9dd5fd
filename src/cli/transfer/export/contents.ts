/**
 * The contents of an open store for an export: everything that it holds, a record at a time. A store
 * that remembers more than sei-chain can hold is not exported.
 */
import { PADDING_FIELD } from "../../../disk/slots/form.js";
import type { Lanekeeper } from "../../../node/lanekeeper.js";
import type { Range, Recovery } from "../../../node/start.js";
import type { StateContents } from "../../../sei/write/write-state.js";
import { PersisterError } from "../../../types/errors.js";
import type { LaneId } from "../../../types/lane.js";
import {
  decodeCommitQC,
  decodePersistedInner,
  decodeSignedBlock,
  unknownFieldOfVotes,
} from "../../../wire/codec/decode.js";
import { DecodeError } from "../../../wire/codec/decode-error.js";
import type { CommitQC, PersistedInner, PruneAnchor, SignedBlock } from "../../../wire/messages.js";

export interface Exported {
  /** The lanes that hold a block. */
  readonly lanes: ReadonlyMap<LaneId, Range>;
  readonly road: Range;
  readonly anchor: PruneAnchor | undefined;
  readonly votes: PersistedInner | undefined;
  readonly records: number;
}

/**
 * The contents of a store when it was opened.
 *
 * @throws {PersisterError} PINNED if something was lost in flight and is not settled: sei-chain has no
 * memory of that, and would sign anew; INVALID if the vote state is not of sei-chain's form.
 */
export function exportedOf(recovery: Recovery): Exported {
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
  "sei-chain cannot be told to abstain there; let the node run until a commit QC covers it";

/** The form that a directory is written from. Every iteration reads the store anew. */
export function contentsOf(
  keeper: Lanekeeper,
  { lanes, road, votes }: Exported,
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

/** The store fills the vote state up to its slot's size with this field. */
const PADDING = `PersistedInner.${PADDING_FIELD}`;

/** The store keeps the vote state as it was given; sei-chain reads only what it knows. */
function votesIn(message: Uint8Array | undefined): PersistedInner | undefined {
  if (message === undefined) return undefined;
  let unknown: string | undefined;
  try {
    unknown = unknownFieldOfVotes(message);
    if (unknown === undefined || unknown === PADDING) return decodePersistedInner(message);
  } catch (cause) {
    if (!(cause instanceof DecodeError)) throw cause;
    const what = `the vote state is not of sei-chain's form: ${cause.message}`;
    throw new PersisterError("INVALID", what, { cause });
  }
  const what = `the vote state holds field ${unknown}, which sei-chain would drop; it may be a vote`;
  throw new PersisterError("INVALID", `${what}: export with a version that knows this field`);
}
