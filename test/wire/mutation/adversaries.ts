/**
 * Inputs that cost a decoder the most: many small fields, groups in groups, lists as long as they
 * may be, full and hollow. Each comes in any scale from 1 to 4, and takes four times the bytes at
 * scale 4.
 */
import { readSignedBlockHeader } from "../../../src/wire/codec/block-header.js";
import * as decode from "../../../src/wire/codec/decode.js";
import { decodeMsg } from "../../../src/wire/codec/envelope.js";
import {
  BYTES,
  type Field,
  fieldOf,
  GROUP,
  GROUP_END,
  TreeWriter,
  VARINT,
} from "./messages/tree.js";

export interface Adversary {
  readonly name: string;
  readonly decode: (bytes: Uint8Array) => unknown;
  readonly make: (scale: number) => Uint8Array;
  readonly isAccepted: boolean;
}

type Message = Field[];

const number = (field: number, value: number): Field => fieldOf(field, VARINT, BigInt(value));
const bytes = (field: number, value: Uint8Array | Message): Field => fieldOf(field, BYTES, value);
const fixed = (field: number, length: number): Field =>
  bytes(field, new Uint8Array(length).fill(7));

function times<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

const timestamp = [number(1, 1_700_000_000), number(2, 5)];
const signature = [bytes(1, [fixed(1, 32)]), fixed(2, 64)];
const laneId = (joined: number) => [bytes(1, [fixed(1, 32)]), number(2, joined)];
const header = (lane: number) => [number(2, 1), fixed(3, 32), fixed(4, 32), bytes(5, laneId(lane))];
const payload = (txs: Message) => [
  bytes(1, timestamp),
  ...txs,
  number(7, 21_000),
  number(8, 21_000),
];
const view = [number(1, 3), number(2, 0), number(3, 0)];
const range = (lane: number) => [number(2, 1), number(3, 2), fixed(4, 32), bytes(5, laneId(lane))];
const proposal = (ranges: number) => [
  bytes(1, view),
  ...times(ranges, (lane) => bytes(3, range(lane))),
  bytes(5, timestamp),
  number(6, 7),
];
const app = [number(2, 3), fixed(3, 32), number(4, 0), number(5, 7), number(6, 8)];
const signed = (msg: Message) => [bytes(1, msg), bytes(2, signature)];
const certificate = (vote: Message, count: number, field = 2) => [
  bytes(1, vote),
  ...times(count, () => bytes(field, signature)),
];
const commitQC = (count: number) => certificate(proposal(count), count, 3);
const timeoutVote = [bytes(1, view), number(2, 1)];
const timeoutQC = (count: number) => [
  bytes(2, certificate(proposal(count), count)),
  ...times(count, () => bytes(3, signed(timeoutVote))),
];
const signedBlock = (txs: Message) => signed([bytes(1, header(0)), bytes(2, payload(txs))]);

/** Messages that hold the messages they must, and nothing else: the most objects for the bytes. */
const hollow = (...path: readonly number[]): Message =>
  path.length === 0 ? [] : [bytes(path[0]!, hollow(...path.slice(1)))];
const hollowSignature = hollow(1);
const hollowProposal = (ranges: number) => times(ranges, () => bytes(3, hollow(5, 1)));
const hollowCertificate = (vote: Message, count: number, field = 2) => [
  bytes(1, vote),
  ...times(count, () => bytes(field, hollowSignature)),
];

const writer = new TreeWriter();

function written(fields: Message): Uint8Array {
  return writer.write(fields).slice();
}

/** `chunk` over and over, about `length` bytes. */
function repeated(chunk: readonly number[], length: number): Uint8Array {
  const count = Math.max(Math.floor(length / chunk.length), 1);
  const whole = new Uint8Array(count * chunk.length);
  for (let index = 0; index < count; index++) whole.set(chunk, index * chunk.length);
  return whole;
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

const UNIT = 500_000;
/** Field 9, which no message has. */
const UNKNOWN_NUMBER = 9 * 8 + VARINT;
const padding = Array.from({ length: 9 }, () => 0x80);
const deepGroup = [
  ...times(10_000, () => 9 * 8 + GROUP),
  ...times(10_000, () => 9 * 8 + GROUP_END),
];

const unknownChunks: Readonly<Record<string, readonly number[]>> = {
  "numbers in two bytes": [UNKNOWN_NUMBER, 0],
  "numbers padded to ten bytes": [UNKNOWN_NUMBER, ...padding, 0],
  "tags padded to ten bytes": [UNKNOWN_NUMBER | 0x80, ...padding.slice(1), 0, 0],
  "empty byte strings": [9 * 8 + BYTES, 0],
  "empty groups": [9 * 8 + GROUP, 9 * 8 + GROUP_END],
  "groups ten thousand deep": deepGroup,
};

function unknownFields(name: string, chunk: readonly number[]): Adversary {
  return {
    name: `unknown fields: ${name}`,
    decode: decode.decodeSignedBlock,
    make: (scale) => joined(written(signedBlock([])), repeated(chunk, scale * UNIT)),
    isAccepted: true,
  };
}

const txs = (count: number, length: number): Message => times(count, () => fixed(6, length));

const refused: readonly Adversary[] = [
  {
    name: "empty transactions, up to a million",
    decode: decode.decodePayload,
    make: (scale) => repeated([6 * 8 + BYTES, 0], scale * UNIT),
    isAccepted: false,
  },
  {
    name: "groups that are never closed",
    decode: decode.decodeSignedBlock,
    make: (scale) => repeated([9 * 8 + GROUP], scale * UNIT),
    isAccepted: false,
  },
  {
    name: "unknown fields, and a tag cut off at the end",
    decode: decode.decodeCommitQC,
    make: (scale) => joined(repeated([UNKNOWN_NUMBER, 0], scale * UNIT), Uint8Array.of(0x80)),
    isAccepted: false,
  },
  {
    name: "a full proposal with hollow signatures",
    decode: decode.decodeFullProposal,
    make: (scale) =>
      written(times(25 * scale, () => bytes(2, hollowCertificate(hollow(5, 1), 100)))),
    isAccepted: false,
  },
  {
    name: "a full commit QC with hollow headers",
    decode: decode.decodeFullCommitQC,
    make: (scale) =>
      written([
        bytes(1, hollowCertificate(hollowProposal(25 * scale), 25 * scale, 3)),
        ...times(250 * scale, () => bytes(2, hollow(5, 1))),
      ]),
    isAccepted: false,
  },
  {
    name: "an envelope with three arms of hollow ranges",
    decode: decodeMsg,
    make: (scale) => written([3, 4, 5].map((arm) => bytes(arm, hollowProposal(25 * scale)))),
    isAccepted: false,
  },
  {
    name: "vote state with hollow QCs",
    decode: decode.decodePersistedInner,
    make: (scale) => {
      const vote = hollowProposal(25 * scale);
      const votes = times(25 * scale, () => bytes(3, [bytes(1, hollow(1)), bytes(2, hollow(1))]));
      const qc = hollowCertificate(vote, 25 * scale);
      return written([
        bytes(1, hollowCertificate(vote, 25 * scale, 3)),
        bytes(2, qc),
        bytes(3, [bytes(2, qc), ...votes]),
        bytes(6, [bytes(2, qc), bytes(3, hollow(1, 1))]),
        bytes(7, [bytes(1, vote)]),
        bytes(8, [bytes(1, vote)]),
      ]);
    },
    isAccepted: false,
  },
];

const full: readonly Adversary[] = [
  {
    name: "empty transactions, as many as may be",
    decode: decode.decodeSignedBlock,
    make: (scale) => written(signedBlock(txs(500 * scale, 0))),
    isAccepted: true,
  },
  {
    name: "transactions, as many and as long as may be",
    decode: decode.decodeSignedBlock,
    make: (scale) => written(signedBlock(txs(500 * scale, 1_024))),
    isAccepted: true,
  },
  {
    name: "transactions that are not looked into",
    decode: readSignedBlockHeader,
    make: (scale) => written(signedBlock(txs(500 * scale, 1_024))),
    isAccepted: true,
  },
  {
    name: "a commit QC",
    decode: decode.decodeCommitQC,
    make: (scale) => written(commitQC(25 * scale)),
    isAccepted: true,
  },
  {
    name: "a full commit QC",
    decode: decode.decodeFullCommitQC,
    make: (scale) =>
      written([
        bytes(1, commitQC(25 * scale)),
        ...times(250 * scale, (lane) => bytes(2, header(lane))),
      ]),
    isAccepted: true,
  },
  {
    name: "a timeout QC",
    decode: decode.decodeTimeoutQC,
    make: (scale) => written(timeoutQC(25 * scale)),
    isAccepted: true,
  },
  {
    name: "a full proposal",
    decode: decode.decodeFullProposal,
    make: (scale) =>
      written([
        ...times(25 * scale, (lane) => bytes(2, certificate(header(lane), 100))),
        bytes(4, timeoutQC(25 * scale)),
        bytes(5, signed(proposal(25 * scale))),
      ]),
    isAccepted: true,
  },
  {
    name: "a prune anchor",
    decode: decode.decodePruneAnchor,
    make: (scale) =>
      written([bytes(1, certificate(app, 25 * scale)), bytes(2, commitQC(25 * scale))]),
    isAccepted: true,
  },
  {
    name: "vote state",
    decode: decode.decodePersistedInner,
    make: (scale) => {
      const qc = certificate(proposal(25 * scale), 25 * scale);
      return written([
        bytes(1, commitQC(25 * scale)),
        bytes(2, qc),
        bytes(3, timeoutQC(25 * scale)),
        bytes(6, [bytes(2, qc), bytes(3, signed(timeoutVote))]),
        bytes(7, signed(proposal(25 * scale))),
        bytes(8, signed(proposal(25 * scale))),
      ]);
    },
    isAccepted: true,
  },
];

export const adversaries: readonly Adversary[] = [
  ...Object.entries(unknownChunks).map(([name, chunk]) => unknownFields(name, chunk)),
  {
    name: "unknown fields in a message in messages",
    decode: decode.decodeSignedBlock,
    make: (scale) => {
      const more = repeated([UNKNOWN_NUMBER, 0], scale * UNIT);
      const long = bytes(1, joined(written(timestamp), more));
      const [, ...rest] = payload([]);
      return written(signed([bytes(1, header(0)), bytes(2, [long, ...rest])]));
    },
    isAccepted: true,
  },
  ...refused,
  ...full,
];
