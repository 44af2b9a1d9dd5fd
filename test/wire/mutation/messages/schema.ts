/**
 * The messages as protobufjs finds them in `proto/autobahn.proto`, with the limits that its comments
 * give. It is made without a look at `src/wire/codec/schema.ts`: what reads by it is a second opinion.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import protobuf from "protobufjs";

export interface FieldShape {
  readonly name: string;
  readonly number: number;
  readonly kind: "varint" | "bytes" | "message";
  readonly message: MessageShape | undefined;
  readonly countMax: number;
  readonly bytesMax: number | undefined;
  /** The schema has one such field, and no two in one message. */
  readonly totalBytesMax: number | undefined;
}

export interface MessageShape {
  readonly name: string;
  readonly type: protobuf.Type;
  /** Each field at the index that is its number. */
  readonly fields: (FieldShape | undefined)[];
}

const listMax: Readonly<Record<string, number>> = {
  "Payload.txs": 2_000,
  "Proposal.lane_ranges": 100,
  "LaneQC.sigs": 100,
  "PrepareQC.sigs": 100,
  "CommitQC.sigs": 100,
  "AppQC.sigs": 100,
  "FullCommitQC.headers": 1_000,
  "TimeoutQC.votes_v2": 100,
  "FullProposal.lane_qcs": 100,
};
const bytesMax: Readonly<Record<string, number>> = {
  "PublicKey.ed25519": 32,
  "Signature.sig": 64,
  "BlockHeader.parent_hash": 32,
  "BlockHeader.payload_hash": 32,
  "LaneRange.last_hash": 32,
  "AppProposal.app_hash": 32,
};
const totalBytesMax: Readonly<Record<string, number>> = { "Payload.txs": 2_048_000 };

const path = fileURLToPath(new URL("../../../../proto/autobahn.proto", import.meta.url));
const source = readFileSync(path, "utf8");

function rootOf(text: string): protobuf.Root {
  return protobuf.parse(text, { keepCase: true }).root;
}

const root = rootOf(source);
/** The same messages, but a block's payload is a byte string that is not looked into. */
const closedRoot = rootOf(source.replace("optional Payload payload", "optional bytes payload"));

const shapes = new Map<protobuf.Type, MessageShape>();

function shapeOf(type: protobuf.Type): MessageShape {
  const known = shapes.get(type);
  if (known !== undefined) return known;
  const shape: MessageShape = { name: type.name, type, fields: [] };
  shapes.set(type, shape);
  for (const field of type.fieldsArray) shape.fields[field.id] = fieldShapeOf(field.resolve());
  return shape;
}

function fieldShapeOf(field: protobuf.Field): FieldShape {
  const place = `${field.parent?.name}.${field.name}`;
  const inner = field.resolvedType;
  if (field.repeated && listMax[place] === undefined) throw new Error(`no limit for ${place}`);
  return {
    name: field.name,
    number: field.id,
    kind: inner !== null ? "message" : field.type === "bytes" ? "bytes" : "varint",
    message: inner instanceof protobuf.Type ? shapeOf(inner) : undefined,
    countMax: listMax[place] ?? 1,
    bytesMax: bytesMax[place],
    totalBytesMax: totalBytesMax[place],
  };
}

export function messageShape(name: string): MessageShape {
  return shapeOf(root.lookupType(`autobahn.${name}`));
}

/** A signed block whose payload is not looked into. */
export const closedSignedBlock: MessageShape = shapeOf(
  closedRoot.lookupType("autobahn.SignedBlock"),
);
