/**
 * The messages as a table: field numbers, kinds and limits. `scan.ts` enforces it, and a test
 * compares it with `proto/autobahn.proto`.
 *
 * Every field may occur `countMax` times. `bytesMax` bounds one byte string, and `totalBytesMax` all byte
 * strings of a repeated field together. A `dropped` field is scanned and never decoded.
 */
import { assert } from "../../types/assert.js";
import {
  HASH_BYTES,
  HEADERS_MAX,
  KEY_BYTES,
  SIGNATURE_BYTES,
  TXS_BYTES_MAX,
  TXS_MAX,
  VALIDATORS_MAX,
} from "../messages.js";

export interface FieldRule {
  readonly name: string;
  readonly kind: "varint" | "bytes" | "message";
  readonly message?: Schema;
  readonly countMax: number;
  readonly bytesMax?: number;
  readonly totalBytesMax?: number;
  readonly dropped?: true;
}

/** A message's name and its fields, each at the index that is its number. */
export interface Schema {
  readonly name: string;
  readonly fields: readonly (FieldRule | undefined)[];
}

/** The highest field number of any message. */
const FIELD_MAX = 8;

/** At most one field of a message may occur more than once. */
function schema(name: string, rules: Readonly<Record<number, FieldRule>>): Schema {
  const list: (FieldRule | undefined)[] = [];
  for (const [number, rule] of Object.entries(rules)) list[Number(number)] = rule;
  const fields = Array.from(list);
  assert(fields.length <= FIELD_MAX + 1, "places are kept by field number");
  const repeated = fields.filter((rule) => rule !== undefined && rule.countMax > 1);
  assert(repeated.length <= 1, "places of one repeated field are kept");
  return { name, fields };
}

function varint(name: string): FieldRule {
  return { name, kind: "varint", countMax: 1 };
}

function bytes(name: string, bytesMax?: number): FieldRule {
  const rule = { name, kind: "bytes", countMax: 1 } as const;
  return bytesMax === undefined ? rule : { ...rule, bytesMax };
}

function one(name: string, message: Schema): FieldRule {
  return { name, kind: "message", message, countMax: 1 };
}

function many(name: string, message: Schema, countMax: number): FieldRule {
  return { name, kind: "message", message, countMax };
}

export const Timestamp = schema("Timestamp", { 1: varint("seconds"), 2: varint("nanos") });
export const PublicKey = schema("PublicKey", { 1: bytes("ed25519", KEY_BYTES) });
export const LaneID = schema("LaneID", { 1: one("validator", PublicKey), 2: varint("joined") });
export const Signature = schema("Signature", {
  1: one("key", PublicKey),
  2: bytes("sig", SIGNATURE_BYTES),
});
export const BlockHeader = schema("BlockHeader", {
  2: varint("block_number"),
  3: bytes("parent_hash", HASH_BYTES),
  4: bytes("payload_hash", HASH_BYTES),
  5: one("lane_id", LaneID),
});
export const Payload = schema("Payload", {
  1: one("created_at", Timestamp),
  6: { name: "txs", kind: "bytes", countMax: TXS_MAX, totalBytesMax: TXS_BYTES_MAX },
  7: varint("total_gas_wanted"),
  8: varint("total_gas_estimated"),
});
export const Block = schema("Block", {
  1: one("header", BlockHeader),
  2: one("payload", Payload),
});
export const View = schema("View", {
  1: varint("index"),
  2: varint("number"),
  3: varint("epoch_index"),
});
export const LaneRange = schema("LaneRange", {
  2: varint("first"),
  3: varint("next"),
  4: bytes("last_hash", HASH_BYTES),
  5: one("lane_id", LaneID),
});
export const AppProposal = schema("AppProposal", {
  2: varint("road_index"),
  3: bytes("app_hash", HASH_BYTES),
  4: varint("epoch_index"),
  5: varint("global_first"),
  6: varint("global_next"),
});
export const Proposal = schema("Proposal", {
  1: one("view", View),
  3: many("lane_ranges", LaneRange, VALIDATORS_MAX),
  4: { ...one("app", AppProposal), dropped: true },
  5: one("timestamp", Timestamp),
  6: varint("global_first"),
});
export const TimeoutVote = schema("TimeoutVote", {
  1: one("view", View),
  2: varint("latest_prepare_qc_view_number"),
});

function signed(name: string, message: Schema): Schema {
  return schema(name, { 1: one("msg", message), 2: one("sig", Signature) });
}
export const SignedBlock = signed("SignedBlock", Block);
export const SignedBlockHeader = signed("SignedBlockHeader", BlockHeader);
export const SignedProposal = signed("SignedProposal", Proposal);
export const SignedTimeoutVote = signed("SignedTimeoutVote", TimeoutVote);
export const SignedAppVote = signed("SignedAppVote", AppProposal);

const sigs = many("sigs", Signature, VALIDATORS_MAX);
export const LaneQC = schema("LaneQC", { 1: one("vote", BlockHeader), 2: sigs });
export const PrepareQC = schema("PrepareQC", { 1: one("vote", Proposal), 2: sigs });
/** The signatures are field 3; there is no field 2. */
export const CommitQC = schema("CommitQC", { 1: one("vote", Proposal), 3: sigs });
export const AppQC = schema("AppQC", { 1: one("vote", AppProposal), 2: sigs });
export const FullCommitQC = schema("FullCommitQC", {
  1: one("qc", CommitQC),
  2: many("headers", BlockHeader, HEADERS_MAX),
});
export const FullTimeoutVote = schema("FullTimeoutVote", {
  2: one("latest_prepare_qc", PrepareQC),
  3: one("vote_v2", SignedTimeoutVote),
});
export const TimeoutQC = schema("TimeoutQC", {
  2: one("latest_prepare_qc", PrepareQC),
  3: many("votes_v2", SignedTimeoutVote, VALIDATORS_MAX),
});
export const FullProposal = schema("FullProposal", {
  2: many("lane_qcs", LaneQC, VALIDATORS_MAX),
  3: { ...one("app_qc", AppQC), dropped: true },
  4: one("timeout_qc", TimeoutQC),
  5: one("proposal_v2", SignedProposal),
});
export const PersistedAvailPruneAnchor = schema("PersistedAvailPruneAnchor", {
  1: one("app_qc", AppQC),
  2: one("commit_qc", CommitQC),
});
export const PersistedInner = schema("PersistedInner", {
  1: one("commit_qc", CommitQC),
  2: one("prepare_qc", PrepareQC),
  3: one("timeout_qc", TimeoutQC),
  6: one("timeout_vote", FullTimeoutVote),
  7: one("commit_vote_v2", SignedProposal),
  8: one("prepare_vote_v2", SignedProposal),
});
/** The signing envelope, with one arm. Each arm counts by itself, and of two the later one counts. */
export const Msg = schema("Msg", {
  1: one("lane_proposal", Block),
  2: one("lane_vote", BlockHeader),
  3: one("proposal", Proposal),
  4: one("prepare_vote", Proposal),
  5: one("commit_vote", Proposal),
  6: one("timeout_vote", TimeoutVote),
  7: one("app_vote", AppProposal),
});
