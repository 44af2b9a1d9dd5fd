/** The calls of a validator to its store, and the state that it begins with after a recovery. */
import { Archive } from "../../../archive/reading/archive.js";
import type { Keeper } from "../../../node/keeper.js";
import type { Lanekeeper } from "../../../node/lanekeeper.js";
import type { Status } from "../../../node/status.js";
import type { Place } from "../../../persist/guards/may-sign.js";
import type { LaneId } from "../../../types/lane.js";
import { readSignedBlockHeader } from "../../../wire/codec/block-header.js";
import { decodeCommitQC, decodePersistedInner } from "../../../wire/codec/decode.js";
import { encodePersistedInner } from "../../../wire/codec/encode.js";
import { commitVoteDigest, headerHash, sha256 } from "../../../wire/hash.js";
import type { BlockHeader, CommitQC, PersistedInner } from "../../../wire/messages.js";
import { roadAfter } from "../../../wire/rules/timeout.js";
import { laneRange } from "../../protocol/catch-up.js";
import type { PeerStatus } from "../../protocol/message.js";
import { type Digest, digestOf, type Recovered } from "../../judge/report.js";
import type { EngineStart, RecoveredLane } from "../../protocol/step.js";
import { signedIn, startsOf } from "../../judge/telling.js";

/** A store as a validator uses it; `Lanekeeper` is the honest one. */
export type Store = Pick<
  Keeper,
  | "recovery"
  | "pushBlock"
  | "pushCommitQC"
  | "pushAnchor"
  | "waitForAnchor"
  | "durableBlocks"
  | "durableCommitQCs"
  | "readBlock"
  | "readCommitQC"
  | "readRetainedBlock"
  | "readRetainedCommitQC"
  | "writeVoteState"
  | "release"
  | "maySign"
  | "raiseGuard"
  | "status"
  | "close"
> &
  /** Of a store that this process has itself. */
  Partial<Pick<Lanekeeper, "reserved" | "takeReservations">> & {
    readonly history?: Archive | undefined;
  };

/** The same store with some of its calls in another way. */
export function overlaid(store: Store, calls: Partial<Store>): Store {
  return new Proxy(store, {
    get: (target, name) => {
      if (Object.hasOwn(calls, name)) return Reflect.get(calls, name) as unknown;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
}

/** The store, and the history of its chain in a bucket, for what no peer serves any more. Closes both. */
export async function withHistory(
  store: Store,
  { address, chainId }: { readonly address: string; readonly chainId: string },
): Promise<Store> {
  const history = await Archive.open(address, { chainId });
  const close = async (): Promise<void> => {
    await history.close();
    await store.close();
  };
  return overlaid(store, { history, close });
}

/** Reads everything that recovery returned. */
export async function readStart(store: Store, own: LaneId): Promise<EngineStart> {
  const { recovery } = store;
  const lanes = new Map<LaneId, RecoveredLane>();
  for (const [lane, { first, next }] of recovery.lanes) {
    const headers: BlockHeader[] = [];
    const votable: BlockHeader[] = [];
    for (let number = first; number < next; number++) {
      const header = readSignedBlockHeader(await store.readBlock(lane, number));
      headers.push(header);
      if (await mayVoteFor(store, header)) votable.push(header);
    }
    lanes.set(lane, { first, next, headers, votable });
  }
  const { first, next } = recovery.road;
  const qcs: CommitQC[] = [];
  for (let index = first; index < next; index++) {
    qcs.push(decodeCommitQC(await store.readCommitQC(index)));
  }
  return {
    lanes,
    road: { first, qcs },
    anchor: recovery.anchor,
    votes: recovery.voteState && decodePersistedInner(recovery.voteState),
    abstainThrough: recovery.abstainThrough,
    isGuardUnknown: isUnknown(store.status().guards),
    pins: recovery.pins.filter(({ lane }) => lane === own),
    tipHash: await tipHashOf(store, own, lanes.get(own)),
  };
}

/** Whether the store allows a vote for a durable block. */
export async function mayVoteFor(store: Store, header: BlockHeader): Promise<boolean> {
  return (await store.maySign(placeOfVote(header))).may;
}

export function placeOfVote(header: BlockHeader): Place {
  const { lane, blockNumber: number } = header;
  return { kind: "laneVote", lane, number, headerHash: headerHash(header) };
}

function isUnknown(guards: Status["guards"]): boolean {
  return guards !== undefined && (guards.lanes === "unknown" || guards.votes === "unknown");
}

/**
 * The header hash of our own lane's last block. If that block is pruned, it may still be retained, or archived.
 */
async function tipHashOf(store: Store, own: LaneId, lane: RecoveredLane | undefined) {
  const last = lane?.headers.at(-1);
  if (last !== undefined) return headerHash(last);
  if (lane === undefined || lane.next === 0n) return undefined;
  const number = lane.next - 1n;
  const retained = await store.readRetainedBlock(own, number);
  const bytes = retained ?? (await store.history?.readBlock(own, number));
  return bytes && headerHash(readSignedBlockHeader(bytes));
}

/** The report of a recovery to the judge. */
export function recoveredReport(store: Store, start: EngineStart): Recovered {
  const { anchor, road, votes } = start;
  const { warnings, durationMs } = store.recovery;
  return {
    kind: "recovered",
    anchor: anchor?.commitQC.vote.view.index,
    starts: anchor ? startsOf(anchor) : [],
    roadFirst: road.first,
    road: road.qcs.map(({ vote }) => digestOf(commitVoteDigest(vote))),
    lanes: [...start.lanes].map(([lane, { first, headers }]) => {
      return { lane, first, blocks: headers.map((header) => digestOf(headerHash(header))) };
    }),
    votes: votes && votesDigest(votes),
    votesIndex: roadAfter(votes?.commitQC),
    signed: votes ? signedIn(votes) : [],
    abstains: start.abstainThrough !== undefined,
    pins: store.recovery.pins.length,
    warnings,
    durationMs,
  };
}

/** Tells vote states apart; the padding of a slot plays no part. */
export function votesDigest(votes: PersistedInner): Digest {
  return digestOf(sha256(encodePersistedInner(votes)));
}

/**
 * The ranges that peers may ask for: live durable records, and the retained ones below them. The end of our lane
 * `own` is a word about all that we signed there, unless an earlier life, or another machine, may have gone further,
 * or a lost block may have been acknowledged.
 */
export function servedBy(store: Store, lanes: readonly LaneId[], own: LaneId): PeerStatus {
  const status = store.status();
  const { retained, guards, reservations } = status;
  const height = guards ? (guards.byLane.get(own) ?? guards.lanes) : 0n;
  const { durable: end = 0n, pinned = [] } = status.lanes.get(own) ?? {};
  const isHolder = reservations === undefined || reservations.state === "holding";
  return {
    isWhole: isHolder && pinned.length === 0 && height !== "unknown" && height <= end,
    road: { first: firstOf(retained.road, status.road), next: status.road.durable },
    lanes: lanes.map((lane) => {
      const live = status.lanes.get(lane) ?? { first: 0n, durable: 0n };
      return laneRange(lane, {
        first: firstOf(retained.lanes.get(lane), live),
        next: live.durable,
      });
    }),
  };
}

function firstOf(retained: { first: bigint; next: bigint } | undefined, live: { first: bigint }) {
  return retained && retained.first < retained.next ? retained.first : live.first;
}
