/**
 * What a message must be before it is let in: decoded, verified, and named by lane and number in
 * whatever refuses it.
 */
import type { NewBlock } from "../persist/block-persister.js";
import type { NewCommitQC } from "../persist/commit-qc-persister.js";
import { type ErrorFacts, PersisterError } from "../types/errors.js";
import type { LaneId } from "../types/lane.js";
import { readSignedBlockHeader } from "../wire/codec/block-header.js";
import type { Epoch, EpochOf } from "../wire/committee.js";
import { decodeCommitQC, decodeSignedBlock } from "../wire/codec/decode.js";
import { DecodeError } from "../wire/codec/decode-error.js";
import { encodeCommitQC, encodeSignedBlock } from "../wire/codec/encode.js";
import { headerHash } from "../wire/hash.js";
import type { CommitQC, PruneAnchor, SignedBlock } from "../wire/messages.js";
import { verifyPayloadLimits } from "../wire/rules/proposal.js";
import type { Verifier } from "../wire/verifier.js";
import { VerifyError } from "../wire/verify-error.js";

/** Decodes (where it is bytes, which are copied) and verifies a block against `epoch`. */
export function checkBlock(
  block: SignedBlock | Uint8Array,
  epoch: Epoch | undefined,
  verifier: Verifier,
): { readonly lane: LaneId; readonly block: NewBlock } {
  const bytes = block instanceof Uint8Array ? Uint8Array.from(block) : undefined;
  const signed = bytes ? decodedBlock(bytes) : (block as SignedBlock);
  const { header, payload } = signed.msg;
  const { lane, blockNumber } = header;
  verified(`block ${blockNumber} of lane ${lane}`, { lane, blockNumber }, () => {
    if (!epoch) throw new VerifyError("epoch", "the committee of the current epoch is not known");
    verifyPayloadLimits(payload);
    verifier.verifySignedBlockAtOnce(signed, epoch.committee);
  });
  const stored = {
    number: blockNumber,
    bytes: bytes ?? encodeSignedBlock(signed),
    headerHash: headerHash(header),
    parentHash: header.parentHash,
  };
  return { lane, block: stored };
}

/** Verifies certificates against the committees of their epochs. */
export interface Judgement {
  readonly verifier: Verifier;
  readonly epochOf: EpochOf;
}

/** Decodes (where it is bytes, which are copied) and verifies a commit QC against its epoch. */
export async function checkCommitQC(
  qc: CommitQC | Uint8Array,
  { verifier, epochOf }: Judgement,
): Promise<NewCommitQC> {
  const bytes = qc instanceof Uint8Array ? Uint8Array.from(qc) : undefined;
  const value = bytes ? decoded(() => decodeCommitQC(bytes)) : (qc as CommitQC);
  const { index, epochIndex } = value.vote.view;
  const epoch = epochOf(epochIndex);
  try {
    if (!epoch) throw new VerifyError("epoch", `the committee of epoch ${epochIndex} is not known`);
    await verifier.verifyCommitQC(value, epoch);
  } catch (cause) {
    throw refusal(`commit QC ${index}`, { roadIndex: index }, cause);
  }
  return { qc: value, bytes: bytes ?? encodeCommitQC(value) };
}

/** Verifies that the anchor's halves belong together and have their quorums. */
export async function checkAnchor(
  anchor: PruneAnchor,
  { verifier, epochOf }: Judgement,
): Promise<void> {
  const { index } = anchor.commitQC.vote.view;
  try {
    await verifier.verifyAnchor(anchor, epochOf);
  } catch (cause) {
    throw refusal(`prune anchor ${index}`, { roadIndex: index }, cause);
  }
}

function decodedBlock(bytes: Uint8Array): SignedBlock {
  try {
    return decodeSignedBlock(bytes);
  } catch (cause) {
    const place = placeOf(bytes);
    const what = place ? `block ${place.blockNumber} of lane ${place.lane}` : "the block";
    throw refusal(what, place ?? {}, cause);
  }
}

/** Lane and number of a block that does not decode, where its header still does. */
function placeOf(bytes: Uint8Array): { lane: LaneId; blockNumber: bigint } | undefined {
  try {
    const { lane, blockNumber } = readSignedBlockHeader(bytes);
    return { lane, blockNumber };
  } catch (cause) {
    if (cause instanceof DecodeError) return undefined;
    throw cause;
  }
}

function decoded<T>(decode: () => T): T {
  try {
    return decode();
  } catch (cause) {
    throw refusal("the message", {}, cause);
  }
}

function verified(what: string, facts: ErrorFacts, verify: () => void): void {
  try {
    verify();
  } catch (cause) {
    throw refusal(what, facts, cause);
  }
}

/** A broken rule of the protocol becomes a typed refusal; anything else goes on as it is. */
function refusal(what: string, facts: ErrorFacts, cause: unknown): unknown {
  if (!(cause instanceof VerifyError || cause instanceof DecodeError)) return cause;
  return new PersisterError("INVALID", `${what} is refused: ${cause.message}`, { ...facts, cause });
}
