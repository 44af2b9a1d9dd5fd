/**
 * Everything that a client keeps across its sessions, and those who wait for a change of it: the picture of
 * the store, the outbox, the newest status and the last recovery report.
 */
import { Waits } from "../async/waits.js";
import type { Recovery } from "../node/start.js";
import type { DurableCursors } from "../rpc/api/types.js";
import { assert } from "../types/assert.js";
import type { PersisterError } from "../types/errors.js";
import type { LaneId } from "../types/lane.js";
import { nameOf } from "./outbox/item.js";
import { Outbox } from "./outbox/outbox.js";
import type { Verdict } from "./outbox/ruling.js";
import { Picture } from "./picture/picture.js";
import { StatusPicture } from "./picture/status.js";

/**
 * A change under a topic wakes those who wait for it: a lane by its id, a subscription by itself, the rest
 * by these names.
 */
type Topic = LaneId | object | "road" | "anchor" | "session" | "outbox";

const nothing: DurableCursors = {
  lanes: [],
  road: undefined,
  anchorRoadIndex: undefined,
  droppedLanes: [],
};

export class Memory {
  readonly waits = new Waits<Topic>();
  readonly picture = new Picture();
  readonly outbox = new Outbox(this.picture);
  readonly status = new StatusPicture(this.picture);
  #recovery: Recovery | undefined;
  /** Messages that were on their way when the client failed. */
  unsettled: readonly string[] = [];

  /** The store as it was found when the client connected. */
  get recovery(): Recovery {
    assert(this.#recovery !== undefined, "a client that is given out was connected");
    return this.#recovery;
  }

  recovered(recovery: Recovery): void {
    this.#recovery = recovery;
  }

  /** @throws {PersisterError} ACKNOWLEDGED_LOST. */
  beginWith(cursors: DurableCursors = nothing): void {
    const before = new Set(this.picture.lanes.keys());
    this.picture.beginWith(cursors);
    for (const lane of before) if (!this.picture.lanes.has(lane)) this.outbox.forgetLane(lane);
    this.settle();
    this.waits.wakeAll();
  }

  move(cursors: DurableCursors): void {
    for (const lane of this.picture.move(cursors)) {
      if (!this.picture.lanes.has(lane)) this.outbox.forgetLane(lane);
      this.waits.wake(lane);
    }
    if (cursors.road) this.waits.wake("road");
    if (cursors.anchorRoadIndex !== undefined) this.waits.wake("anchor");
  }

  decide(id: bigint, verdict: Verdict): void {
    const decided = this.outbox.decide(id, verdict);
    if (!decided) return;
    const { place } = decided;
    // A refusal may end the waits for what can no more become durable.
    this.waits.wake("lane" in place ? place.lane : "road");
    this.waits.wake("outbox");
  }

  /** Durable items leave the outbox. */
  settle(): void {
    this.outbox.settle();
    this.waits.wake("outbox");
  }

  /** A lane may be refused, or the disk be full. */
  statusChanged(): void {
    this.waits.wakeAll();
  }

  /** Nothing goes on any more: every caller is told why. */
  fail(error: PersisterError): void {
    if (!this.waits.failure)
      this.unsettled = [...this.outbox.items].map(({ place }) => nameOf(place));
    this.outbox.fail(error);
    this.waits.fail(error);
  }
}
