/** The calls of a reader that go on: durable blocks and commit QCs, cursors, the status, events. */
import { setTimeout as sleep } from "node:timers/promises";
import { eventKinds, type KeeperEvent } from "../../../node/events.js";
import {
  type DurableBlocksResponse,
  type DurableCommitQcsResponse,
  type KeeperService,
  type WatchDurableResponse,
  type WatchEventsResponse,
  WatchStatusResponse,
} from "../../../rpc/api/keeper.js";
import { failureOf, laneBytes } from "../../../rpc/failures.js";
import type { Encodable } from "../../../rpc/message.js";
import { fromMs } from "../../../rpc/times.js";
import type { LaneId } from "../../../types/lane.js";
import type { LanekeeperError } from "../../../types/lanekeeper-error.js";
import type { Call, Handlers } from "../call.js";
import type { Home, OpenHome } from "../home.js";
import { laneArgument } from "./arguments.js";
import { attended } from "./attended.js";
import { CursorFeed } from "./cursor-feed.js";
import { readerSignal } from "./reads.js";

type Subscriptions = Pick<
  Handlers<typeof KeeperService.methods>,
  | "durableBlocks"
  | "durableCommitQcs"
  | "watchDurable"
  | "getStatus"
  | "watchStatus"
  | "watchEvents"
>;
type Event = Encodable<typeof WatchEventsResponse>;

/** Statuses are sent at most so often. */
const STATUS_MS = 500;
/** Events that are kept for a reader that is slow. */
const EVENTS_MAX = 256;

export function subscriptionHandlers(home: Home): Subscriptions {
  return {
    durableBlocks: ({ from, fence }, call) => {
      const store = home.open();
      const begins = new Map(
        from.map(({ lane, blockNumber }) => [laneArgument(lane), blockNumber]),
      );
      const signal = readerSignal(store, fence, call);
      const isCaughtUp = blocksCaughtUp(store, begins);
      return attended(blocksOf(store.keeper.durableBlocks({ from: begins, signal })), {
        isCaughtUp,
        marker: { blocks: [], caughtUp: true },
        heartbeat: { blocks: [] },
      });
    },
    durableCommitQcs: ({ from, fence }, call) => {
      const store = home.open();
      const signal = readerSignal(store, fence, call);
      const isCaughtUp = commitQCsCaughtUp(store, from);
      return attended(commitQCsOf(store.keeper.durableCommitQCs({ from, signal })), {
        isCaughtUp,
        marker: { caughtUp: true },
        heartbeat: {},
      });
    },
    watchDurable: ({ fence }, call) => {
      const store = home.open();
      // The first message has all cursors: nothing is left to catch up with.
      return beating(cursorsOf(store, readerSignal(store, fence, call)), {});
    },
    getStatus: async () => ({ status: home.status() }),
    watchStatus: (_, call) => beating(statusesOf(home, call.signal), {}),
    watchEvents: (_, call) => beating(eventsOf(home.open(), call), {}),
  };
}

type BlocksMessage = Encodable<typeof DurableBlocksResponse>;
type CommitQCMessage = Encodable<typeof DurableCommitQcsResponse>;

/** A stream with heartbeats, and no marker. */
function beating<T>(messages: AsyncGenerator<T>, heartbeat: T): AsyncGenerator<T> {
  return attended(messages, { isCaughtUp: () => false, marker: heartbeat, heartbeat });
}

/** Tells when each lane was sent up to where it was durable at the call, or an anchor has gone past that. */
function blocksCaughtUp(
  { keeper }: OpenHome,
  begins: ReadonlyMap<LaneId, bigint>,
): (sent?: BlocksMessage) => boolean {
  const behind = new Map<LaneId, bigint>();
  for (const [lane, { durable }] of keeper.cursors.lanes) {
    if ((begins.get(lane) ?? durable) < durable) behind.set(lane, durable);
  }
  return (sent) => {
    for (const { lane = new Uint8Array(0), blockNumber = 0n } of sent?.blocks ?? []) {
      const id = laneArgument(lane);
      const end = behind.get(id);
      if (end !== undefined && blockNumber + 1n >= end) behind.delete(id);
    }
    for (const [lane, end] of behind) {
      const cursor = keeper.cursors.lanes.get(lane);
      if (!cursor || cursor.first >= end) behind.delete(lane);
    }
    return behind.size === 0;
  };
}

function commitQCsCaughtUp(
  { keeper }: OpenHome,
  from: bigint | undefined,
): (sent?: CommitQCMessage) => boolean {
  const end = keeper.cursors.road.durable;
  let next = from ?? end;
  return (sent) => {
    if (sent?.roadIndex !== undefined) next = sent.roadIndex + 1n;
    return next >= end || keeper.cursors.road.first >= end;
  };
}

async function* blocksOf(
  found: AsyncIterable<{
    readonly lane: LaneId;
    readonly number: bigint;
    readonly headerHash: Uint8Array;
  }>,
): AsyncGenerator<BlocksMessage> {
  for await (const { lane, number, headerHash } of found) {
    yield { blocks: [{ lane: laneBytes(lane), blockNumber: number, headerHash }] };
  }
}

async function* commitQCsOf(
  found: AsyncIterable<{ readonly roadIndex: bigint; readonly bytes: Uint8Array }>,
): AsyncGenerator<CommitQCMessage> {
  for await (const { roadIndex, bytes } of found) yield { roadIndex, commitQc: bytes };
}

async function* cursorsOf(
  { keeper }: OpenHome,
  signal: AbortSignal,
): AsyncGenerator<Encodable<typeof WatchDurableResponse>> {
  const feed = new CursorFeed();
  for (;;) {
    await keeper.watchCursors(feed.hasMoved, { signal });
    yield { cursors: feed.take(keeper.cursors) };
  }
}

async function* statusesOf(
  home: Home,
  signal: AbortSignal,
): AsyncGenerator<Encodable<typeof WatchStatusResponse>> {
  for (let told = Buffer.alloc(0); ; await sleep(STATUS_MS, undefined, { signal, ref: false })) {
    const status = { status: home.status() };
    const bytes = Buffer.from(WatchStatusResponse.encode(status));
    if (!bytes.equals(told)) yield status;
    told = bytes;
  }
}

/** Listens at the call: no event between the call and its first message is lost. */
function eventsOf({ keeper }: OpenHome, { signal }: Call): AsyncGenerator<Event> {
  const events: Event[] = [];
  let missed = 0n;
  let wake = (): void => undefined;
  const note = (kind: KeeperEvent, facts: Readonly<Record<string, unknown>>): void => {
    if (events.length >= EVENTS_MAX) missed += 1n;
    else {
      events.push({ ...eventForm(kind, facts), missed });
      missed = 0n;
    }
    wake();
  };
  const ends = eventKinds.map((kind) => keeper.on(kind, (facts) => note(kind, { ...facts })));
  signal.addEventListener("abort", () => {
    for (const end of ends) end();
    wake();
  });
  return (async function* (): AsyncGenerator<Event> {
    while (!signal.aborted) {
      const next = events.shift();
      if (next) {
        yield next;
        if (next.kind === "closed") return;
      } else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  })();
}

/** The facts of an event that apply, by the names of the message. */
function eventForm(kind: KeeperEvent, facts: Readonly<Record<string, unknown>>): Event {
  const { lane, number, roadIndex, reason, error } = facts as {
    readonly lane?: LaneId;
    readonly number?: bigint;
    readonly roadIndex?: bigint;
    readonly reason?: string;
    readonly error?: LanekeeperError;
  };
  return {
    kind,
    at: fromMs(Date.now()),
    lane: lane && laneBytes(lane),
    blockNumber: number,
    roadIndex,
    reason,
    failure: error && failureOf(error),
  };
}
