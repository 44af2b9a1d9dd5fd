/** The hashable objects as golden files write them, read into values of ours. */
import { expect } from "vitest";
import { z } from "zod";
import { laneIdOf, laneParts } from "../../../src/types/lane.js";
import * as encode from "../../../src/wire/codec/encode.js";
import { headerHash, payloadHash, sha256 } from "../../../src/wire/hash.js";
import type { LaneId } from "../../../src/types/lane.js";
import type { Proposal, Timestamp } from "../../../src/wire/messages.js";
import { globalRange, rangeLength } from "../../../src/wire/rules/proposal.js";
import { hex, toHex } from "../../wire/bytes.js";
import { bytes, decimal, hexText, read } from "./cases.js";
import type { Schema } from "../../../src/types/choices.js";

const timestamp = z.strictObject({ seconds: decimal, nanos: z.number().int() });
const publicKey = z.strictObject({ ed25519: bytes }).transform(({ ed25519 }) => ed25519);
const lane = z
  .strictObject({ validator: bytes, joined: decimal })
  .transform(({ validator, joined }) => laneIdOf(validator, joined));

/** A lane by itself, with the forms in which it is written. */
const laneWithForms = z
  .strictObject({
    validator: hexText,
    joined: decimal,
    bytes: hexText,
    dirName: z.string(),
    text: z.string(),
  })
  .transform(({ validator, joined, ...forms }) => {
    const made = laneIdOf(hex(validator), joined);
    expect({ bytes: made, dirName: made, text: laneText(made) }).toEqual(forms);
    return made;
  });

const header = z.strictObject({
  lane,
  blockNumber: decimal,
  parentHash: bytes,
  payloadHash: bytes,
});

/** Many transactions are given by their number, their size and a rule. */
const txs = z.union([
  z.array(bytes),
  z
    .strictObject({
      count: z.number(),
      size: z.number(),
      rule: z.literal("tx i is size bytes, each equal to i mod 256"),
    })
    .transform(({ count, size }) =>
      Array.from({ length: count }, (_, index) => new Uint8Array(size).fill(index % 256)),
    ),
]);
const payload = z.strictObject({
  createdAt: timestamp,
  txs,
  totalGasWanted: decimal,
  totalGasEstimated: decimal,
});

const view = z.strictObject({ index: decimal, number: decimal, epochIndex: decimal });
const laneRange = z.strictObject({ lane, first: decimal, next: decimal, lastHash: bytes });
const proposal = z
  .strictObject({
    view,
    timestamp,
    laneRanges: z.array(laneRange),
    globalFirst: decimal,
    globalRange: z.strictObject({ first: decimal, next: decimal }),
    nextTimestamp: timestamp,
  })
  .transform(({ globalRange: range, nextTimestamp, ...made }) => {
    expect(globalRange(made)).toEqual(range);
    expect(timestampAfter(made)).toEqual(nextTimestamp);
    return made;
  });
const appProposal = z
  .strictObject({
    roadIndex: decimal,
    appHash: bytes.nullable(),
    epochIndex: decimal,
    globalFirst: decimal,
    globalNext: decimal,
  })
  .transform((app) => ({ ...app, appHash: app.appHash ?? undefined }));
const timeoutVote = z
  .strictObject({ view, latestPrepareQcViewNumber: decimal.nullable() })
  .transform((vote) => ({
    ...vote,
    latestPrepareQcViewNumber: vote.latestPrepareQcViewNumber ?? undefined,
  }));

export interface Encoded {
  readonly canonical: Uint8Array;
  readonly hash: Uint8Array;
}

function object<T>(
  shape: Schema<T>,
  toBytes: (value: T) => Uint8Array,
  hashOf: (value: T) => Uint8Array = (value) => sha256(toBytes(value)),
): (fields: unknown) => Encoded {
  return (fields) => {
    const value = read(shape, fields);
    return { canonical: toBytes(value), hash: hashOf(value) };
  };
}

const objects: Readonly<Record<string, (fields: unknown) => Encoded>> = {
  Timestamp: object(timestamp, encode.encodeTimestamp),
  PublicKey: object(publicKey, encode.encodePublicKey),
  LaneID: object(laneWithForms, encode.encodeLaneId),
  BlockHeader: object(header, encode.encodeBlockHeader, headerHash),
  Payload: object(payload, encode.encodePayload, payloadHash),
  Block: object(z.strictObject({ header, payload }), encode.encodeBlock),
  View: object(view, encode.encodeView),
  LaneRange: object(laneRange, encode.encodeLaneRange),
  Proposal: object(proposal, encode.encodeProposal),
  AppProposal: object(appProposal, encode.encodeAppProposal),
  TimeoutVote: object(timeoutVote, encode.encodeTimeoutVote),
};

/** The canonical bytes and the hash of an object of `type` with these `fields`. */
export function encodedFields(type: string, fields: unknown): Encoded {
  const found = objects[type];
  if (found === undefined) throw new Error(`no object is called ${type}`);
  return found(fields);
}

/** A key in the words of sei-chain. We write lanes and keys as plain hex. */
export function keyText(key: Uint8Array): string {
  return `validator:ed25519:public:${toHex(key)}`;
}

/** As `keyText`, for a lane. */
export function laneText(id: LaneId): string {
  const { key, joined } = laneParts(id);
  return `${keyText(key)}@e${joined}`;
}

/**
 * The least timestamp of the proposal after this one: a microsecond per block later. Nothing in
 * this package makes or judges a successor; the figure shows that we count the blocks alike.
 */
function timestampAfter({ timestamp: at, laneRanges }: Proposal): Timestamp {
  const blocks = laneRanges.reduce((sum, range) => sum + rangeLength(range), 0n);
  const nanos = BigInt(at.nanos) + 1_000n * blocks;
  const second = 1_000_000_000n;
  return { seconds: at.seconds + nanos / second, nanos: Number(nanos % second) };
}
