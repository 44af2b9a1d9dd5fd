/**
 * The live records of one log, [first, next), and where each of them lies.
 *
 * Invariants: a run has no holes; the spans cover it exactly, in order, and two neighbours never lie in
 * the same slot. Groups fill one segment after the other, so there are about as many spans as segments:
 * what is asked of segments costs no walk over records.
 *
 * ```
 * positions    head                                next
 *              |  slot 3   | slot 4      | slot 7   |
 * #pointers    . . . . . . . . . . . . . . . . . . .
 * ```
 *
 * A truncation moves `head`. The pointers in front of it are cut off once they are as many as those
 * behind it, so a record costs a constant of work, however many are held.
 */
import { assert } from "../../types/assert.js";
import type { Pointer } from "./segment.js";

/** Pointers in front of the head that are not worth a cut. */
const CUT_MIN = 1024;

/** Consecutive records in one slot: [first, next). */
export interface Span {
  readonly slot: number;
  readonly first: bigint;
  readonly next: bigint;
}

/** A span by positions: numbers less the number of position 0. */
interface Piece {
  readonly slot: number;
  first: number;
  next: number;
}

export class Run {
  /** The number of position 0. */
  readonly #zero: bigint;
  /** The position of the first live record. */
  #head = 0;
  /** The position of `#pointers[0]`. */
  #cut = 0;
  #pointers: Pointer[] = [];
  readonly #pieces: Piece[] = [];

  /** Empty, and about to begin at `first`. */
  constructor(first: bigint) {
    this.#zero = first;
  }

  get isEmpty(): boolean {
    return this.#head === this.#next;
  }

  /** The place of the record `number`; `undefined` if it is not live. */
  find(number: bigint): Pointer | undefined {
    const position = Number(number - this.#zero);
    return position < this.#head ? undefined : this.#pointers[position - this.#cut];
  }

  /** The record `number`, which is the next one, lies at `pointer`. */
  append(number: bigint, pointer: Pointer): void {
    const position = this.#next;
    assert(Number(number - this.#zero) === position, "a live range has no holes");
    this.#pointers.push(pointer);
    const last = this.#pieces.at(-1);
    if (last?.slot === pointer.slot) last.next = position + 1;
    else this.#pieces.push({ slot: pointer.slot, first: position, next: position + 1 });
  }

  /** Forgets every record below `first`, and returns where they lay. */
  truncate(first: bigint): readonly Pointer[] {
    const head = Math.min(Number(first - this.#zero), this.#next);
    if (head <= this.#head) return [];
    const gone = this.#pointers.slice(this.#head - this.#cut, head - this.#cut);
    this.#head = head;
    const staying = this.#pieces.findIndex(({ next }) => next > head);
    this.#pieces.splice(0, staying < 0 ? this.#pieces.length : staying);
    const [piece] = this.#pieces;
    if (piece) piece.first = head;
    this.#cutOff();
    return gone;
  }

  /** The live record `number` lies at `to` from now on. */
  move(number: bigint, to: Pointer): void {
    const from = this.find(number);
    assert(from !== undefined, "only a live record is moved");
    const position = Number(number - this.#zero);
    this.#pointers[position - this.#cut] = to;
    if (to.slot !== from.slot) this.#split(position, to.slot);
  }

  /** Every span, oldest record first. */
  *spans(): Generator<Span> {
    for (const { slot, first, next } of this.#pieces) {
      yield { slot, first: this.#numberOf(first), next: this.#numberOf(next) };
    }
  }

  /** Every live record, in order. */
  pointers(): readonly Pointer[] {
    return this.#pointers.slice(this.#head - this.#cut);
  }

  get #next(): number {
    return this.#cut + this.#pointers.length;
  }

  #numberOf(position: number): bigint {
    return this.#zero + BigInt(position);
  }

  #cutOff(): void {
    const dead = this.#head - this.#cut;
    if (dead < CUT_MIN || dead * 2 < this.#pointers.length) return;
    this.#pointers = this.#pointers.slice(dead);
    this.#cut = this.#head;
  }

  /** Takes one position out of its piece into a piece of `slot`, and joins neighbours of one slot. */
  #split(position: number, slot: number): void {
    const at = this.#pieceAt(position);
    const old = this.#pieces[at];
    assert(
      old !== undefined && old.first <= position && position < old.next,
      "spans cover the run",
    );
    const joined: Piece[] = [];
    const pieces = [
      this.#pieces[at - 1],
      { slot: old.slot, first: old.first, next: position },
      { slot, first: position, next: position + 1 },
      { slot: old.slot, first: position + 1, next: old.next },
      this.#pieces[at + 1],
    ];
    for (const piece of pieces) {
      if (!piece || piece.first === piece.next) continue;
      const last = joined.at(-1);
      if (last?.slot === piece.slot) last.next = piece.next;
      else joined.push({ ...piece });
    }
    const before = at === 0 ? 0 : 1;
    const behind = at + 1 < this.#pieces.length ? 1 : 0;
    this.#pieces.splice(at - before, before + 1 + behind, ...joined);
  }

  /** The index of the last piece that begins at or below `position`. */
  #pieceAt(position: number): number {
    let low = 0;
    let high = this.#pieces.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#pieces[middle]?.first ?? 0) <= position) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
