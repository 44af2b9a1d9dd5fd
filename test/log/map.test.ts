/**
 * The map on real files, harmed in every way, and maps that lie: it costs time and a warning, never a
 * record, and never a wrong one.
 */
import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { DiskFile } from "../../src/disk/disk.js";
import { RealDisk } from "../../src/disk/real/real.js";
import type { SimulatedDisk } from "../../src/testing/simulated-disk.js";
import type { Pointer } from "../../src/journal/segment/segment.js";
import { openLogMap } from "../../src/log/map/level-map.js";
import { type LogMap, type MapChange, memoryLogMap } from "../../src/log/map/log-map.js";
import { Lanekeeper } from "../../src/node/lanekeeper.js";
import {
  bornJournal,
  openJournal,
  type OpenJournal,
  SEGMENT_BYTES as TEXT_SEGMENT_BYTES,
} from "./kit.js";
import { CHAIN_ID, TestChain } from "../model/chain.js";
import { hex, laneAt, pushAnchor, pushBlocks, pushQCs, refusal, turns } from "../node/kit.js";
import { SEGMENT_BYTES } from "../node/surroundings.js";

const GIB = 1024 ** 3;
/** No map was sealed at this end of a journal. */
const NEVER = { storeId: new Uint8Array(16), sequence: 0n, nextLsn: 0n, endChain: 0 };
const chain = new TestChain(2, 600);
const lane = laneAt(chain, 0);
const initChoices = { chainId: CHAIN_ID, segmentBytes: SEGMENT_BYTES };
const choices = { ...initChoices, epochOf: chain.epochOf, retainBytes: GIB, cacheBytes: 0 };
const ROUNDS = 24n;
const ANCHOR = 20n;

let folder = "";
let directory = "";
let index = "";

beforeEach(() => {
  folder = fs.mkdtempSync(join(tmpdir(), "lanekeeper-map-"));
  directory = join(folder, "store");
  index = join(directory, "index");
});

afterEach(() => {
  fs.rmSync(folder, { recursive: true, force: true });
});

/** A closed store: blocks and QCs [0, 24), of which what lies below 20 is retained. */
async function lived(): Promise<void> {
  await Lanekeeper.init(directory, initChoices);
  const keeper = await Lanekeeper.open(directory, choices);
  await pushBlocks(keeper, chain, lane, { to: ROUNDS });
  await pushQCs(keeper, chain, { to: ROUNDS });
  await pushAnchor(keeper, chain.qc(ANCHOR).anchor);
  await keeper.close();
}

/** Everything live and everything retained reads as it was pushed. */
async function expectWhole(keeper: Lanekeeper): Promise<void> {
  for (let number = 0n; number < ROUNDS; number++) {
    const isLive = number >= ANCHOR;
    const block = isLive
      ? await keeper.readBlock(lane, number)
      : await keeper.readRetainedBlock(lane, number);
    expect(block && hex(block), `block ${number}`).toBe(hex(chain.block(lane, number).bytes));
    const qc = isLive
      ? await keeper.readCommitQC(number)
      : await keeper.readRetainedCommitQC(number);
    expect(qc && hex(qc), `QC ${number}`).toBe(hex(chain.qc(number).bytes));
  }
  const { retained } = keeper.status();
  expect(retained.lanes.get(lane)).toEqual({ first: 0n, next: ANCHOR });
  expect(retained.road).toEqual({ first: 0n, next: ANCHOR });
}

/** Opens, checks everything, closes; the map's warnings. */
async function openedWhole(): Promise<readonly string[]> {
  const keeper = await Lanekeeper.open(directory, choices);
  await expectWhole(keeper);
  const { mapWarnings } = keeper.status();
  await keeper.close();
  return mapWarnings;
}

/** Counts the bytes that are read of files that are open for writing: the journal's. */
class CountingDisk extends RealDisk {
  bytesRead = 0;

  override async openToWrite(path: string): Promise<DiskFile | undefined> {
    const file = await super.openToWrite(path);
    if (!file) return undefined;
    const read = file.read.bind(file);
    return Object.assign(file, {
      read: async (...asked: Parameters<DiskFile["read"]>) => {
        const bytes = await read(...asked);
        this.bytesRead += bytes.length;
        return bytes;
      },
    });
  }
}

/** Every file in index/, by the word that stands for its kind. */
function filesOfKinds(): ReadonlyMap<string, string> {
  const names = fs.readdirSync(index);
  const kinds: Readonly<Record<string, RegExp>> = {
    CURRENT: /^CURRENT$/,
    LOCK: /^LOCK$/,
    LOG: /^LOG$/,
    manifest: /^MANIFEST-/,
    log: /\.log$/,
    table: /\.ldb$/,
  };
  const found = new Map<string, string>();
  for (const [kind, form] of Object.entries(kinds)) {
    const name = names.find((each) => form.test(each));
    if (name !== undefined) found.set(kind, join(index, name));
  }
  return found;
}

const harms: Readonly<Record<string, (path: string, older: Buffer) => void>> = {
  "a flipped bit": (path) => {
    const bytes = fs.readFileSync(path);
    if (bytes.length === 0) return;
    const middle = bytes.length >> 1;
    bytes[middle] = (bytes[middle] ?? 0) ^ 1;
    fs.writeFileSync(path, bytes);
  },
  "its last bytes cut": (path) => {
    fs.truncateSync(path, Math.max(0, fs.statSync(path).size - 5));
  },
  "cut in half": (path) => fs.truncateSync(path, fs.statSync(path).size >> 1),
  emptied: (path) => fs.truncateSync(path, 0),
  zeros: (path) => fs.writeFileSync(path, Buffer.alloc(fs.statSync(path).size)),
  garbage: (path) => fs.writeFileSync(path, Buffer.alloc(3000, 0xa5)),
  deleted: (path) => fs.rmSync(path),
  "an older copy": (path, older) => fs.writeFileSync(path, older),
  "a folder": (path) => {
    fs.rmSync(path);
    fs.mkdirSync(join(path, "deep"), { recursive: true });
  },
};

describe("the map on real files, harmed between two openings", () => {
  test.each(Object.keys(harms))("each of its files: %s", async (what) => {
    await lived();
    // LevelDB moves what it replays from its log into a table.
    fs.mkdirSync(join(folder, "older"));
    fs.cpSync(index, join(folder, "older"), { recursive: true });
    await reopenedByLevel();
    expect(await openedWhole()).toEqual([]);
    await reopenedByLevel();
    const kinds = filesOfKinds();
    expect([...kinds.keys()]).toEqual(
      expect.arrayContaining(["CURRENT", "LOCK", "manifest", "log", "table"]),
    );
    for (const kind of kinds.keys()) {
      const path = filesOfKinds().get(kind) ?? "";
      const older = join(folder, "older", path.slice(index.length + 1));
      harms[what]?.(path, fs.existsSync(older) ? fs.readFileSync(older) : Buffer.from("older"));
      expect(await openedWhole(), kind).toEqual([]);
      await reopenedByLevel();
    }
  });

  test("none of them: what is retained is known at once, and no segment is read for it", async () => {
    await lived();
    const disk = new CountingDisk(new RealDisk());
    // The map is mended when the test has counted.
    const idle: (() => void)[] = [];
    const keeper = await Lanekeeper.openOn(
      {
        disk,
        openMap: (path, end) => openLogMap(disk, path, end),
        randomBytes: (count) => randomBytes(count),
        whenIdle: (task) => void idle.push(task),
        nowMs: () => Date.now(),
        durable: true,
      },
      directory,
      choices,
    );
    const { retained } = keeper.status();
    expect(retained.lanes.get(lane)).toEqual({ first: 0n, next: ANCHOR });
    expect(retained.road).toEqual({ first: 0n, next: ANCHOR });
    const before = disk.bytesRead;
    const bytes = await keeper.readRetainedBlock(lane, 3n);
    expect(bytes && hex(bytes)).toBe(hex(chain.block(lane, 3n).bytes));
    // The block alone, and a few bytes of its record.
    expect(disk.bytesRead - before).toBeLessThan(chain.block(lane, 3n).bytes.length + 200);
    for (const task of idle) task();
    await keeper.close();
  });

  test("all of it at once, and files that are not LevelDB's beside it", async () => {
    await lived();
    for (const name of fs.readdirSync(index)) {
      fs.writeFileSync(join(index, name), Buffer.alloc(100, 0xff));
    }
    fs.writeFileSync(join(index, "000999.ldb"), Buffer.alloc(100, 0xff));
    fs.mkdirSync(join(index, "lost"));
    expect(await openedWhole()).toEqual([]);
  });

  test("no index/, a file in its place, a folder in it, made while the store is open", async () => {
    await lived();
    const harms = [
      () => fs.rmSync(index, { recursive: true }),
      () => {
        fs.rmSync(index, { recursive: true });
        fs.writeFileSync(index, "a file");
      },
      () => fs.mkdirSync(join(index, "lost")),
    ];
    for (const harm of harms) {
      const keeper = await Lanekeeper.open(directory, choices);
      harm();
      await keeper.close();
      expect(await openedWhole()).toEqual([]);
    }
  });

  test("no index/, an empty one, a file in its place, a link that leads nowhere or elsewhere", async () => {
    await lived();
    const replace = async (make: () => void): Promise<void> => {
      fs.rmSync(index, { recursive: true, force: true });
      make();
      expect(await openedWhole()).toEqual([]);
    };
    await replace(() => {});
    await replace(() => fs.mkdirSync(index));
    await replace(() => fs.writeFileSync(index, "a file"));
    await replace(() => fs.symlinkSync(join(folder, "nowhere"), index));
    const elsewhere = join(folder, "elsewhere");
    fs.mkdirSync(elsewhere);
    fs.writeFileSync(join(elsewhere, "letter"), "not ours");
    await replace(() => fs.symlinkSync(elsewhere, index));
    expect(fs.readFileSync(join(elsewhere, "letter"), "utf8")).toBe("not ours");
  });

  test.skipIf(process.getuid?.() === 0)(
    "an index/ that cannot be written: the map is in memory, and says so (not as root, who may)",
    async () => {
      await lived();
      for (const mode of [0o555, 0o000]) {
        fs.chmodSync(index, mode);
        const warnings = await openedWhole();
        expect(warnings.join("\n")).toMatch(/the map is in memory only: .*(EACCES|ermission)/);
        fs.chmodSync(index, 0o755);
      }
    },
  );

  test("another owner of index/ holds it open: what it loses is not ours", async () => {
    await lived();
    const other = await openLogMap(new RealDisk(), index, NEVER);
    expect(other.warning).toBeUndefined();
    const warnings = await openedWhole();
    // Two databases of one process cannot have the same folder: ours is in memory then.
    expect(warnings.join("\n")).toMatch(/^$|the map is in memory only/);
    await other.close(undefined);
    expect(await openedWhole()).toEqual([]);
  });

  test("where no folder can be made the map is in memory, and says so", async () => {
    const file = join(folder, "a file");
    fs.writeFileSync(file, "");
    const map = await openLogMap(new RealDisk(), join(file, "index"), NEVER);
    expect(map.warning).toMatch(/the map is in memory only: .+/);
    const pointer = { slot: 1, offset: 2, length: 3, crc: 4 };
    await map.write({ entries: [{ name: "log", number: 5n, pointer }] });
    expect(await map.find("log", 5n)).toEqual(pointer);
    await map.close(undefined);
  });

  /** LevelDB itself opens and closes what is in index/, which makes tables of its log. */
  async function reopenedByLevel(): Promise<void> {
    const { Level } = await import("level");
    const database = new Level(index);
    await database.open();
    await database.close();
  }
});

describe.each([
  ["LevelDB's", (path: string) => openLogMap(new RealDisk(), path, NEVER)],
  ["one in memory", () => Promise.resolve(memoryLogMap(undefined))],
] as const)("a map (%s)", (_, open) => {
  const pointer = (at: number): Pointer => ({ slot: at, offset: at * 1000, length: at, crc: at });

  test("finds what it was given, by log and number, until it is forgotten or replaced", async () => {
    const map = await open(join(folder, "map"));
    expect(map.warning).toBeUndefined();
    const numbers = [0n, 1n, 255n, 256n, 2n ** 32n, 2n ** 64n - 1n];
    const entries = ["a", "b"].flatMap((name, log) =>
      numbers.map((number, at) => ({ name, number, pointer: pointer(log * 10 + at) })),
    );
    await map.write({ entries });
    for (const each of entries)
      expect(await map.find(each.name, each.number)).toEqual(each.pointer);
    expect(await map.find("a", 2n)).toBeUndefined();
    expect(await map.find("c", 0n)).toBeUndefined();
    await map.write({
      entries: [{ name: "a", number: 1n, pointer: pointer(77) }],
      forgotten: [{ name: "a", from: 255n, next: 257n }],
    });
    expect(await map.find("a", 1n)).toEqual(pointer(77));
    expect(await map.find("a", 255n)).toBeUndefined();
    expect(await map.find("a", 256n)).toBeUndefined();
    expect(await map.find("b", 256n)).toEqual(pointer(13));
    await map.write({});
    await map.close(undefined);
  });

  test("places of the largest numbers come back as they were", async () => {
    const map = await open(join(folder, "map"));
    const largest = { slot: 0xffff_ffff, offset: 2 ** 48, length: 0xffff_ffff, crc: 0xffff_ffff };
    await map.write({ entries: [{ name: "a", number: 0n, pointer: largest }] });
    expect(await map.find("a", 0n)).toEqual(largest);
    await map.close(undefined);
  });
});

/** A lie about one pointer: what a map answers instead, or throws. */
type Lie = (truth: Pointer | undefined, others: readonly Pointer[]) => Pointer | undefined;

const lies: Readonly<Record<string, Lie>> = {
  "it has lost it": () => undefined,
  "it throws": () => {
    throw new Error("a table is damaged");
  },
  "another record": (truth, others) => others.find((each) => each.offset !== truth?.offset),
  "another length": (truth) => truth && { ...truth, length: truth.length - 1 },
  "another checksum": (truth) => truth && { ...truth, crc: truth.crc ^ 1 },
  "an offset beside it": (truth) => truth && { ...truth, offset: truth.offset + 1 },
  "an offset in a head": (truth) => truth && { ...truth, offset: 60 },
  "an offset before the slot": (truth) => truth && { ...truth, offset: 0 },
  "an offset behind the slot": (truth) => truth && { ...truth, offset: 2 ** 40 },
  "a length that no memory has": (truth) => truth && { ...truth, length: 0xffff_ffff },
  "a slot that is not there": (truth) => truth && { ...truth, slot: 4000 },
  "the slot beside": (truth) => truth && { ...truth, slot: truth.slot + 1 },
};

describe("a map that lies", () => {
  const payload = (name: string, number: bigint): string => `${name} ${number} `.repeat(400);

  async function push(opened: OpenJournal, name: string, number: bigint): Promise<void> {
    await opened.log(name).append({ number, payload: Buffer.from(payload(name, number)) });
  }

  /** A map whose first `lies` answers are as `lie` says. */
  class Liar implements LogMap {
    readonly warning = undefined;
    closed = 0;
    readonly #lie: Lie;
    #lies: number;
    readonly #honest = memoryLogMap(undefined);
    readonly #all: Pointer[] = [];

    constructor(lie: Lie, count: number) {
      this.#lie = lie;
      this.#lies = count;
    }

    async write(change: MapChange): Promise<void> {
      this.#all.push(...(change.entries ?? []).map(({ pointer }) => pointer));
      await this.#honest.write(change);
    }

    mapped(): ReturnType<LogMap["mapped"]> {
      return Promise.resolve([]);
    }

    range(...asked: Parameters<LogMap["range"]>): ReturnType<LogMap["range"]> {
      return this.#honest.range(...asked);
    }

    async find(name: string, number: bigint): Promise<Pointer | undefined> {
      const truth = await this.#honest.find(name, number);
      this.#lies -= 1;
      return this.#lies >= 0 ? this.#lie(truth, this.#all) : truth;
    }

    close(): Promise<void> {
      this.closed += 1;
      return Promise.resolve();
    }
  }

  /** Two logs of 30 records each, in turn, of which the last one is live. */
  async function lived2(map: LogMap): Promise<{ opened: OpenJournal; disk: SimulatedDisk }> {
    const disk = await bornJournal();
    const opened = await openJournal(disk, { retainBytes: GIB, map });
    for (let number = 0n; number < 30n; number++) {
      for (const name of ["one", "two"]) await push(opened, name, number);
    }
    for (const name of ["one", "two"]) await opened.log(name).truncateBefore(29n);
    await turns();
    return { opened, disk };
  }

  async function expectAll({ logs, log }: OpenJournal): Promise<void> {
    for (const name of ["one", "two"]) {
      const found = await Promise.all(
        Array.from({ length: 29 }, (__, number) => logs.readRetained(name, BigInt(number))),
      );
      const texts = found.map((bytes) => bytes && Buffer.from(bytes).toString());
      expect(texts).toEqual(found.map((__, number) => payload(name, BigInt(number))));
      expect(Buffer.from(await log(name).readBytes(29n)).toString()).toBe(payload(name, 29n));
    }
  }

  const always = Number.POSITIVE_INFINITY;
  const lieOf = (what: string): Lie => lies[what] ?? ((truth) => truth);

  test.each(Object.keys(lies))("once (%s): it is made anew, and right", async (what) => {
    const map = new Liar(lieOf(what), 1);
    const { opened } = await lived2(map);
    const bytes = await opened.logs.readRetained("one", 3n);
    expect(Buffer.from(bytes ?? []).toString()).toBe(payload("one", 3n));
    await expectAll(opened);
    expect(opened.logs.mapWarnings).toEqual([
      expect.stringMatching(/the map is made anew, it is wrong about one 3/),
    ]);
    expect(opened.logs.mapCounters).toEqual({ mapRebuilds: 1, mapWarnings: 1 });
    await opened.journal.close();
    expect(map.closed).toBe(1);
  });

  test.each(Object.keys(lies))("always (%s): it is left for one in memory", async (what) => {
    const map = new Liar(lieOf(what), always);
    const { opened } = await lived2(map);
    await expectAll(opened);
    expect(opened.logs.mapWarnings.join("\n")).toMatch(/in memory from here on/);
    for (let number = 30n; number < 50n; number++) {
      for (const name of ["one", "two"]) await push(opened, name, number);
    }
    await expectAll(opened);
    expect(opened.journal.poison).toBeUndefined();
    await opened.journal.close();
    expect(map.closed).toBe(1);
  });

  test("about a record that has a copy: it is read before all other segments are mended", async () => {
    const { opened } = await lived2(new Liar(lieOf("it has lost it"), always));
    const bytes = await opened.logs.readRetained("one", 0n);
    expect(bytes && Buffer.from(bytes).toString()).toBe(payload("one", 0n));
    await opened.journal.close();
  });

  test("about a retained record, while a live one beside it is read: that one is right", async () => {
    for (const lie of Object.values(lies)) {
      const map = new Liar(lie, always);
      const { opened } = await lived2(map);
      const live = opened.journal.find("one", 29n);
      const inside = live && { ...live, offset: live.offset + 7, length: 5 };
      const beside = new Liar(() => inside, always);
      for (const each of [map, beside]) {
        const reads = [0n, 1n, 2n].map((number) => each.find("one", number).catch(() => undefined));
        const pointers = await Promise.all(reads);
        const [bytes] = await Promise.all([
          opened.log("one").readBytes(29n),
          ...pointers.map((pointer, at) =>
            pointer ? opened.journal.readAt(pointer, "one", BigInt(at)).catch(() => {}) : undefined,
          ),
        ]);
        expect(Buffer.from(bytes).toString()).toBe(payload("one", 29n));
      }
    }
  });

  test("a slot that was recycled since: the right record, or that it is gone", async () => {
    const stale = new Map<string, Pointer>();
    const honest = memoryLogMap(undefined);
    // Answers with the first place that it was ever told.
    const map: LogMap = {
      ...honest,
      write: ({ entries = [] }) => {
        for (const { name, number, pointer } of entries) {
          const key = `${name} ${number}`;
          if (!stale.has(key)) stale.set(key, pointer);
        }
        return Promise.resolve();
      },
      find: (name, number) => Promise.resolve(stale.get(`${name} ${number}`)),
    };
    const disk = await bornJournal();
    const opened = await openJournal(disk, { retainBytes: 2 * TEXT_SEGMENT_BYTES, map });
    for (let number = 0n; number < 80n; number++) {
      await push(opened, "one", number);
      await opened.log("one").truncateBefore(number);
      if (number % 30n === 29n) {
        // The same numbers once more, in a log that is another, in slots used before.
        await opened.drop("one");
        for (let again = 0n; again <= number; again++) {
          await opened.log("one").append({ number: again, payload: Buffer.from(`anew ${again}`) });
        }
        await opened.log("one").truncateBefore(number);
        const bytes = await opened.logs.readRetained("one", number - 1n);
        expect(Buffer.from(bytes ?? []).toString()).toBe(`anew ${number - 1n}`);
      }
    }
  });

  test("a map whose writes fail (a full disk) is left for one in memory, closed, and nothing is lost", async () => {
    let writes = 0;
    let closed = 0;
    const honest = memoryLogMap(undefined);
    const map: LogMap = {
      ...honest,
      write: async (change) => {
        writes += 1;
        if (writes > 2) throw new Error("No space left on device");
        await honest.write(change);
      },
      close: () => {
        closed += 1;
        return Promise.resolve();
      },
    };
    const { opened, disk } = await lived2(map);
    expect(writes).toBe(3);
    expect(closed).toBe(1);
    expect(opened.logs.mapWarnings).toEqual([expect.stringMatching(/in memory .*No space left/)]);
    await expectAll(opened);
    await opened.journal.close();
    expect(closed).toBe(1);
    const again = await openJournal(disk, { retainBytes: GIB });
    for (const name of ["one", "two"]) again.log(name);
    await expectAll(again);
  });

  test("a map that cannot be closed does not keep the store from closing", async () => {
    const map: LogMap = {
      ...memoryLogMap(undefined),
      close: () => Promise.reject(new Error("it will not close")),
    };
    const disk = await bornJournal();
    const opened = await openJournal(disk, { retainBytes: GIB, map });
    await push(opened, "one", 0n);
    await Promise.allSettled([opened.journal.close()]);
    // The lock is free: the next opening is not refused.
    const again = await openJournal(disk, { retainBytes: GIB });
    expect(again.log("one").next).toBe(1n);
  });
});

test("a refused record of a lane is not the map's fault: what was never retained is not there", async () => {
  await lived();
  const keeper = await Lanekeeper.open(directory, choices);
  expect(await keeper.readRetainedBlock(lane, ROUNDS + 5n)).toBeUndefined();
  expect(await keeper.readRetainedBlock(laneAt(chain, 1), 0n)).toBeUndefined();
  await refusal(keeper.readBlock(lane, 0n), "OUT_OF_SEQUENCE");
  expect(keeper.status().mapWarnings).toEqual([]);
  await keeper.close();
  expect(await Promise.allSettled([keeper.readRetainedBlock(lane, 0n)])).toMatchObject([
    { status: "rejected", reason: { code: "CLOSED" } },
  ]);
});
