/**
 * The seal of the map, on a disk that loses what was not flushed. LevelDB's files are modelled: any bytes
 * under the names that it uses. A seal that is believed always vouches for the very bytes of the close that
 * wrote it, and is gone before anybody may write to them.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { breakSeal, type JournalEnd, SEAL_FILE, sealMap } from "../../../src/log/map/seal.js";
import { SimulatedDisk } from "../../../src/testing/simulated-disk.js";

const INDEX = "index";
const storeId = Buffer.alloc(16, 7);
const end: JournalEnd = { storeId, sequence: 5n, nextLsn: 1000n, endChain: 0xabcdef01 };
const FILES = ["000005.ldb", "000007.log", "CURRENT", "MANIFEST-000006"];
const SEED = Number(process.env["LANEKEEPER_SEED"] ?? 20_263);

async function put(disk: SimulatedDisk, name: string, bytes: Uint8Array): Promise<void> {
  const path = `${INDEX}/${name}`;
  if ((await disk.kind(path)) !== undefined) await disk.remove(path);
  const file = await disk.create(path);
  await file.writeDurable(0, [bytes]);
  await file.close();
}

/** A closed map: files of LevelDB's, its lock and its own log of events. */
async function closedMap(): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk();
  await disk.makeDirectory(INDEX);
  await disk.syncDirectory("");
  for (const name of FILES) await put(disk, name, Buffer.from(`${name} `.repeat(400)));
  await put(disk, "LOCK", Buffer.alloc(0));
  await put(disk, "LOG", Buffer.from("events"));
  await disk.syncDirectory(INDEX);
  return disk;
}

async function sealed(): Promise<SimulatedDisk> {
  const disk = await closedMap();
  await sealMap(disk, INDEX, end);
  return disk;
}

test("a sealed map is believed once: the seal is gone, durably, before it may be written to", async () => {
  const disk = await sealed();
  expect(await breakSeal(disk, INDEX, end)).toBe(true);
  expect(await breakSeal(disk, INDEX, end)).toBe(false);
  expect(await breakSeal(disk.kill(), INDEX, end)).toBe(false);
  for (const left of disk.powerCuts(SEED, 20)) {
    expect(await breakSeal(left, INDEX, end)).toBe(false);
  }
});

test("without a seal, without a folder, or with a file in its place nothing is believed", async () => {
  expect(await breakSeal(await closedMap(), INDEX, end)).toBe(false);
  expect(await breakSeal(new SimulatedDisk(), INDEX, end)).toBe(false);
  const disk = new SimulatedDisk();
  await disk.create(INDEX);
  expect(await breakSeal(disk, INDEX, end)).toBe(false);
});

test("a seal of another moment of the journal, or of another store, is not believed", async () => {
  const others: readonly JournalEnd[] = [
    { ...end, sequence: 6n },
    { ...end, nextLsn: 1001n },
    { ...end, endChain: 0 },
    { ...end, storeId: Buffer.alloc(16, 8) },
  ];
  for (const other of others) expect(await breakSeal(await sealed(), INDEX, other)).toBe(false);
});

test("a file more, a file less, a folder among them: nothing is believed", async () => {
  const more = await sealed();
  await put(more, "000099.ldb", Buffer.from("more"));
  expect(await breakSeal(more, INDEX, end)).toBe(false);
  for (const name of [...FILES, SEAL_FILE]) {
    const less = await sealed();
    await less.remove(`${INDEX}/${name}`);
    expect(await breakSeal(less, INDEX, end), name).toBe(false);
  }
  const folder = await sealed();
  await folder.makeDirectory(`${INDEX}/lost`);
  expect(await breakSeal(folder, INDEX, end)).toBe(false);
});

test("files that LevelDB does not read may change: its log of events, its lock", async () => {
  const disk = await sealed();
  await put(disk, "LOG", Buffer.from("other events"));
  await put(disk, "LOG.old", Buffer.from("older events"));
  expect(await breakSeal(disk, INDEX, end)).toBe(true);
});

test("one byte more, less or other, in any file, the seal too: nothing is believed", async () => {
  const whole = await sealed();
  const names = fc.constantFrom(...FILES, SEAL_FILE);
  const at = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  const harm = fc.constantFrom<"flip" | "cut" | "grow">("flip", "cut", "grow");
  await fc.assert(
    fc.asyncProperty(names, at, harm, fc.nat({ max: 7 }), async (name, place, how, bit) => {
      const disk = whole.kill();
      const path = `/${INDEX}/${name}`;
      const bytes = Buffer.from(disk.readNow(path));
      const offset = Math.floor(place * bytes.length);
      if (how === "flip")
        disk.damage(path, offset, Uint8Array.of((bytes[offset] ?? 0) ^ (1 << bit)));
      if (how === "cut") disk.shorten(path, offset);
      if (how === "grow") disk.damage(path, bytes.length, Uint8Array.of(0));
      expect(await breakSeal(disk, INDEX, end)).toBe(false);
    }),
    { numRuns: 150, seed: SEED },
  );
});

test("a crash at any step of the sealing leaves a whole seal or none", async () => {
  for (let step = 1; ; step++) {
    const disk = await closedMap();
    const begun = disk.steps;
    disk.crashAt(begun + step);
    const ended = await Promise.race([
      sealMap(disk, INDEX, end).then(() => true),
      disk.stopped.then(() => false),
    ]);
    for (const left of [disk.kill(), ...disk.powerCuts(SEED + step, 10)]) {
      const isBelieved = await breakSeal(left, INDEX, end);
      // Nothing but the seal was written: believed before its end is as right as not believed.
      if (ended) expect(isBelieved).toBe(true);
    }
    if (ended) break;
  }
});

test("a crash at any step of the breaking, and writes behind it: what is believed is what was sealed", async () => {
  for (let step = 1; ; step++) {
    const disk = await sealed();
    disk.crashAt(disk.steps + step);
    // The next open: breaks the seal, and LevelDB writes once it is broken.
    const opening = (async () => {
      if (await breakSeal(disk, INDEX, end)) await put(disk, "000007.log", Buffer.from("changed"));
      return true;
    })();
    const ended = await Promise.race([opening, disk.stopped.then(() => false)]);
    const before = Buffer.from("000007.log ".repeat(400));
    for (const left of [disk.kill(), ...disk.powerCuts(SEED + step, 10)]) {
      if (!(await breakSeal(left, INDEX, end))) continue;
      expect(Buffer.compare(left.readNow(`/${INDEX}/000007.log`), before)).toBe(0);
      expect(ended).toBe(false);
    }
    if (ended) break;
  }
});
