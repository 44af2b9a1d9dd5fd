/**
 * Heads grow with what they list, and what a journal promises stays: the largest record that is taken is
 * the same in every segment that it may ever begin. Work that would make a head longer is refused instead,
 * where pruning and dropping make room again.
 */
import { describe, expect, test } from "vitest";
import type { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import { PersisterError } from "../../../src/types/errors.js";
import { refusal, turns } from "../../node/kit.js";
import {
  all,
  bornJournal,
  newestSegment,
  openJournal,
  type OpenJournal,
  SEGMENT_BYTES,
} from "../kit.js";

/** Nearly all that a segment of the smallest size takes. */
const LARGE = 11_000;
/** The heads of a store with the smallest segments may not list this many of these names. */
const MANY = 57;

function longName(at: number): string {
  return `${"n".repeat(200)} ${at}`;
}

/** Appends a record of `bytes`; "taken", or the code of its refusal. */
async function append({ log }: OpenJournal, name: string, bytes: number): Promise<string> {
  const each = log(name);
  try {
    await each.append({ number: each.appendNext, payload: Buffer.alloc(bytes, name) });
    return "taken";
  } catch (cause) {
    if (!(cause instanceof PersisterError)) throw cause;
    return cause.code;
  }
}

/** Opens logs with long names until heads list no more; how many there are. */
async function manyLogs(opened: OpenJournal): Promise<number> {
  const codes = await Promise.all(
    Array.from({ length: MANY }, (_, at) => append(opened, longName(at), 5)),
  );
  const taken = codes.filter((code) => code === "taken").length;
  const refused = codes.filter((code) => code === "TOO_MANY_LANES").length;
  expect([taken + refused, codes.indexOf("TOO_MANY_LANES")]).toEqual([MANY, taken]);
  return taken;
}

describe("what is let in is never refused for its size", () => {
  test("by a rotation that comes early, to keep a group in one segment", async () => {
    const opened = await openJournal(await bornJournal());
    await append(opened, "log", 5);
    await manyLogs(opened);
    for (let round = 0; round < 40; round++) {
      const two = [append(opened, "log", 300), append(opened, "log", 300)];
      expect([round, ...(await Promise.all(two))]).toEqual([round, "taken", "taken"]);
    }
    expect(opened.journal.counters.rotations).toBeGreaterThan(1);
  });

  test.each([96, 104, 110, 118, 126])(
    "by a rotation from a large segment, with %d KiB in it, into a small one",
    async (kib) => {
      const disk = await bornJournal();
      const opened = await openJournal(disk);
      const { journal, log } = opened;
      // Much that is live makes large segments; once it is forgotten, small ones follow.
      const currentBytes = (): number => disk.readNow(newestSegment(disk).path).length;
      while (currentBytes() < 4 * SEGMENT_BYTES) await append(opened, "log", LARGE);
      await log("log").truncateAll();
      await turns(12);
      expect(journal.space.segmentBytes).toBeGreaterThanOrEqual(4 * SEGMENT_BYTES);
      const largest = journal.payloadBytesMax;
      await manyLogs(opened);
      await append(opened, "log", kib * 1024);
      const two = [append(opened, "log", largest), append(opened, "log", largest)];
      expect(await Promise.all(two)).toEqual(["taken", "taken"]);
    },
  );
});

test("the largest record is the same however many logs there are, and is taken", async () => {
  const disk = await bornJournal();
  const opened = await openJournal(disk);
  const { journal } = opened;
  const largest = journal.payloadBytesMax;
  for (let at = 0; at < MANY; at++) {
    expect([at, await append(opened, "log", largest)]).toEqual([at, "taken"]);
    await opened.log("log").truncateAll();
    await append(opened, longName(at), 5);
    expect(journal.payloadBytesMax).toBe(largest);
  }
  const again = await openJournal(disk.kill());
  expect(again.journal.payloadBytesMax).toBe(largest);
  expect(await append(again, "log", largest)).toBe("taken");
});

describe("a store whose heads list no more segments", () => {
  /** Many logs with a record each, and one that has grown until it was refused. */
  async function crowded(disk: SimulatedDisk): Promise<OpenJournal> {
    const opened = await openJournal(disk);
    await append(opened, "log", 5);
    await manyLogs(opened);
    let code = "taken";
    while (code === "taken") code = await append(opened, "log", LARGE);
    expect([code, await append(opened, "log", LARGE)]).toEqual([
      "TOO_MANY_LANES",
      "TOO_MANY_LANES",
    ]);
    expect(opened.journal.readable.length).toBeGreaterThan(20);
    return opened;
  }

  test("takes no appends until it is pruned, and then it does", async () => {
    const { journal, log } = await crowded(await bornJournal());
    const { next } = log("log");
    await log("log").truncateBefore(next - 2n);
    for (let count = 0n; count < 20n; count++) {
      await log("log").append({ number: next + count, payload: Buffer.alloc(LARGE) });
    }
    expect(journal.poison).toBeUndefined();
  });

  test("takes what the current segment has room for, whatever waits behind it", async () => {
    const opened = await crowded(await bornJournal());
    const two = [append(opened, "log", 500), append(opened, "log", LARGE)];
    expect(await Promise.all(two)).toEqual(["taken", "TOO_MANY_LANES"]);
  });

  test("opens as often as it likes, with a record more each time it is let", async () => {
    const disk = await bornJournal();
    let next = (await crowded(disk)).log("log").next;
    let left = disk.kill();
    for (let opening = 0; opening < 40; opening++) {
      const opened = await openJournal(left);
      expect(opened.log("log").next).toBe(next);
      if ((await append(opened, "log", 5)) === "taken") next += 1n;
      left = left.kill();
    }
    expect(await all((await openJournal(left)).log("log"))).toHaveLength(Number(next));
  });
});

describe("a record that is too large", () => {
  test("is refused when it is submitted, and with it what follows in its log", async () => {
    const opened = await openJournal(await bornJournal());
    const { journal, log } = opened;
    const large = Buffer.alloc(journal.payloadBytesMax + 1);
    const records = [Buffer.alloc(5), large, Buffer.alloc(5)].map((payload, at) => {
      return { number: BigInt(at), payload };
    });
    const other = append(opened, "other", 5);
    const refused = await refusal(log("log").write({ append: { records } }), "INVALID");
    expect(refused).toMatchObject({ lane: "log", blockNumber: 1n });
    expect([await other, log("log").next, log("log").appendNext]).toEqual(["taken", 1n, 1n]);
    expect(await append(opened, "log", 5)).toBe("taken");
    expect(journal.counters.rotations).toBe(0);
  });

  test("is one byte above the largest that is taken", async () => {
    const opened = await openJournal(await bornJournal());
    const most = opened.journal.payloadBytesMax;
    expect(await append(opened, "log", most + 1)).toBe("INVALID");
    expect(await append(opened, "log", most)).toBe("taken");
  });
});
