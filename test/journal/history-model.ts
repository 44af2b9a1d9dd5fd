/**
 * The requests to a journal, entry by entry, and every state that a crash may leave of it: the requests
 * up to some entry, whole batches only, with drops that were in flight done again.
 */
import { expect } from "vitest";
import type { Random } from "../../src/testing/simulated/random.js";
import type { Entry } from "../../src/journal/group/group.js";
import type { ErrorCode } from "../../src/types/errors.js";

const NAMES = ["a", "b", "c", "d"];
/** Refusals that change nothing. */
const REFUSALS = new Set<ErrorCode>(["DISK_FULL", "INVALID"]);
/** Largest records of a life: the last fill a segment of the smallest size. */
const SIZES = [60, 2000, 7000, 11_000];

export interface LogNow {
  first: bigint;
  next: bigint;
  readonly texts: Map<bigint, string>;
}

/** Logs by their names. */
export type State = Map<string, LogNow>;

type Wish =
  | {
      readonly type: "append";
      readonly name: string;
      readonly number: bigint;
      readonly text: string;
    }
  | { readonly type: "truncate"; readonly name: string; readonly first: bigint }
  | { readonly type: "drop"; readonly name: string };

export interface Asked {
  readonly wish: Wish;
  /** The next one is of the same batch. */
  readonly more: boolean;
  status: "queued" | "durable" | "refused";
}

/** The entries of one opening of a journal, on top of the state with which it began. */
export class Life {
  readonly start: State;
  readonly asked: Asked[] = [];
  readonly #random: Random;
  readonly #sizeMax: number;
  /** How many records a truncation leaves, at most. */
  readonly #keepMax: number;

  constructor(start: State, random: Random) {
    this.start = start;
    this.#random = random;
    this.#sizeMax = SIZES[random.below(SIZES.length)] ?? 60;
    this.#keepMax = random.below(3) === 0 ? 40 : 4;
  }

  /** Some entries for one `submit`, drawn by chance; each in order behind all that was not refused. */
  draw(): Entry[] {
    const random = this.#random;
    const state = copyOf(this.start);
    for (const each of this.asked) apply(state, each);
    const name = NAMES[random.below(NAMES.length)] ?? "a";
    const log = logIn(state, name);
    const kind = random.below(20);
    if (kind < 9) return this.#appends(log, name, [random.below(this.#sizeMax)]);
    if (kind < 13) {
      const largest = Math.min(this.#sizeMax, 2600);
      return this.#appends(
        log,
        name,
        Array.from({ length: 2 + random.below(4) }, () => random.below(largest)),
      );
    }
    if (kind === 19) return [this.#entry({ type: "drop", name })];
    const leap = random.below(12) === 0;
    const first = log.next + BigInt(leap ? random.below(5) : -random.below(this.#keepMax));
    return first > log.first ? [this.#entry({ type: "truncate", name, first })] : [];
  }

  #appends({ next }: LogNow, name: string, sizes: readonly number[]): Entry[] {
    return sizes.map((size, at) => {
      const number = next + BigInt(at);
      const text = `${name} ${number} ${this.#random.below(1e9)} `.padEnd(size, "x");
      return this.#entry({ type: "append", name, number, text }, at < sizes.length - 1);
    });
  }

  #entry(wish: Wish, more = false): Entry {
    const asked: Asked = { wish, more, status: "queued" };
    this.asked.push(asked);
    const settled: Entry["settled"] = (error) => {
      expect(asked.status).toBe("queued");
      if (!error) asked.status = "durable";
      else if (REFUSALS.has(error.code)) asked.status = "refused";
    };
    if (wish.type === "drop") return { ...wish, settled };
    if (wish.type === "truncate") return { ...wish, lazily: this.#random.below(2) === 0, settled };
    const { type, name, number, text } = wish;
    return { type, name, number, payload: Buffer.from(text), hash: undefined, more, settled };
  }
}

/** Every state, in words, that a crash may leave of `asked`, done after `start`. */
export function statesLeft(start: State, asked: readonly Asked[]): ReadonlySet<string> {
  const acked = asked.findLastIndex(({ status }) => status === "durable") + 1;
  const state = copyOf(start);
  const states = new Set<string>();
  for (let at = 0; at <= asked.length; at++) {
    const isWhole = !asked[at - 1]?.more;
    if (at >= acked && isWhole) {
      states.add(wordsOf(state));
      for (const { wish, status } of asked.slice(at)) {
        if (wish.type !== "drop" || status === "refused") continue;
        states.add(wordsOf(new Map([...state].filter(([name]) => name !== wish.name))));
      }
    }
    const next = asked[at];
    if (next) apply(state, next);
  }
  return states;
}

/** A log that is empty and starts at 0 is as good as none. */
export function wordsOf(state: State): string {
  const logs = [...state].filter(([, { next }]) => next > 0n);
  return logs
    .map(([name, { first, next, texts }]) => {
      const held = [...texts.values()].map((text) => `${text.slice(0, 24)}..${text.length}`);
      return [`${name} [${first}, ${next})`, ...held].join(", ");
    })
    .sort()
    .join("\n");
}

function copyOf(state: State): State {
  return new Map([...state].map(([name, log]) => [name, { ...log, texts: new Map(log.texts) }]));
}

function logIn(state: State, name: string): LogNow {
  const log = state.get(name) ?? { first: 0n, next: 0n, texts: new Map<bigint, string>() };
  state.set(name, log);
  return log;
}

function apply(state: State, { wish, status }: Asked): void {
  if (status === "refused") return;
  if (wish.type === "drop") {
    state.delete(wish.name);
    return;
  }
  const log = logIn(state, wish.name);
  if (wish.type === "append") {
    expect(wish.number).toBe(log.next);
    log.texts.set(log.next++, wish.text);
    return;
  }
  for (let number = log.first; number < wish.first; number++) log.texts.delete(number);
  if (wish.first > log.first) log.first = wish.first;
  if (wish.first > log.next) log.next = wish.first;
}
