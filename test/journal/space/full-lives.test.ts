/**
 * Lives of a journal on a disk that stays full (D9): crashed between any two steps, also in the middle of
 * an open, it opens again with no byte free, holds what was acknowledged, and prunes until there is room.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, test } from "vitest";
import { type Random, seededRandom } from "../../../src/testing/simulated/random.js";
import type { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import { PersisterError } from "../../../src/types/errors.js";
import { all, bornJournal, openJournal, type OpenJournal, SEGMENT_BYTES } from "../kit.js";
import { campaignSize } from "../../scale.js";

const SEED = Number(process.env["LANEKEEPER_SEED"] ?? 20_265);
const RUNS = campaignSize(40, "LANEKEEPER_RUNS");
const LIVES = 14;
/** Many of these lives end while they are opening. */
const STEPS_MAX = [25, 60, 300, 2000];
const LOGS = [3, 12, 45];
/** Largest records of a run: the last fill a segment of the smallest size. */
const SIZES = [40, 300, 2500, 11_800];
const LARGEST = 11_800;

/** The requests to a log, and the acknowledged ones among them. */
interface Kept {
  first: bigint;
  next: bigint;
  askedFirst: bigint;
  askedNext: bigint;
}

function beginningOf(name: string, number: bigint): string {
  return `${name} ${number} `;
}

class Lives {
  readonly #random: Random;
  readonly #logs = new Map<string, Kept>();
  readonly #logCount: number;
  readonly #sizeMax: number;
  #disk: SimulatedDisk;
  refusals = 0;
  pruned = 0;

  constructor(disk: SimulatedDisk, seed: number) {
    this.#random = seededRandom(seed);
    this.#disk = disk;
    this.#logCount = LOGS[this.#random.below(LOGS.length)] ?? 3;
    this.#sizeMax = SIZES[this.#random.below(SIZES.length)] ?? 40;
    disk.capacityBytes = disk.usedBytes + this.#random.below(5) * SEGMENT_BYTES;
  }

  async live(): Promise<void> {
    const random = this.#random;
    for (let life = 0; life < LIVES; life++) {
      const disk = this.#disk;
      disk.crashAt(disk.steps + 1 + random.below(STEPS_MAX[random.below(4)] ?? 25));
      const pumped = pump(disk, random);
      await Promise.race([this.#life(), disk.stopped]);
      disk.crash();
      await pumped;
      const lefts = [disk.kill(), ...disk.powerCuts(random.below(1e6), 5)];
      this.#disk = (lefts[random.below(lefts.length)] ?? disk).kill();
    }
    await this.#endWithRoom();
  }

  /** With all of it forgotten there is room, without another open. */
  async #endWithRoom(): Promise<void> {
    const { log, journal } = await this.#open();
    for (const name of this.#logs.keys()) await log(name).truncateAll();
    await log("0").append({ number: log("0").next, payload: Buffer.alloc(LARGEST) });
    await journal.close();
  }

  /** Opens, and compares what is found with what may be. */
  async #open(): Promise<OpenJournal> {
    const opened = await openJournal(this.#disk);
    for (const [name, kept] of this.#logs) {
      const { first, next } = opened.log(name);
      const isFirst = first >= kept.first && first <= kept.askedFirst;
      const isNext = next >= kept.next && next <= kept.askedNext;
      const found = { name, first, next, kept };
      expect({ ...found, isFirst, isNext }).toEqual({ ...found, isFirst: true, isNext: true });
      let number = first;
      for (const each of await all(opened.log(name))) {
        expect(each.startsWith(beginningOf(name, number))).toBe(true);
        number += 1n;
      }
      expect(number).toBe(next);
      this.#logs.set(name, { first, next, askedFirst: first, askedNext: next });
    }
    return opened;
  }

  async #life(): Promise<void> {
    const random = this.#random;
    const opened = await this.#open();
    for (let left = random.below(160); left > 0; left--) {
      const name = `${random.below(this.#logCount)}`;
      const draw = random.below(20);
      if (draw < 10) this.#append(opened, name);
      else if (draw < 18) this.#prune(opened, name);
      else if (draw < 19) this.#leap(opened, BigInt(random.below(300)));
      else for (const each of this.#logs.keys()) this.#prune(opened, each);
      if (random.below(3) > 0) await waitTurns(random.below(14));
      expect(opened.journal.poison).toBeUndefined();
    }
    if (random.below(3) === 0) await opened.journal.close();
  }

  #keptOf(name: string): Kept {
    const kept = this.#logs.get(name) ?? { first: 0n, next: 0n, askedFirst: 0n, askedNext: 0n };
    this.#logs.set(name, kept);
    return kept;
  }

  #append({ log }: OpenJournal, name: string): void {
    const kept = this.#keptOf(name);
    const number = log(name).appendNext;
    kept.askedNext = greater(kept.askedNext, number + 1n);
    const payload = Buffer.from(
      beginningOf(name, number).padEnd(this.#random.below(this.#sizeMax)),
    );
    this.#noted(log(name).append({ number, payload }), () => {
      kept.next = greater(kept.next, number + 1n);
    });
  }

  #prune(opened: OpenJournal, name: string): void {
    const { first, next } = opened.log(name);
    if (next === first) return;
    this.#truncate(opened, name, first + 1n + BigInt(this.#random.below(Number(next - first))));
  }

  /** Many orders that free nothing. */
  #leap(opened: OpenJournal, count: bigint): void {
    const from = opened.log("orders").appendNext;
    for (let at = 1n; at <= count; at++) this.#truncate(opened, "orders", from + at);
  }

  #truncate({ log }: OpenJournal, name: string, start: bigint): void {
    const kept = this.#keptOf(name);
    kept.askedFirst = greater(kept.askedFirst, start);
    kept.askedNext = greater(kept.askedNext, start);
    this.#noted(log(name).truncateBefore(start), () => {
      kept.first = greater(kept.first, start);
      kept.next = greater(kept.next, start);
      this.pruned += 1;
    });
  }

  /** A refusal changes nothing, whether room is lacking or the journal is closing. */
  #noted(ended: Promise<void>, acked: () => void): void {
    ended.then(acked, (cause: unknown) => {
      if (!(cause instanceof PersisterError)) throw cause;
      expect(["DISK_FULL", "CLOSED"]).toContain(cause.code);
      if (cause.code === "DISK_FULL") this.refusals += 1;
    });
  }
}

function greater(one: bigint, other: bigint): bigint {
  return one > other ? one : other;
}

async function waitTurns(turns: number): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await nextTurn();
}

/** Lets what is held go, in any order, as long as the world goes on. */
async function pump(disk: SimulatedDisk, random: Random): Promise<void> {
  disk.hold();
  while (!disk.isStopped) {
    await nextTurn();
    const { held } = disk;
    const one = held[random.below(held.length)];
    if (one && random.below(3) > 0) disk.finish(one.step);
  }
}

test(`lives on a full disk (seed ${SEED})`, { timeout: 600_000 }, async () => {
  let refusals = 0;
  let pruned = 0;
  for (let run = 0; run < RUNS; run++) {
    const seed = SEED * 1000 + run;
    const lives = new Lives(await bornJournal(), seed);
    await lives.live().catch((cause: unknown) => {
      throw new Error(`the lives of seed ${seed} went wrong`, { cause });
    });
    refusals += lives.refusals;
    pruned += lives.pruned;
  }
  expect(refusals).toBeGreaterThan(RUNS);
  expect(pruned).toBeGreaterThan(RUNS);
});
