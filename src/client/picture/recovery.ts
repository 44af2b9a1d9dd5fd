/**
 * The recovery report of a client. A service may have run on while its validator was away, so that the
 * report of its own last open says less than it holds by now. A client therefore reports what it found when
 * it connected: the ranges, the anchor, the votes and the pins of that moment, and beside them how the
 * service's last open went.
 */
import { guardKinds, type GuardStatus } from "../../node/signing/verdict.js";
import type { PinnedNumber, Range, Recovery } from "../../node/start.js";
import type { GetRecoveryResponse, GetVoteStateResponse } from "../../rpc/api/keeper.js";
import type { Guards, Pin, Range as RangeMessage, StoreStatus } from "../../rpc/api/types.js";
import { toMs } from "../../rpc/times.js";
import { withJson } from "../../types/json.js";
import { guardAuthors } from "../../persist/guards/heights.js";
import { decodePruneAnchor } from "../../wire/codec/decode.js";
import type { PruneAnchor } from "../../wire/messages.js";
import type { Picture } from "./picture.js";
import { heldLane } from "./values.js";

/** The store when the client connected. Everything that was queued then is durable. */
export interface Found {
  readonly report: GetRecoveryResponse;
  readonly store: Pick<StoreStatus, "anchor" | "pins" | "guards">;
  readonly votes: GetVoteStateResponse;
  readonly picture: Pick<Picture, "lanes" | "road">;
}

export function recoveryOf({ report, store, votes: state, picture }: Found): Recovery {
  const { duration, steps, ...rest } = report;
  const { votes, abstainThrough } = state;
  return withJson({
    lanes: new Map([...picture.lanes].map(([lane, each]) => [lane, durableIn(each)])),
    road: durableIn(picture.road),
    anchor: anchorOf(store.anchor),
    pins: store.pins.map(pinOf),
    voteState: votes.length === 0 ? undefined : Uint8Array.from(votes),
    abstainThrough,
    guards: guardsOf(store.guards),
    foreign: rest.foreign,
    warnings: rest.warnings,
    recordsRead: Number(rest.recordsRead),
    bytesWrittenAgain: Number(rest.bytesWrittenAgain),
    generation: rest.generation,
    durationMs: duration ? toMs(duration) : 0,
    steps: steps.map(({ name, duration: each }) => ({ name, ms: each ? toMs(each) : 0 })),
  });
}

function durableIn({
  first,
  durable,
}: {
  readonly first: bigint;
  readonly durable: bigint;
}): Range {
  return { first, next: durable };
}

export function rangeOf(range: RangeMessage | undefined): Range {
  return { first: range?.first ?? 0n, next: range?.next ?? 0n };
}

export function anchorOf(encoded: Uint8Array): PruneAnchor | undefined {
  return encoded.length === 0 ? undefined : decodePruneAnchor(Uint8Array.from(encoded));
}

export function guardsOf(told: Guards | undefined): GuardStatus | undefined {
  if (!told) return undefined;
  const { lanes = "unknown", byLane, votes = "unknown", standing, by, reason, at } = told;
  return {
    lanes,
    byLane: new Map(byLane.map(({ lane, height }) => [heldLane(lane), height ?? "unknown"])),
    votes,
    standing: guardKinds.filter((kind) => standing.includes(kind)),
    by: guardAuthors.find((each) => each === by) ?? "operator",
    reason,
    atMs: at ? toMs(at) : 0,
  };
}

export function pinOf({ lane, blockNumber, headerHash }: Pin): PinnedNumber {
  return { lane: heldLane(lane), number: blockNumber, headerHash: Uint8Array.from(headerHash) };
}
