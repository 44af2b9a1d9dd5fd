/** Every type by name, with its decoder and encoder: what the golden verdicts are run over. */
import * as decode from "../../../src/wire/codec/decode.js";
import * as encode from "../../../src/wire/codec/encode.js";
import { decodeMsg, encodeMsg } from "../../../src/wire/codec/envelope.js";

interface Codec {
  readonly reencode: (bytes: Uint8Array) => Uint8Array;
}

function codec<T>(from: (bytes: Uint8Array) => T, to: (value: T) => Uint8Array): Codec {
  return { reencode: (bytes) => to(from(bytes)) };
}

export const codecs: Readonly<Record<string, Codec>> = {
  Timestamp: codec(decode.decodeTimestamp, encode.encodeTimestamp),
  PublicKey: codec(decode.decodePublicKey, encode.encodePublicKey),
  LaneID: codec(decode.decodeLaneId, encode.encodeLaneId),
  Signature: codec(decode.decodeSignature, encode.encodeSignature),
  BlockHeader: codec(decode.decodeBlockHeader, encode.encodeBlockHeader),
  Payload: codec(decode.decodePayload, encode.encodePayload),
  Block: codec(decode.decodeBlock, encode.encodeBlock),
  View: codec(decode.decodeView, encode.encodeView),
  LaneRange: codec(decode.decodeLaneRange, encode.encodeLaneRange),
  Proposal: codec(decode.decodeProposal, encode.encodeProposal),
  AppProposal: codec(decode.decodeAppProposal, encode.encodeAppProposal),
  TimeoutVote: codec(decode.decodeTimeoutVote, encode.encodeTimeoutVote),
  SignedBlock: codec(decode.decodeSignedBlock, encode.encodeSignedBlock),
  SignedBlockHeader: codec(decode.decodeSignedBlockHeader, encode.encodeSignedBlockHeader),
  SignedProposal: codec(decode.decodeSignedProposal, encode.encodeSignedProposal),
  SignedTimeoutVote: codec(decode.decodeSignedTimeoutVote, encode.encodeSignedTimeoutVote),
  SignedAppVote: codec(decode.decodeSignedAppVote, encode.encodeSignedAppVote),
  LaneQC: codec(decode.decodeLaneQC, encode.encodeLaneQC),
  PrepareQC: codec(decode.decodePrepareQC, encode.encodePrepareQC),
  CommitQC: codec(decode.decodeCommitQC, encode.encodeCommitQC),
  AppQC: codec(decode.decodeAppQC, encode.encodeAppQC),
  FullCommitQC: codec(decode.decodeFullCommitQC, encode.encodeFullCommitQC),
  FullTimeoutVote: codec(decode.decodeFullTimeoutVote, encode.encodeFullTimeoutVote),
  TimeoutQC: codec(decode.decodeTimeoutQC, encode.encodeTimeoutQC),
  FullProposal: codec(decode.decodeFullProposal, encode.encodeFullProposal),
  PersistedAvailPruneAnchor: codec(decode.decodePruneAnchor, encode.encodePruneAnchor),
  PersistedInner: codec(decode.decodePersistedInner, encode.encodePersistedInner),
  Msg: codec(decodeMsg, encodeMsg),
};

export function codecOf(type: string): Codec {
  const found = codecs[type];
  if (found === undefined) throw new Error(`no codec for ${type}`);
  return found;
}
