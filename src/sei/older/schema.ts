/**
 * The older revision's messages as a table. It knows no limits: a field may occur any number of
 * times, of a number or a byte string the last one holds, and messages of one field merge.
 *
 * `unchecked` marks what the original takes for granted when it decodes: where such a field is
 * missing it does not refuse, it panics. Ours refuses, and can say so.
 */
import type { DecodeError } from "../../wire/decode-error.js";
import type { FieldRule, Schema } from "../../wire/schema.js";

export interface OlderRule extends FieldRule {
  readonly message?: OlderSchema;
  readonly repeated?: true;
  readonly unchecked?: true;
}

/** As `Schema`; the fields of a `oneof` are arms, of which the last one read holds. */
export interface OlderSchema extends Schema {
  readonly fields: readonly (OlderRule | undefined)[];
  readonly oneof?: true;
}

function schema(name: string, rules: Readonly<Record<number, OlderRule>>): OlderSchema {
  const list: (OlderRule | undefined)[] = [];
  for (const [number, rule] of Object.entries(rules)) list[Number(number)] = rule;
  return { name, fields: Array.from(list) };
}

const countMax = Number.POSITIVE_INFINITY;

function varint(name: string): OlderRule {
  return { name, kind: "varint", countMax };
}

function bytes(name: string): OlderRule {
  return { name, kind: "bytes", countMax };
}

function one(name: string, message: OlderSchema): OlderRule {
  return { name, kind: "message", message, countMax };
}

function unchecked(name: string, message: OlderSchema): OlderRule {
  return { ...one(name, message), unchecked: true };
}

function many(name: string, message: OlderSchema): OlderRule {
  return { ...one(name, message), repeated: true };
}

const Timestamp = schema("Timestamp", { 1: varint("seconds"), 2: varint("nanos") });
const PublicKey = schema("PublicKey", { 1: bytes("ed25519") });
const Signature = schema("Signature", { 1: unchecked("key", PublicKey), 2: bytes("sig") });
const BlockHeader = schema("BlockHeader", {
  1: one("lane", PublicKey),
  2: varint("block_number"),
  3: bytes("parent_hash"),
  4: bytes("payload_hash"),
});
const Payload = schema("Payload", {
  1: one("created_at", Timestamp),
  2: varint("total_gas"),
  3: varint("edge_count"),
  4: bytes("coinbase"),
  5: varint("basefee"),
  6: { ...bytes("txs"), repeated: true },
});
const Block = schema("Block", {
  1: unchecked("header", BlockHeader),
  2: unchecked("payload", Payload),
});
const View = schema("View", { 1: varint("index"), 2: varint("number") });
const LaneRange = schema("LaneRange", {
  1: unchecked("lane", PublicKey),
  2: varint("first"),
  3: varint("next"),
  4: bytes("last_hash"),
});
const AppProposal = schema("AppProposal", {
  1: varint("global_number"),
  2: varint("road_index"),
  3: bytes("app_hash"),
});
const Proposal = schema("Proposal", {
  1: one("view", View),
  2: unchecked("created_at", Timestamp),
  3: many("lane_ranges", LaneRange),
  4: one("app", AppProposal),
});
const TimeoutVote = schema("TimeoutVote", {
  1: one("view", View),
  2: varint("latest_prepare_qc_view_number"),
});
export const Msg: OlderSchema = {
  ...schema("Msg", {
    1: one("lane_proposal", Block),
    2: one("lane_vote", BlockHeader),
    3: one("proposal", Proposal),
    4: one("prepare_vote", Proposal),
    5: one("commit_vote", Proposal),
    6: one("timeout_vote", TimeoutVote),
    7: one("app_vote", AppProposal),
  }),
  oneof: true,
};
export const SignedMsg = schema("SignedMsg", {
  1: unchecked("msg", Msg),
  2: unchecked("sig", Signature),
});
const sigs = many("sigs", Signature);
const PrepareQC = schema("PrepareQC", { 1: one("vote", Proposal), 2: sigs });
/** The signatures are field 3; there is no field 2. */
export const CommitQC = schema("CommitQC", { 1: one("vote", Proposal), 3: sigs });
const AppQC = schema("AppQC", { 1: one("vote", AppProposal), 2: sigs });
const TimeoutQC = schema("TimeoutQC", {
  1: many("votes", SignedMsg),
  2: one("latest_prepare_qc", PrepareQC),
});
const FullTimeoutVote = schema("FullTimeoutVote", {
  1: unchecked("vote", SignedMsg),
  2: one("latest_prepare_qc", PrepareQC),
});
export const PersistedAvailPruneAnchor = schema("PersistedAvailPruneAnchor", {
  1: one("app_qc", AppQC),
  2: one("commit_qc", CommitQC),
});
export const PersistedInner = schema("PersistedInner", {
  1: one("commit_qc", CommitQC),
  2: one("prepare_qc", PrepareQC),
  3: one("timeout_qc", TimeoutQC),
  4: one("commit_vote", SignedMsg),
  5: one("prepare_vote", SignedMsg),
  6: one("timeout_vote", FullTimeoutVote),
});
/** The form of an A/B file: no checksum, only this. */
export const PersistedWrapper = schema("PersistedWrapper", { 1: varint("seq"), 2: bytes("data") });

/** Tells whether the original, decoding a message of `root`, panics where ours threw `error`. */
export function panicsThere(error: DecodeError, root: OlderSchema): boolean {
  if (error.reason !== "missing") return false;
  let around: OlderSchema | undefined = root;
  let rule: OlderRule | undefined;
  for (const name of error.path.split(".").slice(1)) {
    rule = around?.fields.find((candidate) => candidate?.name === name);
    around = rule?.message;
  }
  return rule?.unchecked === true;
}
