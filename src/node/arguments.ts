/**
 * The arguments of every public method of `Lanekeeper`: one row each, and every argument has its check.
 * A wrong one is USAGE, before anything is begun. Messages (blocks, certificates) are looked at here for
 * their kind alone: they are encoded or decoded next, and that says what is wrong in them.
 */
import {
  bytesArgument,
  optionsArgument,
  readingArguments,
  reasonArgument,
  signalArgument,
  u64Argument,
  wrongArgument,
} from "../types/arguments.js";
import { absolutePath, type PathInput } from "../disk/path.js";
import { checkBackupOptions } from "../keeping/backup/calls.js";
import { keySourceArgument } from "../keys/source.js";
import { PersisterError } from "../types/errors.js";
import { isLaneId, type LaneId } from "../types/lane.js";
import { U64_MAX } from "../types/numbers.js";
import { decodePersistedInner } from "../wire/codec/decode.js";
import { DecodeError } from "../wire/codec/decode-error.js";
import { HASH_BYTES } from "../wire/messages.js";
import { eventKinds } from "./events.js";

type Check = (value: unknown) => unknown;

const message: Check = (value) => {
  if (typeof value !== "object" || value === null) {
    throw wrongArgument("the message", "a message or its bytes", value);
  }
};

const lane: Check = (value) => {
  if (typeof value === "string" && isLaneId(value)) return;
  throw wrongArgument("lane", "a lane id: 80 lower-case hex digits", value);
};

/** The end of a range needs one more number than the range has: the highest cannot be used. */
const number: Check = (value) => {
  if (u64Argument("the number", value) < U64_MAX) return;
  throw wrongArgument("the number", "below 2^64 - 1", value);
};

const roadIndex: Check = (value) => void u64Argument("roadIndex", value);

const reason: Check = (value) => void reasonArgument("reason", value);

const wait: Check = (value) => {
  signalArgument(optionsArgument("options", value, ["signal"]).signal);
};

const lanes: Check = (value) => {
  if (!(value instanceof Set)) throw wrongArgument("keep", "a Set of lane ids", value);
  readingArguments("keep", () => value.forEach((each) => void lane(each)));
};

const dropOptions: Check = (value) => {
  const { dropAll } = optionsArgument("options", value, ["dropAll"]);
  if (dropAll === undefined || typeof dropAll === "boolean") return;
  throw wrongArgument("option dropAll", "a boolean", dropAll);
};

const fromNumbers: Check = (value) => {
  const { signal, from } = optionsArgument("options", value, ["signal", "from"]);
  signalArgument(signal);
  if (from === undefined) return;
  if (!(from instanceof Map)) throw wrongArgument("option from", "a Map of lane ids", from);
  readingArguments("option from", () => {
    for (const [each, first] of from) {
      lane(each);
      u64Argument("option from", first);
    }
  });
};

const fromIndex: Check = (value) => {
  const { signal, from } = optionsArgument("options", value, ["signal", "from"]);
  signalArgument(signal);
  if (from !== undefined) u64Argument("option from", from);
};

const range: Check = (value) => {
  const { signal, from, next } = optionsArgument("range", value, ["signal", "from", "next"]);
  signalArgument(signal);
  if (from !== undefined) u64Argument("from", from);
  if (next !== undefined) u64Argument("next", next);
};

const optionalNumber = (name: string, value: unknown): void => {
  if (value !== undefined) u64Argument(name, value);
};

const placeKinds = ["block", "laneVote", "vote", "appVote"] as const;

const place: Check = (value) => {
  const fields = ["kind", "lane", "number", "headerHash", "roadIndex"] as const;
  const given = optionsArgument("the place", value, fields);
  const kind = placeKinds.find((each) => each === given.kind);
  if (!kind)
    throw wrongArgument("the kind of the place", `one of ${placeKinds.join(", ")}`, given.kind);
  if (kind === "vote" || kind === "appVote") return void number(given.roadIndex);
  lane(given.lane);
  number(given.number);
  if (kind === "block" && given.headerHash === undefined) return;
  const isHash = bytesArgument("headerHash", given.headerHash).length === HASH_BYTES;
  if (!isHash) throw wrongArgument("headerHash", `${HASH_BYTES} bytes`, given.headerHash);
};

const raise: Check = (value) => {
  const given = optionsArgument("raise", value, ["lanes", "byLane", "votes"]);
  const { byLane } = given;
  optionalNumber("lanes", given.lanes);
  optionalNumber("votes", given.votes);
  if (byLane === undefined) return;
  if (!(byLane instanceof Map)) throw wrongArgument("byLane", "a Map of lane ids", byLane);
  readingArguments("byLane", () => {
    for (const [each, height] of byLane) {
      lane(each);
      u64Argument("byLane", height);
    }
  });
};

const raisers = ["watermarks", "peers", "operator"] as const;

const raiseReason: Check = (value) => {
  const given = optionsArgument("why", value, ["by", "reason"]);
  reason(given.reason);
  if (raisers.some((each) => each === given.by)) return;
  throw wrongArgument("by", `one of ${raisers.join(", ")}`, given.by);
};

const takeReason: Check = (value) => {
  const given = optionsArgument("why", value, ["reason", "first", "ended"]);
  reason(given.reason);
  optionalNumber("ended", given.ended);
  if (given.first === undefined || typeof given.first === "boolean") return;
  throw wrongArgument("first", "a boolean", given.first);
};

const event: Check = (value) => {
  if (eventKinds.some((kind) => kind === value)) return;
  throw wrongArgument("the event", `one of ${eventKinds.join(", ")}`, value);
};

const listener: Check = (value) => {
  if (typeof value !== "function") throw wrongArgument("the listener", "a function", value);
};

const keySource: Check = (value) => void keySourceArgument(value);

const path: Check = (value) => void absolutePath(value as PathInput);

const backupOptions: Check = (value) => {
  if (value !== undefined) checkBackupOptions(value);
};

const bytes: Check = (value) => void bytesArgument("the vote state", value);

/** Every public method, and the checks of its arguments in their order. */
export const methodArguments = {
  pushBlock: [message, wait],
  nextBlock: [lane],
  pushCommitQC: [message, wait],
  pushAnchor: [message],
  pushLaneQC: [message],
  release: [lane, number, reason],
  releases: [],
  maySign: [place],
  raiseGuard: [raise, raiseReason],
  reserved: [place, wait],
  takeReservations: [takeReason, wait],
  dropLanesExcept: [lanes, dropOptions],
  waitForBlock: [lane, number, wait],
  waitForCommitQC: [number, wait],
  waitForAnchor: [number, wait],
  sync: [wait],
  durableBlocks: [fromNumbers],
  durableCommitQCs: [fromIndex],
  readBlock: [lane, number],
  readCommitQC: [number],
  readRetainedBlock: [lane, number],
  readRetainedCommitQC: [number],
  retainedBlocks: [lane, range],
  retainedCommitQCs: [range],
  writeVoteState: [bytes, roadIndex],
  rotateKey: [keySource],
  backup: [path, backupOptions],
  waitForRotation: [wait],
  on: [event, listener],
  status: [],
  close: [],
} as const satisfies Readonly<Record<string, readonly Check[]>>;

/** @throws {PersisterError} USAGE for the first argument that is wrong. */
export function checkArguments(
  method: keyof typeof methodArguments,
  ...given: readonly unknown[]
): void {
  const checks: readonly Check[] = methodArguments[method];
  for (const [at, check] of checks.entries()) check(given[at]);
}

/** @throws {PersisterError} USAGE if no lane that is held stays, and `dropAll` does not say that. */
export function checkDrop(
  held: Iterable<LaneId>,
  keep: ReadonlySet<LaneId>,
  dropAll: boolean | undefined,
): ReadonlySet<LaneId> {
  const all = [...held];
  if (dropAll === true || all.length === 0 || all.some((each) => keep.has(each))) {
    return new Set(all.filter((each) => !keep.has(each)));
  }
  throw new PersisterError(
    "USAGE",
    `keep has none of the ${all.length} lanes that are held: to drop them all, pass { dropAll: true }`,
  );
}

/**
 * The vote state is decoded before it is written: bytes that are none would be found at the next open.
 *
 * @throws {PersisterError} INVALID.
 */
export function checkVoteState(votes: Uint8Array, index: bigint): void {
  try {
    decodePersistedInner(votes);
  } catch (cause) {
    if (!(cause instanceof DecodeError)) throw cause;
    const text = `the vote state does not decode: ${cause.message}; nothing was written`;
    throw new PersisterError("INVALID", text, { roadIndex: index, cause });
  }
}
