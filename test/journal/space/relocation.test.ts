/**
 * Stragglers on their way into the current segment, and segments released by a record: what counts
 * at each step, and what is refused.
 */
import { afterAll, describe, expect, test } from "vitest";
import type { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import { chainStart, recordsStart, recordType } from "../../../src/journal/form/records.js";
import { claimedHeadBytes, decodeHead, type Head } from "../../../src/journal/form/head.js";
import type { Places } from "../../../src/journal/segment/places.js";
import { recoverJournal } from "../../../src/journal/recovery/recovery.js";
import { refusal, turns } from "../../node/kit.js";
import {
  all,
  bornJournal,
  DIRECTORY,
  forge,
  newestSegment,
  openJournal,
  type OpenJournal,
  text,
} from "../kit.js";
import { walkRecords } from "../walk.js";
import { STRIDE } from "../../scale.js";

/** The size of most appended records: few of them fill a segment of the smallest size. */
const LARGE = 3000;

function payload(name: string, number: bigint, size: number): Uint8Array {
  return Buffer.alloc(size, `${name} ${number} `);
}

async function append(
  { log }: OpenJournal,
  name: string,
  number: bigint,
  size: number,
): Promise<void> {
  await log(name).append({ number, payload: payload(name, number, size) });
}

/** Appends large records [from, to) to `name`, each in a group of its own, and keeps the last alone. */
async function run(opened: OpenJournal, name: string, from: bigint, to: bigint): Promise<void> {
  for (let number = from; number < to; number++) {
    await Promise.all([
      opened.log(name).truncateBefore(number),
      append(opened, name, number, LARGE),
    ]);
  }
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("latin1");
}

/** The output of `all` for a log whose records [first, next) are of `size`. */
function records(name: string, first: bigint, next: bigint, size: number): string[] {
  const found: string[] = [];
  for (let number = first; number < next; number++) {
    found.push(textOf(payload(name, number, size)));
  }
  return found;
}

/** Head and records of every segment that has a head, newest first. */
function segmentsOn(disk: SimulatedDisk): {
  readonly path: string;
  readonly head: Head;
  readonly types: readonly { readonly type: number; readonly number: bigint }[];
}[] {
  const segments = disk.files().flatMap(({ path }) => {
    if (!path.endsWith(".seg")) return [];
    const bytes = disk.readNow(path);
    const length = claimedHeadBytes(bytes);
    if (length === undefined) return [];
    const found = decodeHead(bytes.subarray(0, length));
    if (found.status !== "head") return [];
    const { head } = found;
    const start = {
      offset: recordsStart(length),
      chain: chainStart(head.salt),
      nextLsn: head.firstLsn,
    };
    const types: { type: number; number: bigint }[] = [];
    walkRecords(bytes, start, ({ type, number }) => types.push({ type, number }));
    return [{ path, head, types }];
  });
  return segments.sort((a, b) => (a.head.sequence > b.head.sequence ? -1 : 1));
}

test("the records of a stopped log outlive many rotations, and no slot is kept for them alone", async () => {
  const disk = await bornJournal();
  let opened = await openJournal(disk);
  for (let number = 0n; number < 3n; number++) await append(opened, "stopped", number, 300);
  let slots = 0;
  for (let round = 0n; round < 10n; round++) {
    await run(opened, "fast", round * 12n, round * 12n + 12n);
    slots = Math.max(slots, opened.journal.space.slots);
    expect(await all(opened.log("stopped"))).toEqual(records("stopped", 0n, 3n, 300));
    if (round % 3n === 2n) {
      expect(opened.journal.counters.rotations).toBeGreaterThan(8);
      expect(opened.journal.counters.relocated).toBeGreaterThan(0);
      await opened.journal.close();
      opened = await openJournal(disk);
    }
  }
  expect(slots).toBeLessThanOrEqual(5);
  const left = await openJournal(disk.kill());
  expect(await all(left.log("stopped"))).toEqual(records("stopped", 0n, 3n, 300));
});

/**
 * Two stragglers, `a` in the first segment and `b` in the second, both full: the rotation that comes
 * next leaves one segment too many.
 */
async function straggling(opened: OpenJournal): Promise<void> {
  const { log } = opened;
  await Promise.all([append(opened, "a", 0n, 2000), append(opened, "fast", 0n, 9500)]);
  await Promise.all([
    log("fast").truncateBefore(1n),
    append(opened, "b", 0n, 2000),
    append(opened, "fast", 1n, 9500),
  ]);
  await turns();
  expect(opened.journal.counters).toMatchObject({ rotations: 1, relocated: 0 });
}

/** Appends a record that makes the journal rotate, and waits until what straggles has moved. */
async function rotated(opened: OpenJournal): Promise<void> {
  await Promise.all([opened.log("fast").truncateBefore(2n), append(opened, "fast", 2n, LARGE)]);
  await turns();
}

async function expectWhole(opened: OpenJournal, firsts: readonly bigint[] = [2n]): Promise<void> {
  for (const name of ["a", "b"]) {
    expect(await all(opened.log(name))).toEqual(records(name, 0n, 1n, 2000));
  }
  const { first, next } = opened.log("fast");
  expect(firsts).toContain(first);
  expect(next).toBe(3n);
}

describe("what counts", () => {
  test("once its segment is released, the copy is what is read, now and after every restart", async () => {
    const disk = await bornJournal();
    const opened = await openJournal(disk);
    await straggling(opened);
    const original = opened.journal.find("a", 0n);
    await rotated(opened);
    expect(opened.journal.counters.relocated).toBe(1);
    const copy = opened.journal.find("a", 0n);
    expect(copy?.slot).not.toBe(original?.slot);
    expect(newestOf(disk).types.map(({ type }) => type)).toContain(recordType.release);
    // The slot that was released is lost to damage: nothing needs it.
    const left = disk.kill();
    const path = pathOf(left, original?.slot);
    left.damage(path, 0, Buffer.alloc(left.readNow(path).length, 0xee));
    const again = await openJournal(left);
    expect(again.journal.find("a", 0n)).toEqual(copy);
    await expectWhole(again);
    await again.journal.close();
    await expectWhole(await openJournal(left));
  });

  test("while its segment is listed, the original counts beside a copy", async () => {
    const disk = await bornJournal();
    const opened = await openJournal(disk);
    await straggling(opened);
    const original = opened.journal.find("a", 0n);
    await opened.journal.close();
    forge(disk, [
      { name: "a", number: 0n, type: recordType.copy, payload: payload("a", 0n, 2000) },
    ]);
    expect((await recoveredPlaces(disk.kill())).find("a", 0n)).toEqual(original);
    expect(await all((await openJournal(disk.kill())).log("a"))).toEqual(
      records("a", 0n, 1n, 2000),
    );
    // And it must be there.
    const path = pathOf(disk, original?.slot);
    disk.damage(path, (original?.offset ?? 0) + 5, Buffer.from("damage"));
    expect((await refusal(openJournal(disk), "JOURNAL_CORRUPT")).file).toContain(path.slice(1));
  });
});

/** The places at which recovery finds the live records, before open goes on to relocate them. */
async function recoveredPlaces(disk: SimulatedDisk): Promise<Places> {
  const { storeId } = newestSegment(disk).head;
  return (await recoverJournal(disk, DIRECTORY, { storeId, origin: undefined }, () => undefined))
    .places;
}

function newestOf(disk: SimulatedDisk) {
  const [newest] = segmentsOn(disk);
  if (!newest) throw new Error("there is a segment");
  return newest;
}

function pathOf(disk: SimulatedDisk, slot: number | undefined): string {
  const name = `${String(slot).padStart(4, "0")}.seg`;
  const found = disk.files().find(({ path }) => path.endsWith(name));
  if (!found) throw new Error(`there is no slot ${slot}`);
  return found.path;
}

describe("a log that changes under a relocation", () => {
  /** Holds the group of the copies back, has `change` submitted, and lets all go. */
  async function changed(change: (opened: OpenJournal) => Promise<unknown>): Promise<{
    readonly disk: SimulatedDisk;
    readonly opened: OpenJournal;
  }> {
    const disk = await bornJournal();
    const opened = await openJournal(disk);
    await straggling(opened);
    const truncated = opened.log("fast").truncateBefore(2n);
    await append(opened, "fast", 2n, LARGE);
    disk.hold(({ path }) => path.endsWith(".seg"));
    await turns(20);
    expect(disk.held).toHaveLength(1);
    expect(newestOf(disk).types.map(({ type }) => type)).toContain(recordType.copy);
    const ended = change(opened);
    await turns(5);
    disk.release();
    await Promise.all([ended, truncated]);
    await turns();
    expect(opened.journal.counters.relocated).toBeGreaterThan(0);
    return { disk, opened };
  }

  test("pruned meanwhile: the copy is as dead as its record", async () => {
    const { disk, opened } = await changed(({ log }) => log("a").truncateBefore(1n));
    for (const each of [opened, await openJournal(disk.kill())]) {
      expect([each.log("a").first, each.log("a").next]).toEqual([1n, 1n]);
      expect(await all(each.log("b"))).toEqual(records("b", 0n, 1n, 2000));
      await append(each, "a", 1n, 100);
      expect(await all(each.log("a"))).toEqual(records("a", 1n, 2n, 100));
    }
  });

  test("dropped meanwhile: neither record nor copy comes back", async () => {
    const { disk, opened } = await changed(({ drop }) => drop("a"));
    await opened.journal.close();
    const again = await openJournal(disk);
    expect([again.log("a").first, again.log("a").next]).toEqual([0n, 0n]);
  });

  test("dropped and begun again under the same name: the new log has its own records alone", async () => {
    const { disk, opened } = await changed(async (each) => {
      await each.drop("a");
      await each.log("a").append({ number: 0n, payload: text("anew") });
    });
    expect(await all(opened.log("a"))).toEqual(["anew"]);
    for (const left of [disk.kill(), ...disk.powerCuts(1, 2)]) {
      const again = await openJournal(left);
      expect(await all(again.log("a"))).toEqual(["anew"]);
      await run(again, "fast", again.log("fast").next, again.log("fast").next + 20n);
      await again.journal.close();
      expect(await all((await openJournal(left)).log("a"))).toEqual(["anew"]);
    }
  });
});

describe("what an honest run would not write is refused", () => {
  /** A closed store with `a` and `b` in sealed segments, opened once more, so that the newest is fresh. */
  async function closed(): Promise<SimulatedDisk> {
    const disk = await bornJournal();
    const opened = await openJournal(disk);
    await straggling(opened);
    await opened.journal.close();
    return disk;
  }

  const copyOf = (name: string, number: bigint, bytes: Uint8Array) => ({
    name,
    number,
    payload: bytes,
    type: recordType.copy,
  });

  test("a copy that differs from its record, in length or in a byte", async () => {
    const bytes = payload("a", 0n, 2000);
    const flipped = Uint8Array.from(bytes);
    flipped[1000] = (flipped[1000] ?? 0) ^ 1;
    for (const other of [flipped, bytes.subarray(1), text("")]) {
      const disk = await closed();
      forge(disk, [copyOf("a", 0n, other)]);
      const error = await refusal(openJournal(disk), "JOURNAL_CORRUPT");
      expect(error.message).toMatch(/there twice, and differs/);
      expect([error.lane, error.blockNumber]).toEqual(["a", 0n]);
    }
  });

  test("a copy of what is not there yet, and of a log that is not open", async () => {
    const disk = await closed();
    forge(disk, [copyOf("a", 1n, text("x"))]);
    const ahead = await refusal(openJournal(disk), "JOURNAL_CORRUPT");
    expect(ahead.message).toMatch(/a copy of 1 before its record/);

    const dropped = await closed();
    forge(dropped, [
      { name: "a", number: 0n, type: recordType.drop },
      copyOf("a", 0n, payload("a", 0n, 2000)),
    ]);
    const gone = await refusal(openJournal(dropped), "JOURNAL_CORRUPT");
    expect(gone.message).toMatch(/not open/);
  });

  test("a copy of what was pruned says nothing", async () => {
    const disk = await closed();
    forge(disk, [
      { name: "a", number: 1n, type: recordType.truncate },
      copyOf("a", 0n, text("whatever it was")),
    ]);
    const { log } = await openJournal(disk);
    expect([log("a").first, log("a").next]).toEqual([1n, 1n]);
  });

  test("a release of a segment that the head does not list", async () => {
    const own = newestSegment(await closed()).head.sequence;
    for (const number of [0n, own, own + 1n, 2n ** 63n]) {
      const disk = await closed();
      forge(disk, [{ name: "a", number, type: recordType.release }]);
      const error = await refusal(openJournal(disk), "JOURNAL_CORRUPT");
      expect(error.message).toMatch(/releases segment \d+, which the head does not list/);
    }
  });

  test("a release of a segment whose live records are nowhere else", async () => {
    const disk = await closed();
    const [first] = newestSegment(disk).head.sealed;
    forge(disk, [{ name: "a", number: first?.sequence ?? 0n, type: recordType.release }]);
    const error = await refusal(openJournal(disk), "JOURNAL_CORRUPT");
    expect([error.lane, error.blockNumber]).toEqual(["a", 0n]);
  });
});

describe("a failure under a relocation (D7)", () => {
  test("a straggler that is damaged: poison that names it, nothing is released, nothing written", async () => {
    const disk = await bornJournal();
    const opened = await openJournal(disk);
    await straggling(opened);
    const original = opened.journal.find("a", 0n);
    const path = pathOf(disk, original?.slot);
    const whole = disk.readNow(path);
    disk.damage(path, (original?.offset ?? 0) + 1999, Buffer.from("!"));
    await rotated(opened).catch(() => {});
    const { poison } = opened.journal;
    expect(poison?.code).toBe("POISONED");
    expect(poison?.cause).toMatchObject({ code: "JOURNAL_CORRUPT", lane: "a", blockNumber: 0n });
    expect(opened.journal.counters.relocated).toBe(0);
    const { steps } = disk;
    await refusal(append(opened, "fast", 3n, 10), "POISONED");
    await refusal(opened.journal.close(), "POISONED");
    expect(disk.steps).toBe(steps);
    const types = segmentsOn(disk).flatMap((segment) => segment.types.map(({ type }) => type));
    expect(types).not.toContain(recordType.release);
    expect((await refusal(openJournal(disk.kill()), "JOURNAL_CORRUPT")).file).toContain(
      path.slice(1),
    );
    disk.damage(path, 0, whole);
    await expectWhole(await openJournal(disk.kill()), [1n, 2n]);
  });

  test.each([".seg", "mark"])(
    "a failed write of %s: not even copies are written after it",
    async (path) => {
      const written: string[] = [];
      /** The files that are there when the rotation begins: a spare is made beside them. */
      const known = new Set<string>();
      const disk: SimulatedDisk = (await bornJournal()).kill({
        onStep: ({ change, phase, path: at }) => {
          // From the head and the first group of the segment after the stragglers' own.
          if (!known.has(at)) return;
          if (change !== "write" || phase !== "started") return;
          const isFirst = !written.some((other) => other.endsWith(path));
          if (isFirst && at.endsWith(path)) {
            disk.fail({ operation: "write", path, effect: "nothing" });
          }
          written.push(at.replace(/\d+/, ""));
        },
      });
      const opened = await openJournal(disk);
      await straggling(opened);
      for (const { path: each } of disk.files()) known.add(each.slice(1));
      const hash = new Uint8Array(32).fill(7);
      const record = { number: 2n, payload: payload("fast", 2n, LARGE), hash };
      await refusal(opened.log("fast").append(record), "POISONED");
      await turns();
      const head = "store/journal/.seg";
      // A mark that names a head begins behind the head's write.
      const marks = path === "mark" ? ["store/mark"] : [];
      expect(written.sort()).toEqual([head, "store/journal/.seg", ...marks]);
      expect(opened.journal.counters.relocated).toBe(0);
      await refusal(opened.journal.close(), "POISONED");
      // The group of a segment without a head is not there, and was not acknowledged.
      const again = await openJournal(disk.kill());
      expect(again.log("fast").next).toBe(path === "mark" ? 3n : 2n);
      expect(again.journal.mark.pins).toEqual([]);
    },
  );

  test("a failed write of copies, or of a release, poisons, and loses nothing", async () => {
    for (const nth of [1, 2]) {
      for (const effect of ["nothing", "visible-not-durable", "torn"] as const) {
        const disk = await bornJournal();
        const opened = await openJournal(disk);
        await straggling(opened);
        const truncated = opened.log("fast").truncateBefore(2n);
        await append(opened, "fast", 2n, LARGE);
        disk.fail({ operation: "write", path: ".seg", nth, effect });
        await truncated.catch(() => {});
        await turns();
        expect(opened.journal.poison?.code).toBe("POISONED");
        expect(opened.journal.counters.relocated).toBe(nth - 1);
        expect(await all(opened.log("a"))).toEqual(records("a", 0n, 1n, 2000));
        await refusal(opened.journal.close(), "POISONED");
        disk.heal();
        for (const left of [disk.kill(), ...disk.powerCuts(nth, 6)]) {
          await expectWhole(await openJournal(left), [1n, 2n]);
        }
      }
    }
  });
});

/** The promised records of one life of a log, and those that may be there besides. */
interface Life {
  readonly life: number;
  readonly sizes: Map<bigint, number>;
  ackedFirst: bigint;
  ackedNext: bigint;
  begunFirst: bigint;
  begunNext: bigint;
}

/** Begins, and says what recovery must and may find. */
class Ledger {
  readonly #lives = new Map<string, Life[]>();
  readonly #ackedLife = new Map<string, number>();

  async append(opened: OpenJournal, name: string, size: number): Promise<void> {
    const life = this.#life(name);
    const number = life.begunNext;
    life.begunNext = number + 1n;
    life.sizes.set(number, size);
    const bytes = payload(`${name}/${life.life}`, number, size);
    await opened.log(name).append({ number, payload: bytes });
    life.ackedNext = number + 1n;
    this.#ackedLife.set(name, life.life);
  }

  async truncate(opened: OpenJournal, name: string, first: bigint): Promise<void> {
    const life = this.#life(name);
    life.begunFirst = first;
    await opened.log(name).truncateBefore(first);
    life.ackedFirst = first;
  }

  async drop(opened: OpenJournal, name: string): Promise<void> {
    const lives = this.#lives.get(name) ?? [];
    lives.push(newLife(lives.length));
    await opened.drop(name);
    this.#ackedLife.set(name, lives.length - 1);
  }

  /** Throws where what was recovered is not what was promised. */
  async check(opened: OpenJournal): Promise<void> {
    for (const [name, lives] of this.#lives) {
      const log = opened.log(name);
      const found = await all(log);
      const holds = lives
        .slice(this.#ackedLife.get(name) ?? 0)
        .some((life) => isAllowed(life, name, log, found));
      const seen = found.map((each) => each.slice(0, 12));
      expect({ name, first: log.first, next: log.next, seen, holds }).toMatchObject({
        holds: true,
      });
    }
  }

  #life(name: string): Life {
    const lives = this.#lives.get(name) ?? [newLife(0)];
    this.#lives.set(name, lives);
    const newest = lives.at(-1);
    if (!newest) throw new Error("a log has a life");
    return newest;
  }
}

function newLife(life: number): Life {
  const none = { ackedFirst: 0n, ackedNext: 0n, begunFirst: 0n, begunNext: 0n };
  return { life, sizes: new Map(), ...none };
}

function isAllowed(
  life: Life,
  name: string,
  { first, next }: { readonly first: bigint; readonly next: bigint },
  found: readonly string[],
): boolean {
  if (first < life.ackedFirst || first > life.begunFirst) return false;
  if (next < life.ackedNext || next > life.begunNext) return false;
  return found.every((each, at) => {
    const number = first + BigInt(at);
    const bytes = payload(`${name}/${life.life}`, number, life.sizes.get(number) ?? 0);
    return each === textOf(bytes);
  });
}

/** Stragglers, a log that is dropped and begun again among them, through rotations and a restart. */
async function work(disk: SimulatedDisk, ledger: Ledger): Promise<void> {
  let opened = await openJournal(disk);
  const round = async (number: bigint): Promise<void> => {
    await Promise.all([
      ledger.append(opened, "fast", LARGE),
      ...(number > 0n ? [ledger.truncate(opened, "fast", number)] : []),
    ]);
  };
  await Promise.all([ledger.append(opened, "stopped", 400), ledger.append(opened, "gone", 500)]);
  for (let number = 0n; number < 5n; number++) await round(number);
  await ledger.append(opened, "slow", 700);
  for (let number = 5n; number < 9n; number++) await round(number);
  await turns(8);
  await ledger.drop(opened, "gone");
  await ledger.append(opened, "gone", 450);
  for (let number = 9n; number < 14n; number++) await round(number);
  await turns(8);
  await opened.journal.close();
  opened = await openJournal(disk);
  await ledger.append(opened, "slow", 700);
  for (let number = 14n; number < 18n; number++) await round(number);
  await turns(8);
}

describe("a crash at every step of relocations", () => {
  const seen = { states: 0, copied: 0, released: 0, overwritten: 0 };

  afterAll(() => {});

  /** Notes which of the three states between a copy and the end of its original's slot is on this disk. */
  function note(disk: SimulatedDisk): void {
    const segments = segmentsOn(disk);
    const [newest] = segments;
    seen.states += 1;
    const released = newest?.types.filter(({ type }) => type === recordType.release) ?? [];
    const hasCopies = newest?.types.some(({ type }) => type === recordType.copy) ?? false;
    if (hasCopies && released.length === 0) seen.copied += 1;
    if (released.length > 0) seen.released += 1;
    const [, older] = segments;
    const freed = older?.types.filter(({ type }) => type === recordType.release) ?? [];
    const slots = freed.map(({ number }) =>
      older?.head.sealed.find((each) => each.sequence === number),
    );
    const isReused = slots.some((each) => newest?.path.endsWith(`${each?.slot}.seg`));
    if (isReused) seen.overwritten += 1;
  }

  test("nothing acknowledged is lost, nothing dropped comes back, and no open refuses", async () => {
    const begun = await bornJournal();
    const whole = begun.kill();
    await work(whole, new Ledger());
    const first = begun.steps;
    for (let step = first + 1, tried = 0; step <= whole.steps; step += STRIDE, tried++) {
      const disk = begun.kill();
      disk.crashAt(step);
      const ledger = new Ledger();
      await Promise.race([work(disk, ledger), disk.stopped]);
      await turns(2);
      for (const left of [disk.kill(), ...disk.powerCuts(step, 3)]) {
        note(left);
        const opened = await openJournal(left);
        await ledger.check(opened);
        if (tried % 3 > 0) continue;
        // A crash of the recovery, somewhere, and the recovery from that.
        const again = left.kill();
        again.crashAt(1 + (tried % 9));
        await Promise.race([openJournal(again), again.stopped]);
        await ledger.check(await openJournal(again.kill()));
      }
    }
    expect(seen.states).toBeGreaterThan(300 / STRIDE);
    expect(seen.copied).toBeGreaterThan(10);
    expect(seen.released).toBeGreaterThan(10);
    expect(seen.overwritten).toBeGreaterThan(3);
  });
});

test("whoever reads while records move, and slots are written over, reads the right ones", async () => {
  const disk = await bornJournal();
  const opened = await openJournal(disk);
  let reads = 0;
  let isOver = false;
  const reader = async (name: string, size: number): Promise<void> => {
    const log = opened.log(name);
    while (!isOver) {
      const { first, next } = log;
      for (let number = first; number < next; number++) {
        const bytes = await log.readBytes(number).catch((cause: unknown) => {
          // Pruned meanwhile, and nothing else.
          expect(cause).toMatchObject({ code: "OUT_OF_SEQUENCE" });
          expect(log.first).toBeGreaterThan(number);
        });
        if (bytes) expect([textOf(bytes)]).toEqual(records(name, number, number + 1n, size));
        reads += 1;
      }
      await turns(1);
    }
  };
  for (let number = 0n; number < 4n; number++) await append(opened, "stopped", number, 500);
  const readers = [reader("stopped", 500), reader("slow", 700), reader("fast", LARGE)];
  for (let number = 0n; number < 120n; number++) {
    await run(opened, "fast", number, number + 1n);
    if (number % 6n === 0n) {
      await append(opened, "slow", number / 6n, 700);
      await opened.log("slow").truncateBefore(number / 6n - 3n);
    }
  }
  isOver = true;
  await Promise.all(readers);
  expect(reads).toBeGreaterThan(200);
  expect(opened.journal.counters.relocated).toBeGreaterThan(10);
  expect(opened.journal.poison).toBeUndefined();
});

test("an error of the operating system while a slot is given back harms nothing", async () => {
  const disk = await bornJournal();
  const opened = await openJournal(disk);
  // Live data that has many segments, and then is forgotten: their slots are surplus.
  for (let number = 0n; number < 40n; number++) await append(opened, "log", number, LARGE);
  disk.fail({ operation: "remove", mode: "from-then-on", error: "EIO" });
  await opened.log().truncateBefore(40n);
  await append(opened, "log", 40n, LARGE);
  await turns();
  expect(opened.journal.poison).toBeUndefined();
  await append(opened, "log", 41n, 10);
  await opened.journal.close();
  const again = await openJournal(disk);
  expect([again.log().first, again.log().next]).toEqual([40n, 42n]);
});
