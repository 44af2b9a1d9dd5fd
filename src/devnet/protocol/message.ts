/**
 * The messages of validators to each other. A connection is one endless protobuf message: every
 * field of it is one message, `[field number and wire type 2][length][bytes]`, and the bytes are
 * the wire's own encoding (`src/wire`) of a block, a vote or a certificate. Only `status` and
 * `askRoad` are made here; lane cursors, questions for blocks, and answers about pins travel as
 * `LaneRange`.
 */
import { FormatError } from "../../codec/binary.js";
import type { LaneId } from "../../types/lane.js";
import { readSignedBlockHeader } from "../../wire/codec/block-header.js";
import * as decode from "../../wire/codec/decode.js";
import * as encode from "../../wire/codec/encode.js";
import { varintOf } from "../../wire/codec/fields.js";
import type {
  BlockHeader,
  CommitQC,
  FullProposal,
  FullTimeoutVote,
  LaneRange,
  PruneAnchor,
  SignedAppVote,
  SignedBlockHeader,
  SignedProposal,
  TimeoutQC,
} from "../../wire/messages.js";
import { VALIDATORS_MAX } from "../../wire/messages.js";
import { RawMessage } from "../../wire/codec/raw-message.js";
import type { FieldRule, Schema } from "../../wire/codec/schema.js";
import { type Put, written } from "../../wire/codec/writer.js";

/** Road indices `[first, next)`. */
export interface RoadRange {
  readonly first: bigint;
  readonly next: bigint;
}

/**
 * The ranges that a validator can serve: durable blocks per lane and commit QCs, retained ones
 * included.
 */
export interface PeerStatus {
  readonly road: RoadRange;
  /** `lastHash` says nothing here. */
  readonly lanes: readonly LaneRange[];
  /**
   * The word about one lane bounds all that was ever signed there: in a status, the sender's own lane; in an answer
   * to `askSigned`, the asker's.
   */
  readonly isWhole: boolean;
}

/** A message between validators; `block.bytes` are the encoded SignedBlock that stores keep. */
export type Message =
  | { readonly kind: "hello"; readonly lane: LaneId }
  | { readonly kind: "status"; readonly status: PeerStatus }
  | { readonly kind: "askRoad"; readonly range: RoadRange }
  | { readonly kind: "askLane"; readonly range: LaneRange }
  /**
   * Asks which block the peer holds at this one number. The answer is `held`, empty if it holds
   * none.
   */
  | { readonly kind: "askHeld"; readonly range: LaneRange }
  | { readonly kind: "held"; readonly range: LaneRange }
  /** Asks how far the peer has voted, and what it holds of the asker's `lane`. */
  | { readonly kind: "askSigned"; readonly lane: LaneId }
  /**
   * `road.next` is the first road at which the peer has signed nothing. A lane's `first` is the end of its
   * range in the newest commit QC; the asker's lane ends at the first number of which the peer knows nothing.
   */
  | { readonly kind: "signed"; readonly status: PeerStatus }
  | { readonly kind: "block"; readonly bytes: Uint8Array; readonly header: BlockHeader }
  | { readonly kind: "laneVote"; readonly vote: SignedBlockHeader }
  | { readonly kind: "proposal"; readonly proposal: FullProposal }
  | { readonly kind: "prepareVote"; readonly vote: SignedProposal }
  | { readonly kind: "commitVote"; readonly vote: SignedProposal }
  | { readonly kind: "timeoutVote"; readonly vote: FullTimeoutVote }
  | { readonly kind: "timeoutQC"; readonly qc: TimeoutQC }
  | { readonly kind: "commitQC"; readonly qc: CommitQC }
  | { readonly kind: "appVote"; readonly vote: SignedAppVote }
  | { readonly kind: "anchor"; readonly anchor: PruneAnchor };

export type MessageKind = Message["kind"];

const varint = (name: string): FieldRule => ({ name, kind: "varint", countMax: 1 });
const roadFields = [undefined, varint("first"), varint("next")];
const Road: Schema = { name: "RoadRange", fields: roadFields };
const Status: Schema = {
  name: "Status",
  fields: [
    ...roadFields,
    { name: "lanes", kind: "bytes", countMax: VALIDATORS_MAX },
    varint("isWhole"),
  ],
};

const putRoad: Put<RoadRange> = (writer, { first, next }) => {
  writer.u64(2, next);
  writer.u64(1, first);
};

const putStatus: Put<PeerStatus> = (writer, { road, lanes, isWhole }) => {
  writer.u64(4, isWhole ? 1n : 0n);
  for (const lane of lanes.toReversed()) writer.bytes(3, encode.encodeLaneRange(lane));
  putRoad(writer, road);
};

function roadFrom(raw: RawMessage): RoadRange {
  return { first: varintOf(raw, 1), next: varintOf(raw, 2) };
}

function decodeStatus(bytes: Uint8Array): PeerStatus {
  const raw = RawMessage.of(bytes, Status, "own");
  const lanes = raw.lendAll().map((lane) => decode.decodeLaneRange(lane));
  return { road: roadFrom(raw), lanes, isWhole: varintOf(raw, 4) === 1n };
}

/** The encoder and the decoder of one kind of message. */
interface Arm<M> {
  readonly encode: (message: M) => Uint8Array;
  readonly decode: (bytes: Uint8Array) => M;
}

/** The field numbers are the places in this table, from 1. */
const arms: { readonly [K in MessageKind]: Arm<Extract<Message, { kind: K }>> } = {
  hello: {
    encode: ({ lane }) => encode.encodeLaneId(lane),
    decode: (bytes) => ({ kind: "hello", lane: decode.decodeLaneId(bytes) }),
  },
  status: {
    encode: ({ status }) => written(putStatus, status),
    decode: (bytes) => ({ kind: "status", status: decodeStatus(bytes) }),
  },
  askRoad: {
    encode: ({ range }) => written(putRoad, range),
    decode: (bytes) => ({ kind: "askRoad", range: roadFrom(RawMessage.of(bytes, Road, "own")) }),
  },
  askLane: rangeArm("askLane"),
  askHeld: rangeArm("askHeld"),
  held: rangeArm("held"),
  askSigned: {
    encode: ({ lane }) => encode.encodeLaneId(lane),
    decode: (bytes) => ({ kind: "askSigned", lane: decode.decodeLaneId(bytes) }),
  },
  signed: {
    encode: ({ status }) => written(putStatus, status),
    decode: (bytes) => ({ kind: "signed", status: decodeStatus(bytes) }),
  },
  block: {
    encode: ({ bytes }) => bytes,
    decode: (bytes) => ({ kind: "block", bytes, header: readSignedBlockHeader(bytes) }),
  },
  laneVote: {
    encode: ({ vote }) => encode.encodeSignedBlockHeader(vote),
    decode: (bytes) => ({ kind: "laneVote", vote: decode.decodeSignedBlockHeader(bytes) }),
  },
  proposal: {
    encode: ({ proposal }) => encode.encodeFullProposal(proposal),
    decode: (bytes) => ({ kind: "proposal", proposal: decode.decodeFullProposal(bytes) }),
  },
  prepareVote: voteArm("prepareVote"),
  commitVote: voteArm("commitVote"),
  timeoutVote: {
    encode: ({ vote }) => encode.encodeFullTimeoutVote(vote),
    decode: (bytes) => ({ kind: "timeoutVote", vote: decode.decodeFullTimeoutVote(bytes) }),
  },
  timeoutQC: {
    encode: ({ qc }) => encode.encodeTimeoutQC(qc),
    decode: (bytes) => ({ kind: "timeoutQC", qc: decode.decodeTimeoutQC(bytes) }),
  },
  commitQC: {
    encode: ({ qc }) => encode.encodeCommitQC(qc),
    decode: (bytes) => ({ kind: "commitQC", qc: decode.decodeCommitQC(bytes) }),
  },
  appVote: {
    encode: ({ vote }) => encode.encodeSignedAppVote(vote),
    decode: (bytes) => ({ kind: "appVote", vote: decode.decodeSignedAppVote(bytes) }),
  },
  anchor: {
    encode: ({ anchor }) => encode.encodePruneAnchor(anchor),
    decode: (bytes) => ({ kind: "anchor", anchor: decode.decodePruneAnchor(bytes) }),
  },
};

type OfRange = "askLane" | "askHeld" | "held";

function rangeArm<K extends OfRange>(
  kind: K,
): Arm<{ readonly kind: K; readonly range: LaneRange }> {
  return {
    encode: ({ range }) => encode.encodeLaneRange(range),
    decode: (bytes) => ({ kind, range: decode.decodeLaneRange(bytes) }),
  };
}

type OfVote = "prepareVote" | "commitVote";

function voteArm<K extends OfVote>(
  kind: K,
): Arm<{ readonly kind: K; readonly vote: SignedProposal }> {
  return {
    encode: ({ vote }) => encode.encodeSignedProposal(vote),
    decode: (bytes) => ({ kind, vote: decode.decodeSignedProposal(bytes) }),
  };
}

const kinds = Object.keys(arms).filter((kind): kind is MessageKind => kind in arms);

/** The field number of a message of this kind. */
export function fieldOfKind(kind: MessageKind): number {
  return kinds.indexOf(kind) + 1;
}

/** The bytes of a message, without field number and length. A block's are lent. */
export function encodeMessage<K extends MessageKind>(
  message: Extract<Message, { kind: K }>,
): Uint8Array {
  const arm: Arm<Extract<Message, { kind: K }>> = arms[message.kind];
  return arm.encode(message);
}

/**
 * Reads the message in field `field`. A block's bytes are a view.
 *
 * @throws {DecodeError} where the bytes are no such message; FormatError where there is no such field.
 */
export function decodeMessage(field: number, bytes: Uint8Array): Message {
  const kind = kinds[field - 1];
  if (kind === undefined) throw new FormatError(`there is no message ${field}`, 0);
  return arms[kind].decode(bytes);
}
