/**
 * Events of a store, for its watchers and its log, at the moment at which they happen. A listener is called
 * in a step of its own, never inside a decision of the store; it may call the store. A listener that
 * throws, or whose promise is rejected, changes nothing: `status().listenerFailures` counts it, and
 * `listenerFailed` tells it to the others.
 */
import type { ArchiveTeller } from "../archive/writing/archiver-parts.js";
import type { Teller } from "../avail/avail-start.js";
import type { PersisterError } from "../types/errors.js";
import type { LaneId } from "../types/lane.js";
import type { LanekeeperError } from "../types/lanekeeper-error.js";
import type { Observe } from "../types/measures.js";
import { callbackFailed } from "../types/errors.js";

/** Every event, with what it tells. */
export interface KeeperEvents {
  /** A write or flush failed: nothing is acknowledged any more (D7). */
  readonly poisoned: { readonly error: PersisterError };
  /** The disk is full: the queues wait for space (D9). */
  readonly stalled: { readonly error: PersisterError };
  /** One lane goes no further, the others do. */
  readonly laneRefused: { readonly lane: LaneId; readonly error: PersisterError };
  /** A pushed block was dropped: it names another parent. */
  readonly blockDropped: {
    readonly lane: LaneId;
    readonly number: bigint;
    readonly reason: string;
  };
  /** A push met a pin: only the lost block may stand at its number (D6). */
  readonly pinned: { readonly lane: LaneId; readonly number: bigint };
  /**
   * Nothing more can be reserved: the store of the reservations does not answer, or another machine took over.
   * This one signs up to its bounds.
   */
  readonly unreserved: { readonly error: LanekeeperError };
  /** An anchor is durable: what lies below it is being forgotten. */
  readonly anchor: { readonly roadIndex: bigint };
  /** The map of retained records was found wrong, and is made anew. It costs time only. */
  readonly mapRebuilt: { readonly reason: string };
  /** The map is not what it should be. It costs time only. */
  readonly mapWarning: { readonly reason: string };
  /** The archive holds another record than this store, and the log is archived no further. */
  readonly archiveRefused: { readonly log: LaneId | "road"; readonly error: PersisterError };
  /** A step of the archive failed. It is taken again. */
  readonly archiveFailing: { readonly error: PersisterError };
  /** Records were given up before they were archived: the gate lets them. */
  readonly archiveMissed: { readonly log: LaneId | "road"; readonly records: bigint };
  /** A listener, or the log, threw. */
  readonly listenerFailed: { readonly error: PersisterError };
  /** The store was closed; `error` says what could not be written. */
  readonly closed: { readonly error: PersisterError | undefined };
}

export type KeeperEvent = keyof KeeperEvents;

/** The level of each event: at "error" an operator must act. */
const levels = {
  poisoned: "error",
  stalled: "error",
  laneRefused: "error",
  blockDropped: "warn",
  pinned: "warn",
  unreserved: "error",
  anchor: "info",
  mapRebuilt: "warn",
  mapWarning: "warn",
  archiveRefused: "error",
  archiveFailing: "warn",
  archiveMissed: "error",
  listenerFailed: "error",
  closed: "info",
} as const satisfies Record<KeeperEvent, "error" | "warn" | "info">;

export const eventKinds = Object.keys(levels) as readonly KeeperEvent[];

/** A line for a log: the event and its facts. */
export interface LogEntry {
  readonly level: "error" | "warn" | "info";
  readonly event: KeeperEvent;
  readonly facts: Readonly<Record<string, unknown>>;
}

type Listener = (facts: never) => unknown;

export class Events {
  readonly #listeners = new Map<KeeperEvent, Set<Listener>>();
  readonly #log: ((entry: LogEntry) => unknown) | undefined;
  #failures = 0;

  constructor(log: ((entry: LogEntry) => unknown) | undefined) {
    this.#log = log;
  }

  /** How often a listener or the log threw. */
  get failures(): number {
    return this.#failures;
  }

  /** Calls `listener` at each event of this kind. Returns what ends that. */
  on<Kind extends KeeperEvent>(
    kind: Kind,
    listener: (facts: KeeperEvents[Kind]) => unknown,
  ): () => void {
    const all = this.#listeners.get(kind) ?? new Set();
    this.#listeners.set(kind, all.add(listener));
    return () => void all.delete(listener);
  }

  emit<Kind extends KeeperEvent>(kind: Kind, facts: KeeperEvents[Kind]): void {
    const listeners = this.#listeners.get(kind);
    if (!this.#log && !listeners?.size) return;
    queueMicrotask(() => {
      if (this.#log) this.#call(kind, this.#log, { level: levels[kind], event: kind, facts });
      for (const listener of listeners ?? []) this.#call(kind, listener, facts as never);
    });
  }

  /** The caller's `observe`: one that throws is told of as a listener is, and harms nothing else. */
  observing(observe: Observe | undefined): Observe | undefined {
    if (!observe) return undefined;
    return (measure, value) => {
      try {
        observe(measure, value);
      } catch (cause) {
        this.#tellFailed("observe", cause);
      }
    };
  }

  #call<Facts>(kind: KeeperEvent, listener: (facts: Facts) => unknown, facts: Facts): void {
    try {
      const result = listener(facts);
      if (result instanceof Promise) result.catch((cause: unknown) => this.#failed(kind, cause));
    } catch (cause) {
      this.#failed(kind, cause);
    }
  }

  /** A listener of failures that fails itself is counted alone: else it would be told of for ever. */
  #failed(kind: KeeperEvent, cause: unknown): void {
    if (kind === "listenerFailed") this.#failures += 1;
    else this.#tellFailed(`a listener of "${kind}"`, cause);
  }

  #tellFailed(what: string, cause: unknown): void {
    this.#failures += 1;
    this.emit("listenerFailed", { error: callbackFailed(what, cause) });
  }
}

/** Tells the events of the availability state. */
export function tellerOf(events: Events): Teller {
  return {
    stalled: (facts) => events.emit("stalled", facts),
    laneRefused: (facts) => events.emit("laneRefused", facts),
    blockDropped: (facts) => events.emit("blockDropped", facts),
    pinned: (facts) => events.emit("pinned", facts),
    anchor: (facts) => events.emit("anchor", facts),
  };
}

/** Tells those of the archive. */
export function archiveTellerOf(events: Events): ArchiveTeller {
  return {
    refused: (log, error) => events.emit("archiveRefused", { log, error }),
    failing: (error) => events.emit("archiveFailing", { error }),
    missed: (log, records) => events.emit("archiveMissed", { log, records }),
  };
}
