/** Messages come back from a connection as they were sent, in whatever pieces they arrive. */
import { describe, expect, test } from "vitest";
import { FormatError } from "../../../src/codec/binary.js";
import { FrameSplitter } from "../../../src/codec/frames.js";
import { laneRange } from "../../../src/devnet/protocol/catch-up.js";
import { decodeMessage, type Message } from "../../../src/devnet/protocol/message.js";
import { framed } from "../../../src/devnet/validator/transport.js";
import * as build from "../../../src/wire/build.js";
import { DecodeError } from "../../../src/wire/codec/decode-error.js";
import { encodeSignedBlock } from "../../../src/wire/codec/encode.js";
import {
  app,
  appQC,
  block,
  commitQC,
  first,
  lane,
  laneQC,
  prepareQC,
  proposal,
  timeoutQC,
  timeoutVote,
} from "../../wire/samples.js";

const range = laneRange(lane, { first: 3n, next: 2n ** 64n - 1n });
const messages: readonly Message[] = [
  { kind: "hello", lane },
  {
    kind: "status",
    status: { road: { first: 0n, next: 2n ** 64n - 1n }, lanes: [range, range], isWhole: true },
  },
  { kind: "status", status: { road: { first: 5n, next: 5n }, lanes: [], isWhole: false } },
  { kind: "askRoad", range: { first: 1n, next: 9n } },
  { kind: "askLane", range },
  { kind: "askHeld", range },
  { kind: "held", range },
  { kind: "block", bytes: encodeSignedBlock(build.signBlock(block, first)), header: block.header },
  { kind: "laneVote", vote: build.signLaneVote(block.header, first) },
  {
    kind: "proposal",
    proposal: { proposal: build.signProposal(proposal, first), laneQCs: [laneQC], timeoutQC },
  },
  { kind: "prepareVote", vote: build.signPrepareVote(proposal, first) },
  { kind: "commitVote", vote: build.signCommitVote(proposal, first) },
  {
    kind: "timeoutVote",
    vote: { vote: build.signTimeoutVote(timeoutVote, first), latestPrepareQC: prepareQC },
  },
  { kind: "timeoutQC", qc: timeoutQC },
  { kind: "commitQC", qc: commitQC },
  { kind: "appVote", vote: build.signAppVote(app, first) },
  { kind: "anchor", anchor: { appQC, commitQC } },
];

const plain = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value, (_key, each: unknown) => {
      if (typeof each === "bigint") return `${each}n`;
      return each instanceof Uint8Array ? Buffer.from(each).toString("hex") : each;
    }),
  );

function received(stream: Uint8Array, size: number): Message[] {
  const splitter = new FrameSplitter();
  const got: Message[] = [];
  for (let at = 0; at < stream.length; at += size) {
    for (const { field, bytes } of splitter.push(stream.subarray(at, at + size))) {
      got.push(decodeMessage(field, new Uint8Array(bytes)));
    }
  }
  return got;
}

describe("messages on a connection", () => {
  const stream = Buffer.concat(messages.flatMap((message) => [...framed(message)]));

  test.each([1, 2, 3, 7, 100, 1 << 20])("come back in pieces of %i bytes", (size) => {
    expect(plain(received(stream, size))).toEqual(plain(messages));
  });

  test("an unfinished one is none", () => {
    const all = received(stream.subarray(0, -1), 1 << 20);
    expect(plain(all)).toEqual(plain(messages.slice(0, -1)));
  });

  test("bytes that are no such message are refused", () => {
    const [, body] = framed(messages[9]!);
    expect(() => decodeMessage(9, body.subarray(0, 20))).toThrow(DecodeError);
    expect(() => decodeMessage(99, body)).toThrow(FormatError);
  });
});
