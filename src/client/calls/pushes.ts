/** The calls that change the store. Messages are encoded here, once: what is pushed again is the same bytes. */
import type { WaitOptions } from "../../async/signal.js";
import type { PushResult } from "../../avail/inner.js";
import { OperatorService } from "../../rpc/api/operator.js";
import { laneBytes } from "../../rpc/failures.js";
import { hasCode, PersisterError } from "../../types/errors.js";
import type { LaneId } from "../../types/lane.js";
import { readSignedBlockHeader } from "../../wire/codec/block-header.js";
import { decodeCommitQC } from "../../wire/codec/decode.js";
import { DecodeError } from "../../wire/codec/decode-error.js";
import {
  encodeCommitQC,
  encodeLaneQC,
  encodePruneAnchor,
  encodeSignedBlock,
} from "../../wire/codec/encode.js";
import { bytesOf } from "../../wire/codec/given-bytes.js";
import type { CommitQC, LaneQC, PruneAnchor, SignedBlock } from "../../wire/messages.js";
import type { Connection } from "../connection.js";
import { MESSAGE_BYTES_MAX } from "../link/link.js";
import { factsOf, nameOf, type Place, placeOf } from "../outbox/item.js";
import { readBlock, readCommitQC } from "./reads.js";

/** The largest message is an item and its envelope. */
const ENVELOPE_BYTES = 1024;

export async function pushBlock(
  connection: Connection,
  block: SignedBlock | Uint8Array,
  options?: WaitOptions,
): Promise<PushResult> {
  const bytes = bytesOf(block, "block", encodeSignedBlock);
  const { lane, blockNumber: number } = decoded("the block", () => readSignedBlockHeader(bytes));
  return await push(connection, { kind: "block", lane, number }, bytes, options);
}

export async function pushCommitQC(
  connection: Connection,
  qc: CommitQC | Uint8Array,
  options?: WaitOptions,
): Promise<void> {
  const bytes = bytesOf(qc, "commit QC", encodeCommitQC);
  const { index: roadIndex } = decoded("the commit QC", () => decodeCommitQC(bytes)).vote.view;
  await push(connection, { kind: "commitQC", roadIndex }, bytes, options);
}

export async function pushAnchor(connection: Connection, anchor: PruneAnchor): Promise<void> {
  const bytes = bytesOf(anchor, "prune anchor", encodePruneAnchor);
  const { index: roadIndex } = anchor.commitQC.vote.view;
  await push(connection, { kind: "anchor", roadIndex }, bytes);
}

export async function pushLaneQC(connection: Connection, qc: LaneQC): Promise<void> {
  const bytes = bytesOf(qc, "lane QC", encodeLaneQC);
  const { lane, blockNumber: number } = qc.vote;
  await push(connection, { kind: "laneQC", lane, number }, bytes);
}

export async function writeVoteState(
  connection: Connection,
  message: Uint8Array,
  roadIndex: bigint,
): Promise<void> {
  await push(connection, { kind: "voteState", roadIndex }, Uint8Array.from(message));
}

interface Release {
  readonly lane: LaneId;
  readonly number: bigint;
  readonly reason: { readonly who: string; readonly why: string };
}

export async function release(
  connection: Connection,
  { lane, number, reason }: Release,
): Promise<void> {
  const request = { reason, lane: laneBytes(lane), blockNumber: number };
  await connection.call(({ link }) => link.unary(OperatorService, "releasePin", request));
}

export async function dropLanesExcept(
  connection: Connection,
  keep: ReadonlySet<LaneId>,
  { who, dropAll = false }: { readonly who: string; readonly dropAll: boolean | undefined },
): Promise<void> {
  const reason = { who, why: "dropLanesExcept of the client" };
  const request = { reason, keep: [...keep].map(laneBytes), dropAll };
  await connection.call(({ link }) => link.unary(OperatorService, "dropLanesExcept", request));
}

async function push(
  connection: Connection,
  place: Place,
  bytes: Uint8Array,
  options?: WaitOptions,
): Promise<PushResult> {
  if (bytes.length > MESSAGE_BYTES_MAX - ENVELOPE_BYTES) {
    const message = `${nameOf(place)}: its ${bytes.length} bytes are more than a service takes`;
    throw new PersisterError("INVALID", message, factsOf(place));
  }
  const { waits, outbox } = connection.memory;
  if (waits.failure) throw waits.failure;
  const verdict = outbox.add(place, bytes, options);
  connection.pump();
  try {
    return await verdict;
  } catch (cause) {
    throw hasCode(cause, "CONFLICT", "DUPLICATE")
      ? await withHeld(connection, place, cause)
      : cause;
  }
}

/** D2: both are evidence. The service told the hash of the bytes that it holds; a read returns them. */
async function withHeld(
  connection: Connection,
  place: Place,
  error: PersisterError,
): Promise<PersisterError> {
  try {
    const held = await heldAt(connection, place);
    const facts = { ...placeOf(error), ...(error.offered ? { offered: error.offered } : {}) };
    return held ? new PersisterError(error.code, error.message, { ...facts, held }) : error;
  } catch (cause) {
    // It was pruned meanwhile, or the service is gone: the refusal itself stands.
    if (cause instanceof PersisterError) return error;
    throw cause;
  }
}

async function heldAt(connection: Connection, place: Place): Promise<Uint8Array | undefined> {
  if (place.kind === "block") return await readBlock(connection, place.lane, place.number);
  if (place.kind === "commitQC") return await readCommitQC(connection, place.roadIndex);
  return undefined;
}

function decoded<T>(what: string, decode: () => T): T {
  try {
    return decode();
  } catch (cause) {
    if (!(cause instanceof DecodeError)) throw cause;
    throw new PersisterError("INVALID", `${what} is refused: ${cause.message}`, { cause });
  }
}
