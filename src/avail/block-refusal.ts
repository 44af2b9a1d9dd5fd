/** Why a block or an anchor is not let in, or not waited for: each names lane and number. */
import type { NewBlock } from "../persist/block-persister.js";
import { PersisterError } from "../types/errors.js";
import type { LaneId } from "../types/lane.js";
import { sameBytes } from "../wire/hash.js";
import type { PruneAnchor } from "../wire/messages.js";

/** D2: a number that is held is refused, with both blocks as evidence. */
export function heldAlready(lane: LaneId, block: NewBlock, held: Uint8Array): PersisterError {
  const { number, bytes: offered } = block;
  const facts = { lane, blockNumber: number, held, offered };
  return sameBytes(held, offered)
    ? new PersisterError(
        "DUPLICATE",
        `lane ${lane}: block ${number} is out of sequence: the same bytes are held already`,
        facts,
      )
    : new PersisterError(
        "CONFLICT",
        `lane ${lane}: block ${number}: conflict, other bytes are held at this number`,
        facts,
      );
}

/** A gap; or a number that is not held any more, or was taken while this one waited. */
export function outOfSequence(
  lane: LaneId,
  { number, bytes }: NewBlock,
  { next }: { readonly next: bigint },
): PersisterError {
  return new PersisterError(
    "OUT_OF_SEQUENCE",
    `lane ${lane}: block ${number} is out of sequence: ${next} is next`,
    { lane, blockNumber: number, offered: bytes },
  );
}

export function tooLarge(
  lane: LaneId,
  { number, bytes }: NewBlock,
  bytesMax: number,
): PersisterError {
  return new PersisterError(
    "INVALID",
    `block ${number} of lane ${lane}: ${bytes.length} bytes are more than a segment of this store ` +
      `holds (${bytesMax})`,
    { lane, blockNumber: number },
  );
}

export function pinned(lane: LaneId, number: bigint): PersisterError {
  return new PersisterError(
    "PINNED",
    `lane ${lane}: block ${number} is pinned to another header hash after a loss in flight`,
    { lane, blockNumber: number },
  );
}

export function pruned(lane: LaneId, blockNumber: bigint, first: bigint): PersisterError {
  return new PersisterError(
    "OUT_OF_SEQUENCE",
    `lane ${lane}: block ${blockNumber} was pruned, ${first} is the first`,
    { lane, blockNumber },
  );
}

export function dropped(lane: LaneId, blockNumber: bigint): PersisterError {
  const facts = { lane, blockNumber };
  return new PersisterError(
    "CLOSED",
    `lane ${lane} was dropped before block ${blockNumber}`,
    facts,
  );
}

export function lowerStart(anchor: PruneAnchor, lane: LaneId, least: bigint): PersisterError {
  const { index } = anchor.commitQC.vote.view;
  return new PersisterError(
    "CONFLICT",
    `prune anchor ${index}: it lets lane ${lane} start below ${least}, where an earlier anchor let ` +
      "it start",
    { lane, blockNumber: least, roadIndex: index },
  );
}
