/** Every decoder of `src/wire`: its messages, its encoder, and the second reading beside it. */
import { readSignedBlockHeader } from "../../../../src/wire/codec/block-header.js";
import * as decode from "../../../../src/wire/codec/decode.js";
import * as encode from "../../../../src/wire/codec/encode.js";
import { decodeMsg, encodeMsg } from "../../../../src/wire/codec/envelope.js";
import type { BlockHeader, FullProposal } from "../../../../src/wire/messages.js";
import * as reading from "./reading.js";
import { closedSignedBlock, type MessageShape, messageShape } from "./schema.js";

export interface Decoded {
  readonly value: unknown;
  /** The bytes that the value is written as. */
  readonly encode: () => Uint8Array;
  /** The value as it comes back from those bytes, where this is not the value itself. */
  readonly settled?: () => unknown;
}

export interface Subject {
  readonly name: string;
  /** The type of the messages that are mutated. */
  readonly type: string;
  readonly shape: MessageShape;
  readonly reading: reading.Reading;
  readonly decode: (bytes: Uint8Array) => Decoded;
  /** Decodes what `Decoded.encode` wrote. */
  readonly decodeAgain: (bytes: Uint8Array) => Decoded;
  /** The function of `src/wire` that this is about. */
  readonly decoder: unknown;
}

/** The decoder and encoder of one type, and the second reading. */
function subject<T>(
  type: string,
  decoder: (bytes: Uint8Array) => T,
  encoder: (value: T) => Uint8Array,
  read: reading.Reading,
): Subject {
  const decode = (bytes: Uint8Array): Decoded => {
    const value = decoder(bytes);
    return { value, encode: () => encoder(value) };
  };
  const shape = messageShape(type);
  return { name: type, type, shape, reading: read, decode, decodeAgain: decode, decoder };
}

const { signed, certificate } = reading;

export const parts: readonly Subject[] = [
  subject("Timestamp", decode.decodeTimestamp, encode.encodeTimestamp, reading.timestamp),
  subject("PublicKey", decode.decodePublicKey, encode.encodePublicKey, reading.publicKey),
  subject("LaneID", decode.decodeLaneId, encode.encodeLaneId, reading.laneId),
  subject("Signature", decode.decodeSignature, encode.encodeSignature, reading.signature),
  subject("BlockHeader", decode.decodeBlockHeader, encode.encodeBlockHeader, reading.blockHeader),
  subject("Payload", decode.decodePayload, encode.encodePayload, reading.payload),
  subject("Block", decode.decodeBlock, encode.encodeBlock, reading.block),
  subject("View", decode.decodeView, encode.encodeView, reading.view),
  subject("LaneRange", decode.decodeLaneRange, encode.encodeLaneRange, reading.laneRange),
  subject("Proposal", decode.decodeProposal, encode.encodeProposal, reading.proposal),
  subject("AppProposal", decode.decodeAppProposal, encode.encodeAppProposal, reading.appProposal),
  subject("TimeoutVote", decode.decodeTimeoutVote, encode.encodeTimeoutVote, reading.timeoutVote),
];

const closedBlock: reading.Reading = (found) => {
  const { path, faults, message } = found;
  if (!Object.hasOwn(message, "payload")) faults.add(`${path}.payload missing`);
  return reading.one(found, "header", reading.blockHeader);
};

function headerOnly(decoder: (bytes: Uint8Array) => BlockHeader): Subject["decode"] {
  return (bytes) => {
    const value = decoder(bytes);
    return { value, encode: () => encode.encodeBlockHeader(value) };
  };
}

/** Only the header is written again. */
const signedBlockHeader: Subject = {
  name: "SignedBlock, header only",
  type: "SignedBlock",
  shape: closedSignedBlock,
  reading: (found) => (signed(closedBlock)(found) as { readonly msg: unknown }).msg,
  decode: headerOnly(readSignedBlockHeader),
  decodeAgain: headerOnly(decode.decodeBlockHeader),
  decoder: readSignedBlockHeader,
};

export const signedMessages: readonly Subject[] = [
  subject("SignedBlock", decode.decodeSignedBlock, encode.encodeSignedBlock, signed(reading.block)),
  signedBlockHeader,
  subject(
    "SignedBlockHeader",
    decode.decodeSignedBlockHeader,
    encode.encodeSignedBlockHeader,
    signed(reading.blockHeader),
  ),
  subject(
    "SignedProposal",
    decode.decodeSignedProposal,
    encode.encodeSignedProposal,
    signed(reading.proposal),
  ),
  subject(
    "SignedTimeoutVote",
    decode.decodeSignedTimeoutVote,
    encode.encodeSignedTimeoutVote,
    signed(reading.timeoutVote),
  ),
  subject(
    "SignedAppVote",
    decode.decodeSignedAppVote,
    encode.encodeSignedAppVote,
    signed(reading.appProposal),
  ),
  subject("Msg", decodeMsg, encodeMsg, reading.msg),
];

const overHeader = certificate(reading.blockHeader);
const overProposal = certificate(reading.proposal);
const overApp = certificate(reading.appProposal);

export const certificates: readonly Subject[] = [
  subject("LaneQC", decode.decodeLaneQC, encode.encodeLaneQC, overHeader),
  subject("PrepareQC", decode.decodePrepareQC, encode.encodePrepareQC, overProposal),
  subject("CommitQC", decode.decodeCommitQC, encode.encodeCommitQC, overProposal),
  subject("AppQC", decode.decodeAppQC, encode.encodeAppQC, overApp),
  subject(
    "FullCommitQC",
    decode.decodeFullCommitQC,
    encode.encodeFullCommitQC,
    reading.fullCommitQC,
  ),
];

/** Lane QCs are a map by lane: decoded in the order of the wire, encoded sorted. */
function fullProposal(bytes: Uint8Array): Decoded {
  const value = decode.decodeFullProposal(bytes);
  const settled = (): FullProposal => {
    const laneQCs = [...value.laneQCs].sort((a, b) => (a.vote.lane < b.vote.lane ? -1 : 1));
    return { ...value, laneQCs };
  };
  return { value, encode: () => encode.encodeFullProposal(value), settled };
}

export const states: readonly Subject[] = [
  subject(
    "FullTimeoutVote",
    decode.decodeFullTimeoutVote,
    encode.encodeFullTimeoutVote,
    reading.fullTimeoutVote,
  ),
  subject("TimeoutQC", decode.decodeTimeoutQC, encode.encodeTimeoutQC, reading.timeoutQC),
  {
    name: "FullProposal",
    type: "FullProposal",
    shape: messageShape("FullProposal"),
    reading: reading.fullProposal,
    decode: fullProposal,
    decodeAgain: fullProposal,
    decoder: decode.decodeFullProposal,
  },
  subject(
    "PersistedAvailPruneAnchor",
    decode.decodePruneAnchor,
    encode.encodePruneAnchor,
    reading.pruneAnchor,
  ),
  subject(
    "PersistedInner",
    decode.decodePersistedInner,
    encode.encodePersistedInner,
    reading.persistedInner,
  ),
];
