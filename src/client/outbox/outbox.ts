/**
 * Everything that callers gave and that is not known to be durable, in the order in which they gave it.
 * All of it is synchronous: the session sends what `take` gives, and tells what came back.
 *
 * # Invariants
 *
 * - An item leaves when it is refused, or when it was admitted and a cursor says that it is durable. So a
 *   new stream gets, in their order, exactly the items that may be lost (`begin`).
 * - At most so many items and bytes are on the stream without a verdict as the service reads (D9). A block
 *   that its lane has no room for stays here, so that an anchor can pass it.
 */
import type { PushResult } from "../../avail/inner.js";
import { aborted, throwIfAborted, type WaitOptions, whenAborted } from "../../async/signal.js";
import type { PersisterError } from "../../types/errors.js";
import type { LaneId } from "../../types/lane.js";
import { LANE_BLOCKS_MAX } from "../../wire/messages.js";
import type { Picture } from "../picture/picture.js";
import { type Item, nameOf, type Place } from "./item.js";
import { isPast, type Ruling, rulingOf, type Verdict } from "./ruling.js";

/** On the stream without a verdict: as much as the service reads. */
const SENT_ITEMS_MAX = 256;
const SENT_BYTES_MAX = 16 * 1024 * 1024;
/**
 * Bytes of one message that has several items. Items that come in one message are one group of the store: were each large
 * one sent by itself, the first would go to the disk alone, and the others wait for it.
 */
const MESSAGE_BYTES_MAX = 1024 * 1024;

const ADMITTED: PushResult = { status: "admitted" };

export class Outbox {
  readonly #picture: Picture;
  /** By id: in the order in which they came. */
  readonly #items = new Map<bigint, Item>();
  /** Those that are to go onto the stream, in their order. */
  readonly #waiting = new Set<Item>();
  #nextId = 1n;
  #sentItems = 0;
  #sentBytes = 0;

  constructor(picture: Picture) {
    this.#picture = picture;
  }

  get isEmpty(): boolean {
    return this.#items.size === 0;
  }

  /** Everything that is not known to be durable, in its order. */
  get items(): Iterable<Readonly<Item>> {
    return this.#items.values();
  }

  /** Items that callers know to be admitted, and that are not known to be durable. */
  get admitted(): readonly Readonly<Item>[] {
    return [...this.#items.values()].filter(({ state, isRepeated, caller }) => {
      return state === "admitted" || (isRepeated && !caller);
    });
  }

  /** Whether the item is neither known to be durable nor refused. */
  holds({ id }: Readonly<Item>): boolean {
    return this.#items.has(id);
  }

  /** The bytes of a block that was admitted and is not known to be durable. Lent. */
  admittedBlock(lane: LaneId, number: bigint): Uint8Array | undefined {
    for (const { place, isRepeated, state, caller, bytes } of this.#items.values()) {
      const isHere = place.kind === "block" && place.number === number && place.lane === lane;
      const isAdmitted = state === "admitted" || (isRepeated && !caller);
      if (isHere && isAdmitted) return bytes;
    }
    return undefined;
  }

  /**
   * Takes `bytes`, which are the outbox's own from here on. Resolves with the verdict.
   *
   * @throws {PersisterError} the service's refusal; ABORTED: an item that is on the stream by then may
   * still be admitted.
   */
  async add(place: Place, bytes: Uint8Array, { signal }: WaitOptions = {}): Promise<PushResult> {
    throwIfAborted(signal, "the push");
    const blank = { isRepeated: false, isAbandoned: false, fullAt: undefined, refused: undefined };
    const isHeld =
      place.kind === "block" && place.number < (this.#picture.lanes.get(place.lane)?.next ?? 0n);
    const item: Item = {
      id: this.#nextId++,
      place,
      bytes,
      isHeld,
      caller: undefined,
      state: "waiting",
      ...blank,
    };
    let takeBack: (() => void) | undefined;
    try {
      return await new Promise<PushResult>((resolve, reject) => {
        item.caller = { resolve, reject };
        this.#items.set(item.id, item);
        this.#waiting.add(item);
        takeBack = signal && whenAborted(signal, () => this.#abort(item, signal));
      });
    } finally {
      takeBack?.();
    }
  }

  /** The items of the next message, which then count as sent; none while the window has no room. */
  take(): readonly Item[] {
    const taken: Item[] = [];
    let bytes = 0;
    for (const item of this.#waiting) {
      const { length } = item.bytes;
      if (taken.length > 0 && bytes + length > MESSAGE_BYTES_MAX) break;
      if (!this.#hasRoomFor(length)) break;
      if (this.#isHeldBack(item)) continue;
      this.#waiting.delete(item);
      item.state = "sent";
      this.#sentItems += 1;
      this.#sentBytes += length;
      taken.push(item);
      bytes += length;
    }
    return taken;
  }

  /** The verdict on the item `id`. Returns the item; `undefined` where none waits for a verdict. */
  decide(id: bigint, verdict: Verdict): Readonly<Item> | undefined {
    const item = this.#items.get(id);
    if (item?.state !== "sent") return undefined;
    this.#sentItems -= 1;
    this.#sentBytes -= item.bytes.length;
    this.#follow(item, rulingOf(item, verdict, this.#picture));
    return item;
  }

  /** Cursors moved: what is durable leaves. */
  settle(): void {
    for (const item of this.#items.values()) {
      if (item.state === "admitted" && isPast(item.place, this.#picture)) {
        this.#items.delete(item.id);
      }
    }
  }

  /** A new stream begins: everything that may be lost is to go onto it, in its order. */
  begin(): void {
    this.settle();
    this.#sentItems = 0;
    this.#sentBytes = 0;
    this.#waiting.clear();
    for (const item of this.#items.values()) {
      if (item.state === "sent" && item.isAbandoned) {
        this.#items.delete(item.id);
        continue;
      }
      if (item.state !== "waiting") item.isRepeated = true;
      item.state = "waiting";
      item.fullAt = undefined;
      this.#waiting.add(item);
    }
  }

  /** A lane was dropped: its blocks have nobody who waits for them. */
  forgetLane(lane: LaneId): void {
    for (const { id, place, state } of this.#items.values()) {
      if (state === "admitted" && place.kind === "block" && place.lane === lane)
        this.#items.delete(id);
    }
  }

  /** The client closes: what no stream ever had is refused with `error`. */
  refuseWaiting(error: PersisterError): void {
    for (const item of this.#waiting) {
      if (!item.isRepeated) this.#refuse(item, error);
    }
  }

  /** Nothing goes on any more: everything is refused with `error`. */
  fail(error: PersisterError): void {
    for (const item of this.#items.values()) this.#refuse(item, error);
  }

  /** At least one item may always be on its way, however large. */
  #hasRoomFor(bytes: number): boolean {
    if (this.#sentItems === 0) return true;
    return this.#sentItems < SENT_ITEMS_MAX && this.#sentBytes + bytes <= SENT_BYTES_MAX;
  }

  /** D9: the lane has no room for the block yet, as far as is known. */
  #isHeldBack({ place, fullAt }: Item): boolean {
    if (place.kind !== "block") return false;
    const lane = this.#picture.lanes.get(place.lane);
    if (!lane) return false;
    return fullAt === lane.first || place.number >= lane.first + LANE_BLOCKS_MAX;
  }

  #follow(item: Item, ruling: Ruling): void {
    switch (ruling.kind) {
      case "admitted":
        item.state = "admitted";
        this.#noteAdmitted(item.place);
        return this.#answer(item);
      case "done":
        this.#items.delete(item.id);
        return this.#answer(item);
      case "full":
        item.state = "waiting";
        item.fullAt = "lane" in item.place ? this.#picture.laneOf(item.place.lane).first : 0n;
        this.#waitAgain();
        return;
      case "dropped":
        return this.#drop(item, ruling.error);
      case "refused":
        return this.#refuse(item, ruling.error);
    }
  }

  #answer(item: Item): void {
    item.caller?.resolve(ADMITTED);
    item.caller = undefined;
  }

  /** An admitted block raises the lane's end. */
  #noteAdmitted(place: Place): void {
    if (place.kind === "block") {
      const lane = this.#picture.laneOf(place.lane);
      if (place.number >= lane.next) lane.next = place.number + 1n;
      if (lane.broken && lane.broken.number >= place.number) lane.broken = undefined;
      if (lane.dropped && lane.dropped.number <= place.number) lane.dropped = undefined;
    } else if (place.kind === "commitQC") {
      const { road } = this.#picture;
      if (place.roadIndex >= road.next) road.next = place.roadIndex + 1n;
      if (road.broken && road.broken.number >= place.roadIndex) road.broken = undefined;
    }
  }

  #drop(item: Item, error: PersisterError): void {
    if (!item.caller) return this.#refuse(item, error);
    this.#items.delete(item.id);
    if ("lane" in item.place) {
      this.#picture.laneOf(item.place.lane).dropped = { number: item.place.number, error };
    }
    item.caller.resolve({ status: "dropped", reason: error.message });
    item.caller = undefined;
  }

  /** An item that was admitted before and is refused now cannot become durable: its waiters are told. */
  #refuse(item: Item, error: PersisterError): void {
    const { id, place, caller, isRepeated } = item;
    item.refused = error;
    this.#items.delete(id);
    this.#waiting.delete(item);
    item.caller = undefined;
    if (caller) caller.reject(error);
    else if (!isRepeated) return;
    else if (place.kind === "block") {
      this.#picture.laneOf(place.lane).broken ??= { number: place.number, error };
    } else if (place.kind === "commitQC") {
      this.#picture.road.broken ??= { number: place.roadIndex, error };
    }
  }

  #abort(item: Item, signal: AbortSignal): void {
    const { caller } = item;
    if (!caller) return;
    item.caller = undefined;
    item.isAbandoned = true;
    if (item.state === "waiting") {
      this.#items.delete(item.id);
      this.#waiting.delete(item);
    }
    caller.reject(aborted(signal, nameOf(item.place)));
  }

  /** Those that wait, in the order in which they came. */
  #waitAgain(): void {
    this.#waiting.clear();
    for (const item of this.#items.values()) if (item.state === "waiting") this.#waiting.add(item);
  }
}
