/**
 * The second reading: what protobufjs found in the bytes, made into values of the protocol field by
 * field, with the rules of the schema file's comments. All faults are collected, as `path reason`:
 * a decoder that refuses a message for what it lacks must name one of them.
 */
import type Long from "long";
import type { MessageShape } from "./schema.js";

/** A message as protobufjs gives it, its dotted path, and where faults are gathered. */
interface Found {
  readonly message: Readonly<Record<string, unknown>>;
  readonly path: string;
  readonly faults: Set<string>;
}

/** Makes a value, which is only of use if no fault was added. */
export type Reading = (found: Found) => unknown;

function has({ message }: Found, name: string): boolean {
  return Object.hasOwn(message, name);
}

function fault({ path, faults }: Found, name: string, reason: string): undefined {
  faults.add(`${path}.${name} ${reason}`);
}

function maybeNumber(found: Found, name: string): bigint | undefined {
  return has(found, name) ? (found.message[name] as Long).toBigInt() : undefined;
}

function number(found: Found, name: string): bigint | undefined {
  return maybeNumber(found, name) ?? fault(found, name, "missing");
}

function bytes(found: Found, name: string, length: number): Uint8Array {
  const value = has(found, name) ? (found.message[name] as Uint8Array) : undefined;
  if (value?.length !== length) fault(found, name, "length");
  return value ?? new Uint8Array(0);
}

function inside(found: Found, name: string, message: unknown): Found {
  const { path, faults } = found;
  return { message: message as Found["message"], path: `${path}.${name}`, faults };
}

function maybe(found: Found, name: string, reading: Reading): unknown {
  return has(found, name) ? reading(inside(found, name, found.message[name])) : undefined;
}

export function one(found: Found, name: string, reading: Reading): unknown {
  return has(found, name) ? maybe(found, name, reading) : fault(found, name, "missing");
}

function many(found: Found, name: string, reading: Reading): unknown[] {
  const list = found.message[name] as readonly unknown[];
  return list.map((message) => reading(inside(found, name, message)));
}

const BILLION = 1_000_000_000;

export const timestamp: Reading = (found) => {
  const seconds = number(found, "seconds");
  if (!has(found, "nanos")) fault(found, "nanos", "missing");
  const nanos = has(found, "nanos") ? (found.message["nanos"] as number) : 0;
  const carry = Math.floor(nanos / BILLION);
  return {
    seconds: BigInt.asIntN(64, (seconds ?? 0n) + BigInt(carry)),
    nanos: nanos - carry * BILLION,
  };
};

export const publicKey: Reading = (found) => bytes(found, "ed25519", 32);

/** The key and the epoch, as 80 hex digits. */
export const laneId: Reading = (found) => {
  const key = one(found, "validator", publicKey) as Uint8Array | undefined;
  const joined = number(found, "joined") ?? 0n;
  return Buffer.from(key ?? []).toString("hex") + joined.toString(16).padStart(16, "0");
};

export const signature: Reading = (found) => ({
  key: one(found, "key", publicKey),
  bytes: bytes(found, "sig", 64),
});

export const blockHeader: Reading = (found) => ({
  lane: one(found, "lane_id", laneId),
  blockNumber: number(found, "block_number"),
  parentHash: bytes(found, "parent_hash", 32),
  payloadHash: bytes(found, "payload_hash", 32),
});

export const payload: Reading = (found) => ({
  createdAt: one(found, "created_at", timestamp),
  txs: found.message["txs"],
  totalGasWanted: number(found, "total_gas_wanted"),
  totalGasEstimated: number(found, "total_gas_estimated"),
});

export const block: Reading = (found) => ({
  header: one(found, "header", blockHeader),
  payload: one(found, "payload", payload),
});

export const view: Reading = (found) => ({
  index: number(found, "index"),
  number: number(found, "number"),
  epochIndex: number(found, "epoch_index"),
});

export const laneRange: Reading = (found) => ({
  lane: one(found, "lane_id", laneId),
  first: number(found, "first"),
  next: number(found, "next"),
  lastHash: bytes(found, "last_hash", 32),
});

interface InLane {
  readonly lane: string | undefined;
}

function byLane({ lane: a = "" }: InLane, { lane: b = "" }: InLane): number {
  return Buffer.compare(Buffer.from(a, "hex"), Buffer.from(b, "hex"));
}

/** The ranges are sorted by lane; `app` is dropped. */
export const proposal: Reading = (found) => {
  const laneRanges = (many(found, "lane_ranges", laneRange) as InLane[]).sort(byLane);
  if (laneRanges.some(({ lane }, index) => index > 0 && lane === laneRanges[index - 1]?.lane)) {
    fault(found, "lane_ranges", "duplicate_lane");
  }
  return {
    view: one(found, "view", view),
    timestamp: one(found, "timestamp", timestamp),
    laneRanges,
    globalFirst: number(found, "global_first"),
  };
};

export const appProposal: Reading = (found) => ({
  roadIndex: number(found, "road_index"),
  appHash: has(found, "app_hash") ? found.message["app_hash"] : undefined,
  epochIndex: number(found, "epoch_index"),
  globalFirst: number(found, "global_first"),
  globalNext: number(found, "global_next"),
});

export const timeoutVote: Reading = (found) => ({
  view: one(found, "view", view),
  latestPrepareQcViewNumber: maybeNumber(found, "latest_prepare_qc_view_number"),
});

export const signed =
  (reading: Reading): Reading =>
  (found) => ({ msg: one(found, "msg", reading), sig: one(found, "sig", signature) });

export const certificate =
  (reading: Reading): Reading =>
  (found) => ({ vote: one(found, "vote", reading), sigs: many(found, "sigs", signature) });

export const fullCommitQC: Reading = (found) => ({
  qc: one(found, "qc", certificate(proposal)),
  headers: many(found, "headers", blockHeader),
});

export const fullTimeoutVote: Reading = (found) => ({
  vote: one(found, "vote_v2", signed(timeoutVote)),
  latestPrepareQC: maybe(found, "latest_prepare_qc", certificate(proposal)),
});

export const timeoutQC: Reading = (found) => {
  const votes = many(found, "votes_v2", signed(timeoutVote));
  if (votes.length === 0) fault(found, "votes_v2", "missing");
  return { votes, latestPrepareQC: maybe(found, "latest_prepare_qc", certificate(proposal)) };
};

/** A lane's later QC takes the place of the earlier one; `app_qc` is dropped. */
export const fullProposal: Reading = (found) => {
  const laneQCs: { readonly vote: InLane | undefined }[] = [];
  for (const qc of many(found, "lane_qcs", certificate(blockHeader)) as typeof laneQCs) {
    const earlier = laneQCs.findIndex(({ vote }) => vote?.lane === qc.vote?.lane);
    laneQCs.splice(earlier < 0 ? laneQCs.length : earlier, 1, qc);
  }
  return {
    proposal: one(found, "proposal_v2", signed(proposal)),
    laneQCs,
    timeoutQC: maybe(found, "timeout_qc", timeoutQC),
  };
};

export const pruneAnchor: Reading = (found) => ({
  appQC: one(found, "app_qc", certificate(appProposal)),
  commitQC: one(found, "commit_qc", certificate(proposal)),
});

export const persistedInner: Reading = (found) => ({
  commitQC: maybe(found, "commit_qc", certificate(proposal)),
  prepareQC: maybe(found, "prepare_qc", certificate(proposal)),
  timeoutQC: maybe(found, "timeout_qc", timeoutQC),
  timeoutVote: maybe(found, "timeout_vote", fullTimeoutVote),
  commitVote: maybe(found, "commit_vote_v2", signed(proposal)),
  prepareVote: maybe(found, "prepare_vote_v2", signed(proposal)),
});

const arms: Readonly<Record<string, Reading>> = {
  lane_proposal: block,
  lane_vote: blockHeader,
  proposal,
  prepare_vote: proposal,
  commit_vote: proposal,
  timeout_vote: timeoutVote,
  app_vote: appProposal,
};

/** `arm` names the arm that came last. */
export const msg: Reading = (found) => {
  const arm = found.message["arm"] as string | undefined;
  if (arm === undefined) return fault(found, "arm", "empty");
  return { kind: arm, value: one(found, arm, arms[arm]!) };
};

export interface SecondReading {
  readonly value: unknown;
  readonly faults: ReadonlySet<string>;
}

/** Reads what protobufjs made of a message of `shape`. */
export function readMessage(reading: Reading, shape: MessageShape, message: object): SecondReading {
  const faults = new Set<string>();
  const found = { message: message as Found["message"], path: shape.name, faults };
  return { value: reading(found), faults };
}

/** The path at which two values differ first, if they do. Byte strings are equal by content. */
export function difference(a: unknown, b: unknown, path = ""): string | undefined {
  if (Object.is(a, b)) return undefined;
  if (a instanceof Uint8Array && b instanceof Uint8Array) {
    return Buffer.compare(a, b) === 0 ? undefined : path;
  }
  if (a instanceof Uint8Array || b instanceof Uint8Array) return path;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return path;
  if (Array.isArray(a) !== Array.isArray(b)) return path;
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>];
  const keys = Object.keys(left);
  if (keys.length !== Object.keys(right).length) return path;
  for (const key of keys) {
    if (!Object.hasOwn(right, key)) return `${path}.${key}`;
    const inner = difference(left[key], right[key], `${path}.${key}`);
    if (inner !== undefined) return inner;
  }
  return undefined;
}
