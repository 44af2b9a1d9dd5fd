/** Why a block or an anchor is not let in, or not waited for: each refusal names lane and number. */
import type { NewBlock } from "../persist/block-persister.js";
import type { KnownAnchor } from "../persist/anchor.js";
import { PersisterError } from "../types/errors.js";
import type { LaneId } from "../types/lane.js";
import { sameBytes } from "../wire/hash.js";

/** D2: a number that is held is refused, with both blocks as evidence. */
export function heldAlready(lane: LaneId, block: NewBlock, held: Uint8Array): PersisterError {
  const { number, payload: offered } = block;
  const facts = { lane, blockNumber: number, held, offered };
  return sameBytes(held, offered)
    ? new PersisterError(
        "DUPLICATE",
        `lane ${lane}: block ${number} is out of sequence: the same bytes are held already`,
        facts,
      )
    : new PersisterError(
        "CONFLICT",
        `lane ${lane}: block ${number}: conflict, other bytes are held at this number; both blocks ` +
          "are evidence against the lane's owner",
        facts,
      );
}

/** A gap; or a number that is not held any more, or was taken while this block waited. */
export function outOfSequence(
  lane: LaneId,
  { number, payload }: NewBlock,
  { next }: { readonly next: bigint },
): PersisterError {
  return new PersisterError(
    "OUT_OF_SEQUENCE",
    `lane ${lane}: block ${number} is out of sequence: ${next} is next`,
    { lane, blockNumber: number, offered: payload },
  );
}

export function tooLarge(
  lane: LaneId,
  { number, payload }: NewBlock,
  bytesMax: number,
): PersisterError {
  return new PersisterError(
    "INVALID",
    `block ${number} of lane ${lane}: its ${payload.length} bytes are more than a segment of this ` +
      `store holds (${bytesMax}); open with larger segmentBytes`,
    { lane, blockNumber: number },
  );
}

/** D6: only the block that was lost in flight may stand at its number. */
export function pinned(lane: LaneId, number: bigint, pin: Uint8Array): PersisterError {
  return new PersisterError(
    "PINNED",
    `lane ${lane}: block ${number} was lost while it was being written, and only the block with ` +
      `header ${Buffer.from(pin).toString("hex")} may stand there. Push that block (a peer may hold ` +
      "it), or a lane QC, commit QC or anchor that covers the number, or lift the pin with release()",
    { lane, blockNumber: number },
  );
}

/** The block before it is another one than it names. */
export function wrongParent(lane: LaneId, number: bigint): PersisterError {
  return new PersisterError(
    "INVALID",
    `lane ${lane}: block ${number} was dropped: it names another parent than block ${number - 1n} here`,
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

export function prunedQC(roadIndex: bigint, first: bigint): PersisterError {
  return new PersisterError(
    "OUT_OF_SEQUENCE",
    `commit QC ${roadIndex} was pruned, ${first} is the first`,
    { roadIndex },
  );
}

export function laneDropped(lane: LaneId, blockNumber: bigint): PersisterError {
  return new PersisterError("CLOSED", `lane ${lane} was dropped before block ${blockNumber}`, {
    lane,
    blockNumber,
  });
}

/** D3: starts only rise. */
export function lowerStart(anchor: KnownAnchor, lane: LaneId, least: bigint): PersisterError {
  const { roadIndex } = anchor;
  return new PersisterError(
    "CONFLICT",
    `prune anchor ${roadIndex}: it lets lane ${lane} start below ${least}, where an earlier anchor ` +
      "let it start",
    { lane, blockNumber: least, roadIndex },
  );
}

/** The error for numbers that a closing store could not write; `cause` is why. */
export function unwritten(places: readonly string[], cause: PersisterError): PersisterError {
  return new PersisterError(
    cause.code,
    `closed, but not written: ${places.join(", ")}: ${cause.message}; push them again after the ` +
      "next open",
    { cause, ...(cause.file === undefined ? {} : { file: cause.file }) },
  );
}

/** The error for what does not become durable as things stand; `cause` is why. */
export function unsynced(places: readonly string[], cause: PersisterError): PersisterError {
  return new PersisterError(cause.code, `not durable: ${places.join(", ")}: ${cause.message}`, {
    cause,
    ...(cause.lane === undefined ? {} : { lane: cause.lane }),
    ...(cause.file === undefined ? {} : { file: cause.file }),
  });
}
