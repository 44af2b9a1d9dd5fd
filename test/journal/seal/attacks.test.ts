/**
 * Somebody writes to the disk of a sealed store: makes every checksum anew, and puts what was sealed at one place in
 * another one. And stores that go on as two.
 */
import { describe, expect, test } from "vitest";
import { chainStart, isOfLog, recordsStart } from "../../../src/journal/form/records.js";
import { claimedHeadBytes, decodeHead } from "../../../src/journal/form/head.js";
import type { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import {
  all,
  bornJournal,
  forgeHead,
  forgeSegment,
  newestSegment,
  openJournal,
  text,
} from "../kit.js";
import { key, ring } from "./kit.js";
import { walkRecords } from "../walk.js";

const secret = (log: string, number: bigint): string => `the secret of ${log} ${number}`;

/** Each life has one segment. */
const segmentBytes = 256 * 1024;

/** Time stands still: nothing is moved to another key meanwhile. */
async function opened(disk: SimulatedDisk, letters: string) {
  return await openJournal(disk, { segmentBytes, pace: () => undefined, ring: ring(letters) });
}

/** A closed store: `lives` opens with key `a`, each of which appends two records to two logs. */
async function store(lives = 1): Promise<SimulatedDisk> {
  const disk = await bornJournal(segmentBytes);
  for (let life = 0n; life < BigInt(lives); life++) {
    const { journal, log } = await opened(disk, "a");
    for (const name of ["one", "two"]) {
      for (const number of [2n * life, 2n * life + 1n]) {
        await log(name).append({ number, payload: text(secret(name, number)) });
      }
    }
    await journal.close();
  }
  return disk;
}

/** The sealed records of a segment by log and number, with their nonces and bytes. */
function sealedIn(disk: SimulatedDisk, path: string) {
  const bytes = disk.readNow(path);
  const length = claimedHeadBytes(bytes);
  const found = length === undefined ? undefined : decodeHead(bytes.subarray(0, length));
  if (found?.status !== "head" || !found.head.seal) return [];
  const { salt, firstLsn: nextLsn } = found.head;
  const start = { offset: recordsStart(found.bytes.length), chain: chainStart(salt), nextLsn };
  const records: { place: string; nonce: string; payload: Buffer }[] = [];
  walkRecords(bytes, start, (record) => {
    if (!isOfLog(record)) return;
    const nonce = `${Buffer.from(salt).toString("hex")} ${record.lsn}`;
    const payload = Buffer.from(record.payload);
    records.push({ place: `${record.log} ${record.number}`, nonce, payload });
  });
  return records;
}

/** Puts `payload` at the place of a record of the newest segment, and opens the store. */
async function openWith(disk: SimulatedDisk, place: string, payload: Uint8Array | undefined) {
  const { path } = newestSegment(disk);
  expect(payload).toBeDefined();
  let replaced = 0;
  forgeSegment(disk, path, (record) => {
    if (!isOfLog(record) || `${record.log} ${record.number}` !== place) return undefined;
    replaced += 1;
    expect(record.payload.toString() === payload?.toString()).toBe(false);
    return payload;
  });
  expect(replaced).toBe(1);
  return await opened(disk, "a");
}

const isRefused = { code: "JOURNAL_CORRUPT", message: expect.stringMatching(/tag/u) as string };

describe("a record that was sealed at another place does not open", () => {
  const at = (disk: SimulatedDisk, place: string): Buffer | undefined =>
    sealedIn(disk, newestSegment(disk).path).find((each) => each.place === place)?.payload;

  test("another number of its log", async () => {
    const disk = await store();
    await expect(openWith(disk, "0 0", at(disk, "0 1"))).rejects.toMatchObject(isRefused);
  });

  test("the same number of another log", async () => {
    const disk = await store();
    await expect(openWith(disk, "0 0", at(disk, "1 0"))).rejects.toMatchObject(isRefused);
  });

  test("another segment of the same store", async () => {
    const disk = await store(2);
    const { path } = newestSegment(disk);
    const older = disk
      .files()
      .flatMap((each) => (each.path === path ? [] : sealedIn(disk, each.path)));
    const payload = older.find(({ place }) => place === "0 0")?.payload;
    await expect(openWith(disk, "0 2", payload)).rejects.toMatchObject(isRefused);
  });

  test("the same place of another store with the same key", async () => {
    const [disk, other] = [await store(), await store()];
    await expect(openWith(disk, "0 0", at(other, "0 0"))).rejects.toMatchObject(isRefused);
  });

  test("the same place of a copy that went on by itself", async () => {
    const disk = await store();
    const copy = disk.kill();
    for (const each of [disk, copy]) {
      const { journal, log } = await opened(each, "a");
      await log("one").append({ number: 2n, payload: text(each === disk ? "mine" : "its!") });
      await journal.close();
    }
    await expect(openWith(disk, "0 2", at(copy, "0 2"))).rejects.toMatchObject(isRefused);
  });
});

test("a plain segment in place of the sealed one is taken, as the README says: plain stores may be sealed later", async () => {
  const disk = await store();
  forgeHead(disk, (head) => ({ ...head, seal: undefined }));
  const { journal, log } = await opened(disk, "a");
  expect((await all(log("one"))).every((each) => !each.includes("secret"))).toBe(true);
  expect(journal.rekeyer.uses.map(({ content }) => content)).toContain("plain");
  await journal.close();
});

test("E5 copies of a store, each of which goes on and rotates, use no pair of key and nonce twice", async () => {
  const origin = await store(2);
  const moments: SimulatedDisk[] = [origin];
  const watched: SimulatedDisk = origin.kill({ onStep: () => void moments.push(watched.kill()) });
  const { journal, log } = await openJournal(watched, { segmentBytes, ring: ring("a") });
  await journal.rekeyer.rotate(key("b"));
  await log("one").append({ number: 4n, payload: text("in between") });
  await journal.rekeyer.finished();
  await journal.close();
  const uses = new Map<string, Buffer>();
  for (const [index, moment] of [...moments, watched].entries()) {
    const copy = moment.kill();
    const left = await openJournal(copy, { segmentBytes, ring: ring("bac") });
    const next = left.log("one").next;
    await left.log("one").append({ number: next, payload: text(`in the copy ${index}`) });
    await left.journal.rekeyer.rotate(key(index % 2 === 0 ? "b" : "c"));
    await left.log("one").append({ number: next + 1n, payload: text(`again in ${index}`) });
    await left.journal.rekeyer.finished();
    expect((await all(left.log("two"))).length).toBe(4);
    await left.journal.close();
    const sealed = [moment, copy].flatMap((disk) =>
      disk.files().flatMap(({ path }) => sealedIn(disk, path)),
    );
    for (const { nonce, payload } of sealed) {
      expect(uses.get(nonce) ?? payload, nonce).toEqual(payload);
      uses.set(nonce, payload);
    }
  }
  expect(uses.size).toBeGreaterThan(4 * moments.length);
});
