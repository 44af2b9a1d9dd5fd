/** How often the histories came upon what they are drawn for: a property that never does says nothing. */

/**
 * Of a thousand histories four open with a pin, since a group's records and its footer are one write. Other
 * bytes are seldom offered there: test/node/pruning/pins.test.ts offers them always.
 */
const seldom = "PINNED";

export const sights = [
  "taken",
  "dropped",
  "waits",
  "DUPLICATE",
  "CONFLICT",
  "OUT_OF_SEQUENCE",
  "INVALID",
  seldom,
  "DISK_FULL",
  "POISONED",
  "let in once there was room",
  "a stop between commands",
  "a stop inside a command",
  "a stop inside a recovery",
  "an open that failed",
  "a flipped bit that is refused",
  "a pin at an open",
  "a vote to abstain from",
  "a relocated record",
  "a retained record",
  "a drop acknowledged",
  "an anchor past everything",
] as const;
export type Sight = (typeof sights)[number];

/** Sights that a thousand histories must come upon. */
export const expected: readonly Sight[] = sights.filter((sight) => sight !== seldom);

export class Tally {
  readonly #seen = new Map<Sight, number>();

  see(sight: Sight, times = 1): void {
    if (times > 0) this.#seen.set(sight, this.of(sight) + times);
  }

  of(sight: Sight): number {
    return this.#seen.get(sight) ?? 0;
  }

  toString(): string {
    return sights.map((sight) => `${sight}: ${this.of(sight)}`).join(", ");
  }
}
