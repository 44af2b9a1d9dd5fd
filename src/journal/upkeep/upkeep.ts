/**
 * The journal's room (D9): how much of the queue the next group takes, where the next segment begins, and
 * which slots are made, emptied and given back meanwhile. It stands between groups and segments: the
 * planner decides, the reclaimer and the segments carry out, and the journal writes.
 *
 * # Invariants
 *
 * - An append goes only where two spares are left beside its segment.
 * - No slot is given back while a rotation counts on it.
 *
 * # Crash safety
 *
 * See `#makeRoom` here, `rotation` in `space/segments.ts`, and `space/reclaim.ts`.
 *
 * # Errors
 *
 * A disk without room refuses appends and poisons nothing. A step that fails half way poisons.
 */
import { assert } from "../../types/assert.js";
import { PersisterError } from "../../types/errors.js";
import type { QueueGate } from "../group/queue-gate.js";
import type { EntryQueue } from "../group/entry-queue.js";
import { crowdedError } from "../group/errors.js";
import type { RecordEntry } from "../group/group.js";
import { isOrder } from "../group/size.js";
import type { Ownership } from "../segment/ownership.js";
import type { Reclaimer } from "./reclaimer.js";
import { type CurrentSegment, roomIn } from "../space/current-segment.js";
import type { Planner } from "../space/planner.js";
import type { Rotation, Segments } from "../space/segments.js";

export interface UpkeepParts {
  readonly segments: Segments;
  readonly queue: EntryQueue;
  readonly gate: QueueGate;
  readonly reclaimer: Reclaimer;
  readonly ownership: Ownership;
  /** Nothing may be written or made any more (D7). */
  readonly isPoisoned: () => boolean;
  /** Poisons the journal. */
  readonly fail: (cause: unknown) => void;
}

/**
 * A slot is given back once this many looks in a row have found one surplus; then one goes at each look.
 * A look is taken at each rest and in the middle of each segment. The live records become more and fewer
 * with each anchor. The slots stay, since a slot that is made again costs as much as a segment.
 */
const SURPLUS_LOOKS = 512;

/** When slots are to be reclaimed: once the queue is idle, or a step behind each group as well. */
type Due = "nothing" | "when idle" | "between groups";

/** Whether the last slot that was wanted could be made. */
type DiskRoom =
  | { readonly kind: "roomy" }
  /** `sparedFor` is the last append for which a rotation used a spare: once is enough. */
  | { readonly kind: "full"; readonly sparedFor: RecordEntry | undefined };

/** The next segment, and how many waiting entries its first group takes. */
export type NextGroup = { readonly rotation: Rotation; readonly count: number };

export class Upkeep {
  readonly #parts: UpkeepParts;
  readonly #planner: Planner;
  /** Whether anything happened that may call for slots to be reclaimed. */
  #due: Due = "nothing";
  #disk: DiskRoom = { kind: "roomy" };
  /** The segment that the last group went into. */
  #seen: CurrentSegment;
  /** The last segment that was found half full: slots are made once for it. */
  #halfFull: CurrentSegment | undefined;
  /** Looks in a row that have found surplus slots. */
  #surplusLooks = 0;
  /** The disk refused the last slot that was made or given back. */
  #isRefused = false;
  /** A rotation counts on the slots that are free. */
  #rotating = false;
  /** Ends when no slot is on its way into being, or out of it. Never rejects. */
  #slotsSettled: Promise<void> = Promise.resolve();

  constructor(parts: UpkeepParts) {
    this.#parts = parts;
    this.#planner = parts.segments.planner;
    this.#seen = parts.segments.current;
  }

  /** There is something to tidy up once the queue is idle. */
  get isDue(): boolean {
    return this.#due !== "nothing";
  }

  get #isDiskFull(): boolean {
    return this.#disk.kind === "full";
  }

  /** Resolves when no slot is being made or given back. */
  settled(): Promise<void> {
    return this.#slotsSettled;
  }

  /**
   * How many waiting entries the next group takes; 0 where the next segment, or a spare, must come first.
   *
   * - An append needs two spares beside its segment. A segment without live records is one.
   * - The group leaves room for the live records that reclaiming is about to copy into this segment.
   *   Only the first waiting entry may use that room.
   */
  countForGroup(): number {
    const { segments, gate, queue } = this.#parts;
    const { lacksSpares } = this.#planner;
    const beside = lacksSpares ? 0 : gate.bytesOfFirst;
    const isReclaiming = this.#due === "between groups" || lacksSpares;
    const plan = isReclaiming ? this.#planner.plan(this.#isDiskFull, beside) : undefined;
    const there = { room: segments.room, takesAppends: !lacksSpares, plan };
    const count = gate.countFor(there);
    return count < queue.entries.length && this.#isNextAtOnce() ? 0 : count;
  }

  /** The waiting entries would be two groups here, and are one in the next segment, which can begin now. */
  #isNextAtOnce(): boolean {
    // A rotation's needs are counted over every segment: not for each group.
    if (!this.#planner.isNearlyFull) return false;
    return !this.#planner.lacksRoom && !this.#planner.isCrowded;
  }

  /** A group is durable. */
  groupWritten(): void {
    const { current } = this.#parts.segments;
    if (current !== this.#seen) this.#due = "between groups";
    else if (this.#due === "nothing") this.#due = "when idle";
    this.#seen = current;
    if (!this.#planner.isRotationNear || this.#halfFull === current) return;
    this.#halfFull = current;
    this.#due = "between groups";
    this.#keepUp();
  }

  /** Behind a group: one step towards the bound, where steps are due between groups. */
  async step(): Promise<void> {
    if (this.#due !== "between groups") return;
    if (!(await this.#reclaim())) this.#due = "when idle";
  }

  /**
   * If a spare is missing, tries to free one: by moving the last live records out of a segment, or by
   * giving up a retained one. Tells whether it did.
   */
  async regainSpare(): Promise<boolean> {
    return this.#planner.lacksSpares && (await this.#reclaim());
  }

  /**
   * The next segment, ready to begin with the entries that found no room in the current one. `undefined`
   * where it cannot begin: those that cannot wait were refused.
   */
  async nextGroup(): Promise<NextGroup | undefined> {
    const { segments, gate } = this.#parts;
    this.#rotating = true;
    const room = await this.#makeRoom();
    const rotation = room && (await segments.cleanRotation());
    this.#rotating = false;
    if (!rotation) return undefined;
    const takesAppends = room === "for all";
    const beside = takesAppends ? gate.bytesOfFirst : 0;
    const plan = this.#planner.planAfter(rotation, this.#isDiskFull, beside);
    const there = { room: roomIn(rotation.current), takesAppends, plan };
    const count = gate.countFor(there);
    assert(count > 0 || !takesAppends, "what was let in fits an empty segment");
    return { rotation, count };
  }

  /** The next segment, for its own sake. Throws DISK_FULL, TOO_MANY_LANES: nothing was harmed. */
  async nextSegment(): Promise<Rotation> {
    if (this.#planner.isCrowded) throw crowdedError();
    await this.#parts.ownership.check();
    this.#rotating = true;
    const { segments } = this.#parts;
    const room = this.#slotsSettled.then(() => segments.makeRoom());
    return await room.then(() => segments.cleanRotation()).finally(() => (this.#rotating = false));
  }

  /**
   * Makes the slots that a rotation needs. Returns who may use the next segment: all entries, only
   * orders, or nobody. Retained segments are given up first where no slot can be made. Then a spare is
   * used, and nothing is appended to it until there are two again: a segment without live records gives
   * its slot back with the next head, so that it still counts as one. A crash of such a rotation leaves
   * this:
   *
   * - before its head is durable: the segment before it, and both spares;
   * - behind that, also with copies whose segments are not released: a segment without live records,
   *   and a spare; an open begins in the one and frees the other, as often as it is stopped;
   * - once a segment is released: two spares, whatever the current one holds.
   */
  async #makeRoom(): Promise<"for all" | "for orders" | undefined> {
    const { segments, queue, gate, reclaimer, ownership, isPoisoned } = this.#parts;
    const [first] = queue.entries;
    if (!first) return undefined;
    if (this.#planner.isCrowded && !isOrder(first)) {
      gate.refuseForSpace(crowdedError());
      return undefined;
    }
    await ownership.check();
    while (!isPoisoned()) {
      try {
        if (this.#planner.lacksRoom) await this.#slotsSettled;
        await segments.makeRoom();
        this.#disk = { kind: "roomy" };
        if (isPoisoned()) return undefined;
        return this.#planner.isCrowded ? "for orders" : "for all";
      } catch (cause) {
        if (!(cause instanceof PersisterError)) throw cause;
        this.#noteFull();
        if (await reclaimer.yieldRetained()) continue;
        if (isPoisoned()) return undefined;
        if (this.#maySpare(first)) return "for orders";
        gate.refuseForSpace(cause);
      }
      return undefined;
    }
    return undefined;
  }

  #noteFull(): void {
    if (this.#disk.kind !== "full") this.#disk = { kind: "full", sparedFor: undefined };
  }

  /**
   * Orders set space free: they may use a spare as often as another one is left. An append may use one
   * only where the spares are whole again at once behind it.
   */
  #maySpare(first: RecordEntry): boolean {
    if (isOrder(first)) return this.#planner.leavesSpare;
    if (this.#disk.kind === "full" && this.#disk.sparedFor === first) return false;
    this.#disk = { kind: "full", sparedFor: first };
    return this.#planner.restoresSpares(this.#parts.gate.bytesOfFirst);
  }

  /**
   * The first tidying, at open: leaves two spares, moving live records where the disk has no room for
   * more slots, and no more segments than the bound allows, however often the store is opened.
   */
  async tidyAtOpen(): Promise<void> {
    if (this.#planner.lacksSpares) this.#noteFull();
    do {
      // Nothing is known of the time before, and nobody waits: surplus slots go at once.
      this.#surplusLooks = SURPLUS_LOOKS;
      await this.tidy();
    } while (this.isDue && !this.#parts.isPoisoned());
    this.#surplusLooks = 0;
  }

  /**
   * With nobody waiting: reclaims all that is to be reclaimed, then makes slots, or gives one back. It is
   * due again while slots are surplus: the next rest is another look.
   */
  async tidy(): Promise<void> {
    while (!this.#parts.queue.isAwaited) {
      if (await this.#reclaim()) continue;
      this.#keepUp();
      await this.#slotsSettled;
      const isTidy = this.#isRefused || this.#planner.isTidy(this.#isDiskFull);
      this.#due = isTidy ? "nothing" : "when idle";
      return;
    }
  }

  async #reclaim(): Promise<boolean> {
    return await this.#parts.reclaimer.step(this.#isDiskFull);
  }

  /** Slots are made and given back beside groups. */
  #keepUp(): void {
    const done = this.#slotsSettled.then(() => this.#makeAndGiveBack());
    this.#slotsSettled = done.catch((cause: unknown) => this.#parts.fail(cause));
  }

  /**
   * A refusal of the disk harmed nothing, and a slot that had to be smaller than wanted is one. It is tried
   * again behind the next group, and a rotation that cannot go on without it tells.
   */
  async #makeAndGiveBack(): Promise<void> {
    const { segments, ownership, isPoisoned } = this.#parts;
    this.#isRefused = false;
    if (isPoisoned()) return;
    const { make, surplus } = this.#planner.plan(this.#isDiskFull);
    this.#surplusLooks = surplus.length === 0 ? 0 : this.#surplusLooks + 1;
    const gives = this.#surplusLooks > SURPLUS_LOOKS;
    if (make === 0 && !gives) return;
    // Names are made and removed: they must still be ours (D8).
    await ownership.check();
    try {
      if (!isPoisoned()) this.#isRefused = !(await segments.makeSlots(this.#isDiskFull));
      if (gives && !isPoisoned() && !this.#rotating) await segments.giveOneBack(this.#isDiskFull);
    } catch (cause) {
      if (!(cause instanceof PersisterError)) throw cause;
      this.#isRefused = true;
    }
  }
}
