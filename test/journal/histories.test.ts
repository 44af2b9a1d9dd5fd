/**
 * Any history of a journal, its writes finishing in any order, crashed between any two steps and lived
 * on, also in the middle of an open: what is found is what was asked for up to some entry, with all that
 * was acknowledged; and no LSN ever stands for two records.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, test } from "vitest";
import { type Random, seededRandom } from "../../src/testing/simulated/random.js";
import type { Fault, SimulatedDisk } from "../../src/testing/simulated-disk.js";
import { beginJournal, writeAgain } from "../../src/journal/begin.js";
import { chainStart, recordsStart } from "../../src/journal/form/records.js";
import { claimedHeadBytes, decodeHead } from "../../src/journal/form/head.js";
import type { LogEngine } from "../../src/journal/log-engine.js";
import { type Recovered, recoverJournal } from "../../src/journal/recovery/recovery.js";
import { SPARE_SLOTS } from "../../src/journal/space/slots.js";
import { ownStore, soughtIn } from "../../src/journal/form/store.js";
import { PersisterError } from "../../src/types/errors.js";
import { type Asked, Life, type State, statesLeft, wordsOf } from "./history-model.js";
import { bornJournal, CHAIN, DIRECTORY, randomBytes, SEGMENT_BYTES } from "./kit.js";
import { drawnWays } from "./group/drawn-ways.js";
import { walkRecords } from "./walk.js";
import { campaignSize } from "../scale.js";

const SEED = Number(process.env["LANEKEEPER_SEED"] ?? 20_264);
const RUNS = campaignSize(60, "LANEKEEPER_RUNS");
const LIVES = 6;
/** Half of these lives end while they are opening. */
const STEPS_MAX = [40, 100, 400, 1500];

/** A choice of this opening, and of the disk under it. */
interface Circumstances {
  readonly segmentBytes: number;
  readonly retainBytes: number;
  /** No byte is free while it opens, and few are later. */
  readonly isTight: boolean;
}

interface Opened {
  readonly journal: LogEngine;
  readonly recovered: Recovered;
}

/** As a store is opened, but idle after any number of turns. */
async function open(
  disk: SimulatedDisk,
  choices: Pick<Circumstances, "segmentBytes" | "retainBytes">,
  random: Random,
): Promise<Opened> {
  const store = await ownStore(disk, DIRECTORY, { chainId: CHAIN });
  const recovered = await recoverJournal(
    disk,
    DIRECTORY,
    await soughtIn(store, {}),
    () => undefined,
  );
  const proven = await writeAgain(disk, DIRECTORY, store, recovered);
  const { anchor, vote, voteRoadIndex } = recovered.mark;
  const options = {
    ...choices,
    disk,
    directory: DIRECTORY,
    randomBytes,
    whenIdle: (task: () => void) => void waitTurns(random.below(6)).then(task),
    later: (task: () => void) => void waitTurns(random.below(6)).then(task),
    pace: (task: () => void) => void waitTurns(random.below(6)).then(task),
    flush: drawnWays(random.below(2 ** 31)),
    nowMs: () => 0,
    beforeRelease: () => Promise.resolve(),
  };
  const named = { anchor, vote, voteRoadIndex };
  const opening = { starts: { truncate: new Map() }, named };
  return { journal: await beginJournal(options, store, proven, opening), recovered };
}

async function waitTurns(turns: number): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await nextTurn();
}

/** All that a journal holds, read back. */
async function found({ journal, recovered }: Opened): Promise<State> {
  const state: State = new Map();
  for (const { name, first, next } of recovered.table.states()) {
    const texts = new Map<bigint, string>();
    for (let number = first; number < next; number++) {
      texts.set(number, Buffer.from((await journal.read(name, number)) ?? []).toString());
    }
    state.set(name, { first, next, texts });
  }
  return state;
}

/** LSNs, each with the record that it stands for. */
class Lsns {
  readonly #records = new Map<bigint, string>();

  see(disk: SimulatedDisk): void {
    for (const { path } of disk.files()) {
      const bytes = disk.readNow(path);
      const length = path.endsWith(".seg") ? claimedHeadBytes(bytes) : undefined;
      const head = length && decodeHead(bytes.subarray(0, length));
      if (!length || !head || head.status !== "head") continue;
      const { sequence, salt, firstLsn } = head.head;
      const start = { offset: recordsStart(length), chain: chainStart(salt), nextLsn: firstLsn };
      walkRecords(bytes, start, ({ lsn, headerCrc }) => {
        const record = `of segment ${sequence}: ${headerCrc}`;
        expect(this.#records.get(lsn) ?? record).toBe(record);
        this.#records.set(lsn, record);
      });
    }
  }
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

function anyFault(random: Random): Fault {
  const of = <Item>(items: readonly [Item, ...Item[]]): Item =>
    items[random.below(items.length)] ?? items[0];
  return {
    operation: of(["write", "write", "write", "syncDirectory", "remove", "create"]),
    nth: 1 + random.below(30),
    effect: of(["nothing", "visible-not-durable", "torn"]),
    error: of(["EIO", "ENOSPC"]),
    mode: of(["once", "from-then-on"]),
  };
}

/** A journal through several lives, each on what a crash left of the one before. */
class History {
  readonly #random: Random;
  readonly #lsns = new Lsns();
  readonly #isMixed: boolean;
  #disk: SimulatedDisk;
  #start: State = new Map();
  #asked: readonly Asked[] = [];
  rotations = 0;

  constructor(disk: SimulatedDisk, seed: number) {
    this.#disk = disk;
    this.#random = seededRandom(seed);
    this.#isMixed = this.#random.below(3) === 0;
  }

  async live(): Promise<void> {
    const random = this.#random;
    for (let life = 0; life < LIVES; life++) {
      const disk = this.#disk;
      disk.crashAt(disk.steps + 1 + random.below(STEPS_MAX[random.below(4)] ?? 40));
      const pumped = pump(disk, random);
      const mixed = this.#isMixed ? random.below(3) : 0;
      const circumstances = {
        segmentBytes: SEGMENT_BYTES * (1 + mixed),
        retainBytes: random.below(3) === 0 ? 4 * SEGMENT_BYTES : 0,
        isTight: !this.#isMixed && random.below(3) === 0,
      };
      await Promise.race([this.#life(circumstances), disk.stopped]);
      disk.crash();
      await pumped;
      this.#lsns.see(disk);
      const lefts = [disk.kill(), ...disk.powerCuts(random.below(1e6), 6)];
      this.#disk = (lefts[random.below(lefts.length)] ?? disk).kill();
      this.#disk.capacityBytes = Number.POSITIVE_INFINITY;
    }
    const { journal } = await this.#open({ segmentBytes: SEGMENT_BYTES, retainBytes: 0 });
    expect(journal.space.free).toBeGreaterThanOrEqual(SPARE_SLOTS);
    await journal.close();
  }

  /** Opens, and compares what is found with what may be. */
  async #open(choices: Pick<Circumstances, "segmentBytes" | "retainBytes">): Promise<Opened> {
    const opened = await open(this.#disk, choices, this.#random);
    const state = await found(opened);
    expect([...statesLeft(this.#start, this.#asked)]).toContain(wordsOf(state));
    this.#start = state;
    this.#asked = [];
    return opened;
  }

  async #life({ isTight, ...choices }: Circumstances): Promise<void> {
    const random = this.#random;
    const disk = this.#disk;
    if (isTight) disk.capacityBytes = disk.usedBytes;
    const { journal } = await this.#open(choices);
    if (isTight) disk.capacityBytes = disk.usedBytes + (random.below(4) * SEGMENT_BYTES) / 2;
    const isFaulty = random.below(3) === 0;
    if (isFaulty) disk.fail(anyFault(random));
    const life = new Life(this.#start, random);
    this.#asked = life.asked;
    for (let left = random.below(120); left > 0 && !journal.poison; left--) {
      journal.submit(life.draw());
      if (random.below(15) === 0) disk.capacityBytes = Number.POSITIVE_INFINITY;
      if (random.below(9) === 0) void journal.writeMark({}).catch(expectPoison);
      if (random.below(3) > 0) await waitTurns(random.below(12));
    }
    this.rotations += journal.counters.rotations;
    // A defect of ours would poison it too.
    if (journal.poison) {
      expect(isFaulty).toBe(true);
      expect(journal.poison.cause).toBeInstanceOf(PersisterError);
    }
    if (random.below(4) === 0) await journal.close().catch(expectPoison);
  }
}

/** Only what a test made fail may fail. */
function expectPoison(error: unknown): void {
  if (!(error instanceof PersisterError && error.code === "POISONED")) throw error;
}

test(`histories of lives and crashes (seed ${SEED})`, { timeout: 600_000 }, async () => {
  let rotations = 0;
  for (let run = 0; run < RUNS; run++) {
    const seed = SEED * 1000 + run;
    const history = new History(await bornJournal(), seed);
    await history.live().catch((cause: unknown) => {
      throw new Error(`the history of seed ${seed} went wrong`, { cause });
    });
    rotations += history.rotations;
  }
  expect(rotations).toBeGreaterThan(RUNS);
});
