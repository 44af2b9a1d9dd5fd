/**
 * Slots that somebody reads for a while, as a backup does: one that comes free meanwhile stays as it is
 * until nobody holds it.
 *
 * The store comes first. If the disk has no room for a slot that it needs, every hold is broken: a reader
 * looks at `isBroken` behind each read, and what it read before that look is right.
 */

/** The slots of one reader. */
export class SlotHold {
  readonly #slots: ReadonlySet<number>;
  #isBroken = false;

  constructor(slots: Iterable<number>) {
    this.#slots = new Set(slots);
  }

  /** The slots may have been overwritten. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  has(slot: number): boolean {
    return this.#slots.has(slot);
  }

  /** Called by those who keep the holds. */
  break(): void {
    this.#isBroken = true;
  }
}

/** All holds on the slots of a journal. */
export class SlotHolds {
  readonly #holds = new Set<SlotHold>();
  /** Slots that came free while they were held. */
  readonly #freed = new Set<number>();

  /** Slots that came free, and are not, since they are held. */
  get freed(): ReadonlySet<number> {
    return this.#freed;
  }

  hold(slots: Iterable<number>): SlotHold {
    const hold = new SlotHold(slots);
    this.#holds.add(hold);
    return hold;
  }

  isHeld(slot: number): boolean {
    return [...this.#holds].some((hold) => hold.has(slot));
  }

  /** A slot comes free; tells whether it is so at once. */
  isFreedBy(slot: number): boolean {
    if (!this.isHeld(slot)) return true;
    this.#freed.add(slot);
    return false;
  }

  /** Ends a hold. Returns the slots that are free from here on. Idempotent. */
  end(hold: SlotHold): readonly number[] {
    this.#holds.delete(hold);
    const free = [...this.#freed].filter((slot) => !this.isHeld(slot));
    for (const slot of free) this.#freed.delete(slot);
    return free;
  }

  get isAny(): boolean {
    return this.#holds.size > 0;
  }

  /** Breaks every hold. Returns the slots that are free from here on. */
  breakAll(): readonly number[] {
    const holds = [...this.#holds];
    for (const hold of holds) hold.break();
    return holds.flatMap((hold) => this.end(hold));
  }
}
