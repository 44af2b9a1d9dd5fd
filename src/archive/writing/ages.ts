/** How long the records of a log have waited: looks at the log tell how far it had come. */

/** Looks that come sooner than this behind the last one count as that one. */
const APART_MS_MIN = 1_000;
/** The same as a part of what the oldest record has waited: in a day some hundred looks are kept. */
const APART_PART = 1 / 64;

/** At `ms` the records below `next` had left the live window, or left it soon after. */
interface Seen {
  next: bigint;
  readonly ms: number;
}

/** No record is told younger than it is, and none older by more than a second, or by 1/64 of the oldest one's age. */
export class Ages {
  /** Both numbers rise. */
  #looks: Seen[] = [];

  /** The log has come to `next`, and is archived up to `through`. */
  look(next: bigint, through: bigint, nowMs: number): void {
    this.#looks = this.#looks.filter((each) => each.next > through);
    const last = this.#looks.at(-1);
    if (next <= (last?.next ?? through)) return;
    const apartMs = Math.max(APART_MS_MIN, this.oldestMs(nowMs) * APART_PART);
    if (last && nowMs - last.ms < apartMs) last.next = next;
    else this.#looks.push({ next, ms: nowMs });
  }

  /** How long the oldest record has waited that is not archived. */
  oldestMs(nowMs: number): number {
    const [oldest] = this.#looks;
    return oldest ? nowMs - oldest.ms : 0;
  }
}
