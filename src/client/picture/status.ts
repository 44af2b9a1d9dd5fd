/**
 * The status of the store as the client tells it: the newest that the service sent, at most half a second
 * old, with the cursors and the admitted blocks that were heard of since.
 */
import type { Range, Recovery } from "../../node/start.js";
import type { LaneStatus, Status } from "../../node/status.js";
import type { ServiceStatus } from "../../rpc/api/keeper.js";
import type {
  Failure,
  KeyUse,
  LaneStatus as LaneMessage,
  RoadStatus,
  StoreStatus,
  Usage,
  UsageFlush,
} from "../../rpc/api/types.js";
import { errorOf } from "../../rpc/failures.js";
import { toMs } from "../../rpc/times.js";
import { assert } from "../../types/assert.js";
import { PersisterError } from "../../types/errors.js";
import { withJson } from "../../types/json.js";
import type { LaneId } from "../../types/lane.js";
import { decodeCommitQC } from "../../wire/codec/decode.js";
import { LANE_BLOCKS_MAX } from "../../wire/messages.js";
import { archiveOf } from "./archive.js";
import type { LanePicture, Picture } from "./picture.js";
import { anchorOf, guardsOf, pinOf, rangeOf } from "./recovery.js";
import { reservationsOf } from "./reservations.js";
import { heldLane } from "./values.js";

const segmentStates = ["current", "sealed", "retained", "free"] as const;
type Segments = Status["disk"]["segments"];

export class StatusPicture {
  readonly #picture: Picture;
  #newest: { readonly service: ServiceStatus; readonly store: StoreStatus } | undefined;

  constructor(picture: Picture) {
    this.#picture = picture;
  }

  /**
   * The service told its status.
   *
   * @throws {PersisterError} STORE_STOLEN where the service has another store than before; the poison of
   * the store.
   */
  take(service: ServiceStatus): void {
    const { store, storeId } = service;
    // A service that is opening its store, or ending, has none to tell of.
    if (!store) return;
    const before = this.#newest?.service.storeId;
    if (before !== undefined && before !== storeId) throw otherStore(before, storeId);
    if (store.poison) throw errorOf(store.poison);
    this.#newest = { service, store };
    this.#picture.stalled = failed(store.stalled);
    // It moves no cursor: a status may be older than the drop of a lane, and a cursor must not be.
    for (const { lane, refused } of store.lanes) {
      const known = this.#picture.lanes.get(heldLane(lane));
      if (known) known.refused = failed(refused);
    }
  }

  /** The status now. `recovery` is the report of the last open. */
  now(recovery: Recovery, own: { readonly listenerFailures: number }): Status {
    assert(this.#newest !== undefined, "a client that is given out has heard a status");
    const { service, store } = this.#newest;
    const road = store.road;
    return withJson({
      directory: store.directory,
      chainId: store.chainId,
      storeId: service.storeId,
      durable: store.onDisk,
      lanes: this.#lanes(store),
      road: this.#road(road),
      retained: {
        lanes: new Map(store.lanes.flatMap(retainedIn)),
        road: rangeOf(road?.retained ?? { first: road?.first ?? 0n, next: road?.first ?? 0n }),
      },
      anchorRoadIndex: this.#picture.anchorRoadIndex ?? store.anchorRoadIndex,
      anchorAgeMs: road?.anchorAge ? toMs(road.anchorAge) : 0,
      anchor: anchorOf(store.anchor),
      latestCommitQC:
        store.latestCommitQc.length === 0
          ? undefined
          : decodeCommitQC(Uint8Array.from(store.latestCommitQc)),
      epochIndex: store.epochIndex,
      pins: store.pins.map(pinOf),
      guards: guardsOf(store.guards),
      reservations: reservationsOf(store.reservations),
      disk: diskOf(store.usage),
      flush: flushOf(store.usage?.flush),
      keys: store.keys.map(keyUseOf),
      cachedBytes: Number(store.usage?.cachedBytes ?? 0n),
      verified: verifiedOf(store),
      counters: countersOf(store, own.listenerFailures),
      archive: archiveOf(store.archive),
      stalled: this.#picture.stalled,
      poison: undefined,
      recovery,
      mapWarnings: store.mapWarnings,
    });
  }

  #lanes(store: StoreStatus): Map<LaneId, LaneStatus> {
    const told = new Map(store.lanes.map((each) => [heldLane(each.lane), each] as const));
    const lanes = new Set([...told.keys(), ...this.#picture.lanes.keys()]);
    return new Map(
      [...lanes].map((lane) => [lane, laneOf(told.get(lane), this.#picture.lanes.get(lane))]),
    );
  }

  #road(told: RoadStatus | undefined): Status["road"] {
    const { first, durable, next } = this.#picture.road;
    return {
      first: larger(told?.first, first),
      next: larger(told?.next, next),
      durable: larger(told?.durableNext, durable),
    };
  }
}

function laneOf(told: LaneMessage | undefined, known: LanePicture | undefined): LaneStatus {
  const first = larger(told?.first, known?.first ?? 0n);
  const durable = larger(told?.durableNext, known?.durable ?? 0n);
  const next = larger(told?.next, larger(known?.next, durable));
  const refused = known ? known.refused : failed(told?.refused);
  return {
    first,
    next,
    durable,
    lag: next - durable,
    capacityLeft: first + LANE_BLOCKS_MAX - next,
    oldestWaitingMs: told?.oldestWaiting ? toMs(told.oldestWaiting) : 0,
    pinned: told?.pinned ?? [],
    ...(refused ? { refused } : {}),
  };
}

function retainedIn({ lane, retained }: LaneMessage): [LaneId, Range][] {
  const range = rangeOf(retained);
  return range.first < range.next ? [[heldLane(lane), range]] : [];
}

function diskOf(usage: Usage | undefined): Status["disk"] {
  const told = new Map(usage?.segments.map((each) => [each.state, each] as const));
  const segments = segmentStates.map((state) => {
    const { slots = 0n, bytes = 0n } = told.get(state) ?? {};
    return [state, { slots: Number(slots), bytes: Number(bytes) }] as const;
  });
  return {
    slots: Number(usage?.slots ?? 0n),
    free: Number(usage?.freeSlots ?? 0n),
    bytes: Number(usage?.journalBytes ?? 0n),
    segments: Object.fromEntries(segments) as Segments,
    liveBytes: Number(usage?.liveBytes ?? 0n),
    reclaimableBytes: Number(usage?.reclaimableBytes ?? 0n),
    retainedBytes: Number(usage?.retainedBytes ?? 0n),
  };
}

function keyUseOf({ content, state, segments, freeSlots, bytes }: KeyUse): Status["keys"][number] {
  return {
    content,
    state: state === "writing" || state === "missing" ? state : "older",
    segments: Number(segments),
    freeSlots: Number(freeSlots),
    bytes: Number(bytes),
  };
}

function flushOf(flush: UsageFlush | undefined): Status["flush"] {
  return {
    way: flush?.way === "blocking" ? "blocking" : "pool",
    blockingGroups: Number(flush?.blockingGroups ?? 0n),
    longestHoldMs: flush?.longestHold ? toMs(flush.longestHold) : 0,
  };
}

function verifiedOf({ counters }: StoreStatus): Status["verified"] {
  return {
    known: Number(counters?.certificatesKnown ?? 0n),
    knownSignatures: Number(counters?.signaturesKnown ?? 0n),
    signatures: Number(counters?.signaturesVerified ?? 0n),
    byWorker: Number(counters?.verifiedByWorker ?? 0n),
    workerDeaths: 0,
  };
}

function countersOf({ counters }: StoreStatus, listenerFailures: number): Status["counters"] {
  return {
    groups: Number(counters?.groups ?? 0n),
    records: Number(counters?.records ?? 0n),
    bytes: Number(counters?.bytes ?? 0n),
    rotations: Number(counters?.rotations ?? 0n),
    relocated: Number(counters?.relocated ?? 0n),
    droppedBlocks: Number(counters?.droppedBlocks ?? 0n),
    cacheHits: Number(counters?.cacheHits ?? 0n),
    cacheMisses: Number(counters?.cacheMisses ?? 0n),
    mapRebuilds: Number(counters?.mapRebuilds ?? 0n),
    mapWarnings: Number(counters?.mapWarnings ?? 0n),
    listenerFailures,
  };
}

function larger(one: bigint | undefined, other: bigint): bigint {
  return one !== undefined && one > other ? one : other;
}

function failed(failure: Failure | undefined): PersisterError | undefined {
  return failure && errorOf(failure);
}

/** The directory, or what is behind the address, is not what it was: its cursors mean nothing here. */
function otherStore(before: string, storeId: string): PersisterError {
  return new PersisterError(
    "STORE_STOLEN",
    `the service came back with store ${storeId}, and this client's blocks are in store ${before}`,
  );
}
