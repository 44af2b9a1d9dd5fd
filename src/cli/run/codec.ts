/**
 * The only place where commands and events become bytes. protobufjs encodes a `bigint` as 0 without
 * a word, so every 64-bit field passes through `toLong` here; no other module of ours touches the
 * generated code.
 */
import Long from "long";
import { assert, assertNever } from "../../types/assert.js";
import { type LaneId, laneId } from "../../types/lane.js";
import { U64_MAX } from "../../types/numbers.js";
import { lanekeeper } from "../generated/run.js";
import type { Command, Event } from "./messages.js";

const proto = lanekeeper.run;
const empty: Uint8Array = new Uint8Array(0);

/** Encodes one command. Copies its byte strings. */
export function encodeCommand(command: Command): Uint8Array {
  return proto.Command.encode(commandFields(command)).finish();
}

/** Decodes one command. Its byte strings are views of `bytes`. */
export function decodeCommand(bytes: Uint8Array): Command {
  const { open, block, commitQc, anchor, close } = proto.Command.decode(bytes);
  if (open) {
    const { directory, chainId, keys } = open;
    return { kind: "open", directory, chainId, keys };
  }
  if (block) return { kind: "block", ...fromLaneRecord(block) };
  if (commitQc) return { kind: "commitQc", ...fromRoadRecord(commitQc) };
  if (anchor) return { kind: "anchor", ...fromRoadRecord(anchor) };
  if (close) return { kind: "close" };
  throw new Error("a command of an unknown kind");
}

/** Encodes one event. Copies its byte strings. */
export function encodeEvent(event: Event): Uint8Array {
  return proto.Event.encode(eventFields(event)).finish();
}

/** Decodes one event. Its byte strings are views of `bytes`. */
export function decodeEvent(bytes: Uint8Array): Event {
  const message = proto.Event.decode(bytes);
  const event = roadEvent(message) ?? laneEvent(message) ?? otherEvent(message);
  if (event === undefined) throw new Error("an event of an unknown kind");
  return event;
}

function commandFields(command: Command): lanekeeper.run.Command.$Properties {
  switch (command.kind) {
    case "open":
      return { open: { ...command, keys: [...command.keys] } };
    case "block":
      return { block: laneRecord(command) };
    case "commitQc":
      return { commitQc: roadRecord(command) };
    case "anchor":
      return { anchor: roadRecord(command) };
    case "close":
      return { close: {} };
    default:
      return assertNever(command);
  }
}

function eventFields(event: Event): lanekeeper.run.Event.$Properties {
  switch (event.kind) {
    case "opening":
    case "closed":
      return { [event.kind]: {} };
    case "anchorFound":
    case "commitQcFound":
    case "commitQcDurable":
    case "anchorDurable":
      return { [event.kind]: roadRecord(event) };
    case "blockFound":
    case "blockDurable":
      return { [event.kind]: laneRecord(event) };
    case "laneFound":
    case "roadFound":
      return { [event.kind]: range(event) };
    case "pinFound":
      return { pinFound: { ...place(event), headerHash: event.headerHash } };
    case "dropped":
      return { dropped: { ...place(event), reason: event.reason } };
    case "recovered":
      return { recovered: { ...event, warnings: [...event.warnings] } };
    case "stats":
      return {
        stats: {
          rssBytes: toLong(BigInt(event.rssBytes)),
          rssBytesMax: toLong(BigInt(event.rssBytesMax)),
          diskBytes: toLong(BigInt(event.diskBytes)),
          persistP50Ms: event.persistP50Ms,
          persistP99Ms: event.persistP99Ms,
        },
      };
    case "failed":
      return { failed: { code: event.code, message: event.message } };
    default:
      return assertNever(event);
  }
}

function roadEvent(message: lanekeeper.run.Event): Event | undefined {
  const { anchorFound, commitQcFound, commitQcDurable, anchorDurable, roadFound } = message;
  if (commitQcDurable) return { kind: "commitQcDurable", index: fromLong(commitQcDurable.index) };
  if (anchorDurable) return { kind: "anchorDurable", index: fromLong(anchorDurable.index) };
  if (commitQcFound) return { kind: "commitQcFound", ...fromRoadRecord(commitQcFound) };
  if (anchorFound) return { kind: "anchorFound", ...fromRoadRecord(anchorFound) };
  if (roadFound) return { kind: "roadFound", ...fromRange(roadFound) };
  return undefined;
}

function laneEvent(message: lanekeeper.run.Event): Event | undefined {
  const { blockFound, blockDurable, laneFound, pinFound, dropped } = message;
  if (blockDurable) return { kind: "blockDurable", ...fromPlace(blockDurable) };
  if (blockFound) return { kind: "blockFound", ...fromLaneRecord(blockFound) };
  if (laneFound) {
    return { kind: "laneFound", lane: fromLane(laneFound.lane), ...fromRange(laneFound) };
  }
  if (pinFound) {
    return { kind: "pinFound", ...fromPlace(pinFound), headerHash: pinFound.headerHash };
  }
  if (dropped) return { kind: "dropped", ...fromPlace(dropped), reason: dropped.reason };
  return undefined;
}

function otherEvent(message: lanekeeper.run.Event): Event | undefined {
  const { opening, closed, recovered, stats, failed } = message;
  if (stats) {
    return {
      kind: "stats",
      rssBytes: Number(fromLong(stats.rssBytes)),
      rssBytesMax: Number(fromLong(stats.rssBytesMax)),
      diskBytes: Number(fromLong(stats.diskBytes)),
      persistP50Ms: stats.persistP50Ms,
      persistP99Ms: stats.persistP99Ms,
    };
  }
  if (recovered) {
    return { kind: "recovered", durationMs: recovered.durationMs, warnings: recovered.warnings };
  }
  if (failed) return { kind: "failed", code: failed.code, message: failed.message };
  if (opening) return { kind: "opening" };
  if (closed) return { kind: "closed" };
  return undefined;
}

/** Checks the range: protobufjs would take a negative number, or one too large, as another one. */
function toLong(value: bigint): Long {
  assert(value >= 0n && value <= U64_MAX, "a number on the wire fits 64 bits without a sign");
  return Long.fromBigInt(value, true);
}

function fromLong(value: Long): bigint {
  return BigInt.asUintN(64, value.toBigInt());
}

function fromLane(bytes: Uint8Array): LaneId {
  return laneId(Buffer.from(bytes).toString("hex"));
}

function place(value: { readonly lane: LaneId; readonly number: bigint }) {
  return { lane: Buffer.from(value.lane, "hex"), number: toLong(value.number) };
}

function fromPlace(message: { readonly lane: Uint8Array; readonly number: Long }) {
  return { lane: fromLane(message.lane), number: fromLong(message.number) };
}

function laneRecord(value: {
  readonly lane: LaneId;
  readonly number: bigint;
  readonly bytes?: Uint8Array;
}) {
  return { ...place(value), bytes: value.bytes ?? empty };
}

function fromLaneRecord(message: lanekeeper.run.LaneRecord) {
  return { ...fromPlace(message), bytes: message.bytes };
}

function roadRecord(value: { readonly index: bigint; readonly bytes?: Uint8Array }) {
  return { index: toLong(value.index), bytes: value.bytes ?? empty };
}

function fromRoadRecord(message: lanekeeper.run.RoadRecord) {
  return { index: fromLong(message.index), bytes: message.bytes };
}

function range(value: { readonly lane?: LaneId; readonly first: bigint; readonly next: bigint }) {
  return {
    lane: value.lane === undefined ? empty : Buffer.from(value.lane, "hex"),
    first: toLong(value.first),
    next: toLong(value.next),
  };
}

function fromRange(message: lanekeeper.run.Range) {
  return { first: fromLong(message.first), next: fromLong(message.next) };
}
