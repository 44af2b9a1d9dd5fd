import { getEventListeners } from "node:events";
import { describe, expect, test, vi } from "vitest";
import type { WaitOptions } from "../../src/async/signal.js";
import { SimulatedDisk } from "../../src/testing/simulated-disk.js";
import { Journal } from "../../src/records/journal.js";
import type { RecordRange } from "../../src/records/replay.js";
import {
  appendTexts,
  born,
  fresh,
  NOTE,
  opened,
  put,
  PUT,
  refusal,
  reopened,
  replayed,
  settle,
  SEGMENT_BYTES,
  textOf,
  texts,
} from "./kit.js";

describe("appending", () => {
  test("an empty journal: the next LSN is 1, nothing is durable, nothing is held", async () => {
    const { disk, journal } = await fresh();
    for (const each of [journal, await reopened(journal, disk)]) {
      expect([each.firstLsn, each.nextLsn, each.durableLsn]).toEqual([1n, 1n, 0n]);
      expect(await replayed(each)).toEqual([]);
      expect(each.checkpointLsn).toBeUndefined();
    }
  });

  test("LSNs are contiguous from 1, in the order of calls, also after reopening", async () => {
    const { disk, journal } = await fresh();
    const appends = [put("text 1"), put("text 2"), put("text 3")].map((each) =>
      journal.append(each),
    );
    expect(journal.nextLsn).toBe(4n);
    expect(await Promise.all(appends)).toEqual([1n, 2n, 3n]);
    const again = await reopened(journal, disk);
    expect([again.firstLsn, again.nextLsn, again.durableLsn]).toEqual([1n, 4n, 3n]);
    expect(await again.append(put("text 4"))).toBe(4n);
    expect(await replayed(again)).toEqual(texts(1, 5));
  });

  test("type, labels, origin and payload come back as they were given", async () => {
    const { disk, journal } = await fresh();
    const labels = { tenant: 0xffff_ffff, shard: 0xffff, origin: 9n };
    await journal.append({ type: NOTE, payload: Buffer.from("note"), ...labels });
    await journal.append({ type: PUT, payload: new Uint8Array(0) });
    const again = await reopened(journal, disk);
    const { payload, ...note } = await again.read(1n);
    expect(note).toEqual({ lsn: 1n, type: NOTE, ...labels });
    expect(textOf({ payload })).toBe("note");
    const none = { lsn: 2n, type: PUT, tenant: 0, shard: 0 };
    expect(await again.read(2n)).toEqual({ ...none, payload: new Uint8Array(0) });
    expect([...again.headers()]).toEqual([
      { lsn: 1n, type: NOTE, ...labels, byteLength: 4 },
      { ...none, byteLength: 0 },
    ]);
  });

  test("a payload is lent until its append settles; from then on the caller may change it", async () => {
    const { disk, journal } = await fresh();
    // Small payloads are copied beside their header when their group begins, large ones never.
    for (const size of [10, 9000]) {
      const payload = Buffer.alloc(size, "as given ");
      const text = payload.toString();
      const lsn = await journal.append({ type: PUT, payload });
      payload.fill(0);
      expect(textOf(await journal.read(lsn))).toBe(text);
      expect(textOf(await (await opened(disk.kill())).read(lsn))).toBe(text);
    }
  });

  test("bytes in memory that another thread may write, or that may shrink, are copied at the call", async () => {
    const { journal } = await fresh();
    const shared = new Uint8Array(new SharedArrayBuffer(8)).fill(1);
    // Not in the library of types that this project compiles with.
    const resizable = Reflect.construct(ArrayBuffer, [8, { maxByteLength: 16 }]) as ArrayBuffer & {
      readonly resize: (bytes: number) => void;
    };
    const appends = [shared, new Uint8Array(resizable)].map((payload) => {
      const append = journal.append({ type: PUT, payload });
      payload.fill(7);
      return append;
    });
    resizable.resize(2);
    await Promise.all(appends);
    expect((await journal.read(1n)).payload).toEqual(new Uint8Array(8).fill(1));
    expect((await journal.read(2n)).payload).toEqual(new Uint8Array(8));
  });

  test("a promise that resolved is durable: a power cut leaves the record there", async () => {
    const { disk, journal } = await fresh();
    await appendTexts(journal, 1, 4);
    for (const cut of disk.powerCuts(1, 8)) {
      const again = await opened(cut);
      expect(await replayed(again)).toEqual(texts(1, 4));
      await again.close();
    }
  });

  test("appends that nobody awaits one by one are one group", async () => {
    const { disk, journal } = await fresh();
    const before = disk.steps;
    await Promise.all(Array.from({ length: 50 }, (_, n) => journal.append(put(`text ${n + 1}`))));
    expect(disk.steps - before).toBeLessThan(10);
  });

  test.each([
    ["a type that was not named", { type: 0x8007 }],
    ["a type of the journal's own", { type: 0xc000 }],
    ["a tenant out of range", { tenant: 2 ** 32 }],
    ["a negative shard", { shard: -1 }],
    ["an origin that is no LSN", { origin: 0n }],
  ])("%s is refused, and no LSN is used up", async (_, wrong) => {
    const { journal } = await fresh();
    await refusal(journal.append(put("wrong", wrong)), "USAGE");
    expect(await journal.append(put("right"))).toBe(1n);
  });

  test("a payload larger than a segment takes is refused, the largest that it takes is not", async () => {
    const { disk, journal } = await fresh();
    const error = await refusal(
      journal.append({ type: PUT, payload: Buffer.alloc(SEGMENT_BYTES) }),
      "INVALID",
    );
    const bytesMax = Number(/\((\d+)\)/.exec(error.message)?.[1]);
    await refusal(journal.append({ type: PUT, payload: Buffer.alloc(bytesMax + 1) }), "INVALID");
    expect(await journal.append({ type: PUT, payload: Buffer.alloc(bytesMax, 7) })).toBe(1n);
    const again = await reopened(journal, disk);
    expect((await again.read(1n)).payload).toEqual(new Uint8Array(bytesMax).fill(7));
  });
});

describe("a batch", () => {
  test("its LSNs follow each other, whatever else is appended beside it", async () => {
    const { disk, journal } = await fresh();
    const [one, batch, last] = await Promise.all([
      journal.append(put("text 1")),
      journal.appendBatch([put("text 2"), put("text 3"), put("text 4")]),
      journal.append(put("text 5")),
    ]);
    expect([one, batch, last]).toEqual([1n, { first: 2n, next: 5n }, 5n]);
    expect(await replayed(await reopened(journal, disk))).toEqual(texts(1, 6));
  });

  test("one that is wrong anywhere is refused as a whole", async () => {
    const { journal } = await fresh();
    await refusal(journal.appendBatch([]), "USAGE");
    await refusal(journal.appendBatch([put("right"), put("wrong", { shard: -1 })]), "USAGE");
    const large = put("x".repeat(40_000));
    await refusal(journal.appendBatch([large, large]), "INVALID");
    const many = Array.from({ length: 513 }, () => put(""));
    await refusal(journal.appendBatch(many), "INVALID");
    expect(journal.nextLsn).toBe(1n);
    expect((await journal.appendBatch([large, put("x".repeat(4700))])).next).toBe(3n);
  });

  test("as many as a batch takes, and as few", async () => {
    const journal = await Journal.openMemory({ types: [PUT] });
    const many = Array.from({ length: 512 }, () => put(""));
    const appends = [many, [put("")], many].map((batch) => journal.appendBatch(batch));
    expect((await Promise.all(appends)).map(({ next }) => next)).toEqual([513n, 514n, 1026n]);
    expect(await replayed(journal)).toHaveLength(1025);
  });
});

describe("backpressure", () => {
  test("beyond the bytes that may be on their way append waits, in order, and can be aborted", async () => {
    const { disk, journal } = await fresh({ queueBytes: 100 });
    disk.hold();
    const appends = [1, 2, 3].map((n) => journal.append(put(`${n}`.repeat(60))));
    await settle();
    expect(journal.nextLsn).toBe(2n);
    const abort = new AbortController();
    const aborted = refusal(journal.append(put("never"), { signal: abort.signal }), "ABORTED");
    abort.abort();
    await aborted;
    await refusal(journal.append(put("never"), { signal: abort.signal }), "ABORTED");
    disk.release();
    expect(await Promise.all(appends)).toEqual([1n, 2n, 3n]);
    expect(await replayed(journal)).toEqual([1, 2, 3].map((n) => `${n} ${`${n}`.repeat(60)}`));
  });

  test("one signal serves any number of appends that wait, with one listener", async () => {
    const { journal } = await fresh({ queueBytes: 4096 });
    const stop = new AbortController();
    const { signal } = stop;
    const appends = Array.from({ length: 100 }, () =>
      journal.append(put("x".repeat(1000)), { signal }),
    );
    expect(getEventListeners(signal, "abort")).toHaveLength(1);
    const ended = Promise.allSettled(appends);
    stop.abort();
    const refused = (await ended).filter(({ status }) => status === "rejected");
    expect(refused.length).toBe(100 - Number(journal.durableLsn));
    for (const each of refused) {
      expect(each).toMatchObject({ reason: { code: "ABORTED", name: "AbortError" } });
    }
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
    // The order of LSNs has no hole, and the queue has room again.
    expect(await journal.append(put("last"))).toBe(journal.durableLsn);
  });

  test("an abort of many appends takes time with their number", async () => {
    const cpuMsOf = async (count: number): Promise<number> => {
      const { journal } = await fresh({ queueBytes: 4096 });
      const stop = new AbortController();
      const waiting = Array.from({ length: count }, () =>
        journal.append(put("x".repeat(1000)), { signal: stop.signal }),
      );
      const ended = Promise.allSettled(waiting);
      const before = process.cpuUsage();
      stop.abort();
      const { user, system } = process.cpuUsage(before);
      await ended;
      return (user + system) / 1000;
    };
    /** Of three: a collection may fall into one of them. */
    const leastCpuMsOf = async (count: number): Promise<number> =>
      Math.min(await cpuMsOf(count), await cpuMsOf(count), await cpuMsOf(count));
    await cpuMsOf(1000);
    // Four times as many; a look at every other waiter would make it sixteen times the work.
    const few = await leastCpuMsOf(2000);
    expect((await leastCpuMsOf(8000)) / few).toBeLessThan(12);
  });

  test("sync waits for every append that was called before, also for those that wait", async () => {
    const { disk, journal } = await fresh({ queueBytes: 100 });
    disk.hold();
    const appends = [1, 2, 3].map((n) => journal.append(put(`${n}`.repeat(60))));
    let synced = false;
    const sync = journal.sync().then(() => {
      synced = true;
    });
    await settle();
    expect(synced).toBe(false);
    const stop = new AbortController();
    const aborted = refusal(journal.sync({ signal: stop.signal }), "ABORTED");
    stop.abort();
    await aborted;
    disk.release();
    await sync;
    expect(journal.durableLsn).toBe(3n);
    await Promise.all(appends);
    await journal.sync();
  });
});

describe("replay", () => {
  test("from an LSN, from the first, from the end; what is below or above is refused", async () => {
    const { journal } = await fresh();
    await appendTexts(journal, 1, 6);
    expect(await replayed(journal)).toEqual(texts(1, 6));
    expect(await replayed(journal, { from: 4n })).toEqual(texts(4, 6));
    expect(await replayed(journal, { from: 6n })).toEqual([]);
    await refusal(replayed(journal, { from: 7n }), "OUT_OF_SEQUENCE");
    await refusal(replayed(journal, { from: 0n }), "OUT_OF_SEQUENCE");
  });

  test("ends with what was durable when it began", async () => {
    const { journal } = await fresh();
    await appendTexts(journal, 1, 4);
    const found: bigint[] = [];
    for await (const { lsn } of journal.replay()) {
      found.push(lsn);
      await journal.append(put("more"));
    }
    expect(found).toEqual([1n, 2n, 3n]);
    expect(journal.durableLsn).toBe(6n);
  });

  test("a long one, of small and large records over many segments, is in order and complete", async () => {
    const { disk, journal } = await fresh();
    const sizeOf = (number: number): number => (number % 7 === 0 ? 9000 : number % 50);
    const textAt = (number: number): string => `${number} `.padEnd(sizeOf(number), "x");
    for (let number = 1; number <= 700; number++) await journal.append(put(textAt(number)));
    const again = await reopened(journal, disk);
    const expected = Array.from({ length: 700 }, (_, index) => `${index + 1} ${textAt(index + 1)}`);
    expect(await replayed(again)).toEqual(expected);
    expect((await again.segments()).length).toBeGreaterThan(5);
  });

  test("a selection by labels reads only what it selects", async () => {
    const { journal } = await fresh();
    for (const tenant of [1, 2, 1, 3, 1]) await journal.append(put(`of ${tenant}`, { tenant }));
    const select = ({ tenant }: { readonly tenant: number }): boolean => tenant === 1;
    expect(await replayed(journal, { select })).toEqual(["1 of 1", "3 of 1", "5 of 1"]);
    expect([...journal.headers({ select, from: 2n })].map(({ lsn }) => lsn)).toEqual([3n, 5n]);
  });

  test("a signal ends it; leaving it early leaves nothing behind", async () => {
    const { journal } = await fresh();
    await appendTexts(journal, 1, 600);
    const abort = new AbortController();
    const aborted = async (): Promise<void> => {
      for await (const { lsn } of journal.replay({ signal: abort.signal })) {
        if (lsn === 2n) abort.abort();
        expect(lsn).toBeLessThan(3n);
      }
    };
    await refusal(aborted(), "ABORTED");
    for await (const { lsn } of journal.replay()) if (lsn === 2n) break;
    await journal.close();
  });

  test("a closed journal is not read any more", async () => {
    const { journal } = await fresh();
    await appendTexts(journal, 1, 3);
    await journal.close();
    await refusal(journal.append(put("late")), "CLOSED");
    await refusal(replayed(journal), "CLOSED");
  });
});

describe("the bytes of a record", () => {
  test("are a plain Uint8Array of their own, from memory and from disk, read or replayed", async () => {
    const onDisk = (await fresh()).journal;
    const inMemory = await Journal.openMemory({ types: [PUT], segmentBytes: SEGMENT_BYTES });
    for (const journal of [onDisk, inMemory]) {
      await appendTexts(journal, 1, 4);
      const found = [await journal.read(1n), ...(await journal.page({ limit: 2 })).records];
      for await (const record of journal.replay()) found.push(record);
      for (const { lsn, payload } of found) {
        expect(Object.getPrototypeOf(payload)).toBe(Uint8Array.prototype);
        expect(payload.buffer.byteLength).toBe(payload.length);
        payload.fill(0);
        expect(textOf(await journal.read(lsn))).toBe(`text ${lsn}`);
      }
      await journal.close();
    }
  });
});

describe("a search for records that are rare", () => {
  const none = { select: () => false };

  async function filled(): Promise<Journal> {
    const journal = await Journal.openMemory({ types: [PUT] });
    const batch = Array.from({ length: 500 }, () => put(""));
    for (let count = 0; count < 20; count++) await journal.appendBatch(batch);
    return journal;
  }

  /** How many turns of the event loop went by until `work` ended. */
  async function turnsDuring(work: Promise<unknown>): Promise<number> {
    let turns = 0;
    let isOver = false;
    const ended = work.finally(() => {
      isOver = true;
    });
    const count = async (): Promise<void> => {
      while (!isOver) {
        await new Promise((resolve) => setImmediate(resolve));
        turns += 1;
      }
    };
    await Promise.all([ended, count()]);
    return turns;
  }

  test("gives way to the event loop, in a replay and in a page", async () => {
    const journal = await filled();
    expect(await turnsDuring(replayed(journal, none))).toBeGreaterThan(8);
    expect(await turnsDuring(journal.page({ ...none, limit: 1 }))).toBeGreaterThan(8);
  });

  test("looks at its signal meanwhile", async () => {
    const journal = await filled();
    const searches = [
      async (range: RecordRange & WaitOptions) => await replayed(journal, range),
      async (range: RecordRange & WaitOptions) => await journal.page({ ...range, limit: 1 }),
    ];
    for (const search of searches) {
      const stop = new AbortController();
      let asked = 0;
      const select = (): boolean => {
        asked += 1;
        if (asked === 1000) stop.abort();
        return false;
      };
      const error = await refusal(search({ select, signal: stop.signal }), "ABORTED");
      expect(error.name).toBe("AbortError");
      expect(asked).toBeLessThan(3000);
    }
  });
});

describe("paging", () => {
  test("hasMore is exact: true only where a record follows", async () => {
    const { journal } = await fresh();
    await appendTexts(journal, 1, 6);
    const page = async (from: bigint, limit: number) => {
      const { records, next, hasMore } = await journal.page({ from, limit });
      return [records.map(({ lsn }) => Number(lsn)), Number(next), hasMore];
    };
    expect(await page(1n, 2)).toEqual([[1, 2], 3, true]);
    expect(await page(1n, 4)).toEqual([[1, 2, 3, 4], 5, true]);
    expect(await page(1n, 5)).toEqual([[1, 2, 3, 4, 5], 6, false]);
    expect(await page(4n, 9)).toEqual([[4, 5], 6, false]);
    expect(await page(6n, 1)).toEqual([[], 6, false]);
    await refusal(journal.page({ limit: 0 }), "USAGE");
  });

  test("what follows must be one that the page would hold", async () => {
    const { journal } = await fresh();
    await journal.append(put("1", { shard: 1 }));
    await journal.append(put("2", { shard: 2 }));
    await journal.checkpoint(1n);
    const select = ({ shard }: { readonly shard: number }): boolean => shard === 1;
    expect(await journal.page({ limit: 1, select })).toMatchObject({ hasMore: false, next: 4n });
    expect(await journal.page({ limit: 2 })).toMatchObject({ hasMore: false, next: 4n });
    await journal.append(put("4", { shard: 1 }));
    expect(await journal.page({ limit: 1, select })).toMatchObject({ hasMore: true, next: 4n });
  });

  test("pages of any size make up the replay", async () => {
    const { journal } = await fresh();
    await appendTexts(journal, 1, 24);
    for (const limit of [1, 2, 3, 7, 23, 24]) {
      const found: string[] = [];
      for (let from = 1n, hasMore = true; hasMore; ) {
        const page = await journal.page({ from, limit });
        found.push(...page.records.map((record) => `${record.lsn} ${textOf(record)}`));
        ({ next: from, hasMore } = page);
      }
      expect(found).toEqual(texts(1, 24));
    }
  });
});

test("timers that a test has replaced do not stop a journal", async () => {
  vi.useFakeTimers({ toFake: ["setImmediate", "setTimeout", "setInterval", "queueMicrotask"] });
  try {
    const journal = await Journal.openMemory({ types: [PUT] });
    expect(await journal.append(put("one"))).toBe(1n);
    expect(textOf(await journal.read(1n))).toBe("one");
    await journal.forgetBefore(2n);
    expect(await journal.page({ limit: 1 })).toMatchObject({ hasMore: false });
    await journal.close();
  } finally {
    vi.useRealTimers();
  }
});

describe("one owner, one life", () => {
  test("a second open is refused while the first is there", async () => {
    const { disk, journal } = await fresh();
    await refusal(opened(disk), "STORE_LOCKED");
    await reopened(journal, disk);
  });

  test("init wants an empty directory; open wants a journal", async () => {
    const disk = await born();
    await refusal(born(disk), "STORE_EXISTS");
    await refusal(opened(new SimulatedDisk()), "NOT_A_STORE");
  });

  test("it closes at the end of its block, once", async () => {
    const disk = await born();
    {
      await using journal = await opened(disk);
      await appendTexts(journal, 1, 3);
      await journal.close();
    }
    expect(await replayed(await opened(disk))).toEqual(texts(1, 3));
  });

  test("the first failed write is final: every later call gets it, reopening finds what was durable", async () => {
    const { disk, journal } = await fresh();
    await appendTexts(journal, 1, 3);
    disk.fail({ operation: "write", path: ".seg" });
    const failed = [journal.append(put("lost")), journal.append(put("lost too"))];
    await Promise.all(failed.map((each) => refusal(each, "POISONED")));
    await refusal(journal.append(put("later")), "POISONED");
    await refusal(journal.sync(), "POISONED");
    expect(journal.poison?.code).toBe("POISONED");
    await refusal(journal.close(), "POISONED");
    disk.heal();
    expect((await replayed(await opened(disk))).slice(0, 2)).toEqual(texts(1, 3));
  });

  test("a full disk refuses appends and harms nothing; their LSNs are given again", async () => {
    const { disk, journal } = await fresh();
    disk.capacityBytes = disk.usedBytes;
    let durable = 0;
    const refusals: string[] = [];
    while (refusals.length === 0) {
      const appends = Array.from({ length: 8 }, () => journal.append(put("x".repeat(4000))));
      for (const outcome of await Promise.allSettled(appends)) {
        if (outcome.status === "fulfilled") durable += 1;
        else refusals.push((outcome.reason as { readonly code: string }).code);
      }
    }
    expect(new Set(refusals)).toEqual(new Set(["DISK_FULL"]));
    expect(journal.nextLsn).toBe(BigInt(durable) + 1n);
    disk.capacityBytes = Number.POSITIVE_INFINITY;
    expect(await journal.append(put("again"))).toBe(BigInt(durable) + 1n);
    await journal.sync();
    expect(await replayed(await reopened(journal, disk))).toHaveLength(durable + 1);
  });

  test("close rejects with the names of records that were queued and could not be written", async () => {
    const { disk, journal } = await fresh();
    await appendTexts(journal, 1, 3);
    disk.capacityBytes = disk.usedBytes;
    const appends = Array.from({ length: 40 }, () => journal.append(put("x".repeat(4000))));
    const outcomes = Promise.allSettled(appends);
    const error = await refusal(journal.close(), "DISK_FULL");
    const durable = (await outcomes).filter(({ status }) => status === "fulfilled").length;
    expect(error.message).toContain(`records [${3 + durable}, 43) could not be written`);
    // The lock went all the same, and closing again tells the same.
    await refusal(journal.close(), "DISK_FULL");
    expect((await opened(disk)).durableLsn).toBe(BigInt(2 + durable));
  });

  test("without a disk it behaves the same, and says what it is", async () => {
    const journal = await Journal.openMemory({ types: [PUT] });
    expect(journal.durable).toBe(false);
    await appendTexts(journal, 1, 4);
    expect(await replayed(journal)).toEqual(texts(1, 4));
    await journal.close();
  });
});

test("a wrong option is named", async () => {
  const disk = await born();
  for (const wrong of [{ types: [0xc000] }, { segmentBytes: 1 }, { queueBytes: 0 }]) {
    const error = await refusal(opened(disk, wrong), "USAGE");
    expect(error.message).toContain(Object.keys(wrong)[0]);
  }
});
