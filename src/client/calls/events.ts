/**
 * The events of the store, as the service tells them, and those of the client itself. The stream is there
 * once somebody listens. An event that happens while no connection is there is not told.
 */
import { Events, type KeeperEvents } from "../../node/events.js";
import { KeeperService, type WatchEventsResponse } from "../../rpc/api/keeper.js";
import { errorOf } from "../../rpc/failures.js";
import { PersisterError, hasCode } from "../../types/errors.js";
import type { Connection } from "../connection.js";
import { heldLane } from "../picture/values.js";
import type { Session } from "../session.js";

export class EventStream {
  readonly #connection: Connection;
  readonly #events = new Events(undefined);
  #isWatching = false;

  constructor(connection: Connection) {
    this.#connection = connection;
    const { signal } = connection.over;
    signal.addEventListener("abort", () => this.#ended(signal.reason), { once: true });
  }

  /** How often a listener threw. */
  get failures(): number {
    return this.#events.failures;
  }

  on<Kind extends keyof KeeperEvents>(
    kind: Kind,
    listener: (facts: KeeperEvents[Kind]) => unknown,
  ): () => void {
    if (!this.#isWatching)
      this.#connection.subscribe({ attach: (session) => this.#watch(session) });
    this.#isWatching = true;
    return this.#events.on(kind, listener);
  }

  /** The client was closed. */
  closed(error: PersisterError | undefined): void {
    this.#events.emit("closed", { error });
  }

  #watch({ link }: Session): Promise<void> {
    const call = link.serverStream(KeeperService, "watchEvents", {});
    call.on("data", (event: WatchEventsResponse) => this.#tell(event));
    return new Promise((resolve) => {
      call.on("metadata", () => resolve());
      // A session that is over has told its own reason.
      call.on("error", () => resolve());
    });
  }

  /** A store that is poisoned ends the client: that is its event, too. */
  #ended(error: unknown): void {
    if (hasCode(error, "POISONED")) {
      this.#events.emit("poisoned", { error });
    }
  }

  #tell(event: WatchEventsResponse): void {
    const { kind, reason, roadIndex = 0n, blockNumber: number = 0n } = event;
    switch (kind) {
      case "stalled":
      case "unreserved":
        return this.#events.emit(kind, { error: errorIn(event) });
      case "laneRefused":
        return this.#events.emit(kind, { lane: heldLane(event.lane), error: errorIn(event) });
      case "blockDropped":
        return this.#events.emit(kind, { lane: heldLane(event.lane), number, reason });
      case "pinned":
        return this.#events.emit(kind, { lane: heldLane(event.lane), number });
      case "anchor":
        return this.#events.emit(kind, { roadIndex });
      case "mapRebuilt":
      case "mapWarning":
        return this.#events.emit(kind, { reason });
      default:
        // The end of the store ends the session, and listeners of the service are not ours.
        return;
    }
  }
}

function errorIn({ failure, reason }: WatchEventsResponse): PersisterError {
  return failure ? errorOf(failure) : new PersisterError("INTERNAL", reason);
}
