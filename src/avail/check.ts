/**
 * A message is let in once it is decoded and verified. Each refusal names its lane and number, or its
 * road index.
 *
 * A message that comes as a value is encoded first and decoded again, so that what is verified is what
 * is stored, whatever the caller does to the value later. A value that cannot be encoded is a mistake
 * of the caller's (USAGE); bytes that cannot be decoded are a bad message (INVALID).
 */
import { knownAnchor, type KnownAnchor } from "../persist/anchor.js";
import type { NewBlock } from "../persist/block-persister.js";
import { type NewCommitQC, newCommitQC } from "../persist/commit-qc-persister.js";
import { type ErrorFacts, PersisterError } from "../types/errors.js";
import { type LaneId, laneParts } from "../types/lane.js";
import { U64_MAX } from "../types/numbers.js";
import { readSignedBlockHeader } from "../wire/codec/block-header.js";
import {
  decodeCommitQC,
  decodeLaneQC,
  decodePruneAnchor,
  decodeSignedBlock,
} from "../wire/codec/decode.js";
import { DecodeError } from "../wire/codec/decode-error.js";
import {
  encodeCommitQC,
  encodeLaneQC,
  encodePruneAnchor,
  encodeSignedBlock,
} from "../wire/codec/encode.js";
import { bytesOf } from "../wire/codec/given-bytes.js";
import type { Epoch } from "../wire/committee.js";
import { headerHash } from "../wire/hash.js";
import type { CommitQC, LaneQC, PruneAnchor, SignedBlock } from "../wire/messages.js";
import { verifyPayloadLimits } from "../wire/rules/proposal.js";
import { isVerifyError, VerifyError } from "../wire/verify-error.js";
import type { AvailStart } from "./avail-start.js";

/** Certificates are verified against the committees of their epochs. */
export type Checker = Pick<AvailStart, "verifier" | "epochOf">;

/** A block's bytes: a copy, or the encoding of the value. @throws {PersisterError} USAGE. */
export function blockBytes(block: SignedBlock | Uint8Array): Uint8Array {
  return bytesOf(block, "block", encodeSignedBlock);
}

/** Decodes and verifies a block against the epoch at `epochIndex`. Lends its bytes. */
export function checkBlock(
  payload: Uint8Array,
  epochIndex: bigint,
  { verifier, epochOf }: Checker,
): { readonly lane: LaneId; readonly block: NewBlock } {
  const signed = decodedBlock(payload);
  const { header } = signed.msg;
  const { lane, blockNumber } = header;
  const place = { what: `block ${blockNumber} of lane ${lane}`, facts: { lane, blockNumber } };
  try {
    refuseLast(blockNumber);
    verifyPayloadLimits(signed.msg.payload);
    verifier.verifySignedBlockAtOnce(signed, epochKnown(epochOf(epochIndex), epochIndex).committee);
  } catch (cause) {
    const isEarly = isVerifyError(cause) && cause.errorClass === "not_a_lane";
    throw (isEarly && earlyRefusal(place, epochIndex, epochOf)) || refusal(place, cause);
  }
  const { parentHash } = header;
  return { lane, block: { number: blockNumber, payload, hash: headerHash(header), parentHash } };
}

/** Decodes and verifies a commit QC against its epoch. Copies it. */
export async function checkCommitQC(
  qc: CommitQC | Uint8Array,
  { verifier, epochOf }: Checker,
): Promise<NewCommitQC> {
  const payload = bytesOf(qc, "commit QC", encodeCommitQC);
  const value = decoded("the commit QC", () => decodeCommitQC(payload));
  const { index, epochIndex } = value.vote.view;
  try {
    refuseLast(index);
    await verifier.verifyCommitQC(value, epochKnown(epochOf(epochIndex), epochIndex));
  } catch (cause) {
    throw refusal({ what: `commit QC ${index}`, facts: { roadIndex: index } }, cause);
  }
  return newCommitQC(value, payload);
}

/** Verifies that the anchor's halves belong together and have their quorums. Copies it. */
export async function checkAnchor(
  anchor: PruneAnchor,
  { verifier, epochOf }: Checker,
): Promise<KnownAnchor> {
  const payload = bytesOf(anchor, "prune anchor", encodePruneAnchor);
  const value = decoded("the prune anchor", () => decodePruneAnchor(payload));
  const { index, epochIndex } = value.commitQC.vote.view;
  try {
    refuseLast(index);
    epochKnown(epochOf(epochIndex), epochIndex);
    await verifier.verifyAnchor(value, epochOf);
  } catch (cause) {
    throw refusal({ what: `prune anchor ${index}`, facts: { roadIndex: index } }, cause);
  }
  return knownAnchor(value);
}

/** Verifies a lane QC against the epoch at `epochIndex`. Copies it. */
export async function checkLaneQC(
  qc: LaneQC,
  epochIndex: bigint,
  { verifier, epochOf }: Checker,
): Promise<LaneQC> {
  const payload = bytesOf(qc, "lane QC", encodeLaneQC);
  const value = decoded("the lane QC", () => decodeLaneQC(payload));
  const { lane, blockNumber } = value.vote;
  try {
    refuseLast(blockNumber);
    await verifier.verifyLaneQC(value, epochKnown(epochOf(epochIndex), epochIndex).committee);
  } catch (cause) {
    const what = `lane QC of block ${blockNumber} of lane ${lane}`;
    throw refusal({ what, facts: { lane, blockNumber } }, cause);
  }
  return value;
}

/** A range's end is kept in 64 bits: no number follows the highest one, and so none may be it. */
function refuseLast(number: bigint): void {
  if (number < U64_MAX) return;
  throw new VerifyError(
    "other",
    `${number} is the highest number that 64 bits hold, and cannot be used`,
  );
}

function epochKnown(epoch: Epoch | undefined, epochIndex: bigint): Epoch {
  if (epoch) return epoch;
  throw new VerifyError("epoch", `the committee of epoch ${epochIndex} is not known`);
}

function decodedBlock(bytes: Uint8Array): SignedBlock {
  try {
    return decodeSignedBlock(bytes);
  } catch (cause) {
    const facts = placeOf(bytes);
    const what = facts ? `block ${facts.blockNumber} of lane ${facts.lane}` : "the block";
    throw refusal({ what, facts: facts ?? {} }, cause);
  }
}

/** Lane and number of a block that does not decode, if its header still does. */
function placeOf(bytes: Uint8Array): { lane: LaneId; blockNumber: bigint } | undefined {
  try {
    const { lane, blockNumber } = readSignedBlockHeader(bytes);
    return { lane, blockNumber };
  } catch (cause) {
    if (cause instanceof DecodeError) return undefined;
    throw cause;
  }
}

function decoded<T>(what: string, decode: () => T): T {
  try {
    return decode();
  } catch (cause) {
    throw refusal({ what, facts: {} }, cause);
  }
}

/** The refusal of a block whose lane joins in a later epoch that is known: it is valid, and too early. */
function earlyRefusal(
  {
    what,
    facts,
  }: { readonly what: string; readonly facts: { readonly lane: LaneId } & ErrorFacts },
  epochIndex: bigint,
  epochOf: Checker["epochOf"],
): PersisterError | undefined {
  const { joined } = laneParts(facts.lane);
  const isLater = joined > epochIndex;
  if (!isLater || !epochOf(joined)?.committee.memberOfLane(facts.lane)) return undefined;
  const why = `its lane joins in epoch ${joined}, and the newest commit QC here is of epoch ${epochIndex}`;
  const advice = `push the first commit QC of epoch ${joined} first`;
  return new PersisterError("OUT_OF_SEQUENCE", `${what}: ${why}; ${advice}`, facts);
}

/** A broken rule of the protocol becomes a typed refusal; any other error stays what it is. */
function refusal(
  { what, facts }: { readonly what: string; readonly facts: ErrorFacts },
  cause: unknown,
): unknown {
  if (!(isVerifyError(cause) || cause instanceof DecodeError)) return cause;
  return new PersisterError("INVALID", `${what} is refused: ${cause.message}`, { ...facts, cause });
}
