/** Damage to what was acknowledged: open refuses by name, or recovers exactly the same. */
import { expect, test } from "vitest";
import type { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import { recordsStart } from "../../../src/journal/form/records.js";
import { claimedHeadBytes, decodeHead } from "../../../src/journal/form/head.js";
import { PersisterError } from "../../../src/types/errors.js";
import { TestChain } from "../../model/chain.js";
import {
  contents,
  fresh,
  laneAt,
  openRefused,
  opened,
  pushAnchor,
  pushBlocks,
  pushQCs,
  reopened,
} from "../../node/kit.js";
import { newestSegment } from "../kit.js";
import { ONE_IN } from "../../scale.js";

const chain = new TestChain(1, 20);
const lane = laneAt(chain, 0);
const MARK = "store/mark";

interface Small {
  readonly disk: SimulatedDisk;
  readonly found: unknown;
  /** Files of segments that hold records, the sealed one first. */
  readonly segments: readonly string[];
}

/** A closed store with a sealed segment and a newest one, both with acknowledged records. */
async function small(): Promise<Small> {
  const { disk, keeper } = await fresh(chain);
  const segments: string[] = [];
  const note = (): void => {
    segments.push(newestSegment(disk).path);
  };
  await pushBlocks(keeper, chain, lane, { to: 3n });
  await pushQCs(keeper, chain, { to: 1n });
  note();
  const again = await reopened(keeper, disk, chain);
  await pushBlocks(again, chain, lane, { from: 3n, to: 5n });
  note();
  await again.close();
  const last = await opened(disk.kill(), chain);
  const found = await contents(last);
  await last.close();
  return { disk, found, segments };
}

/** The last byte of a file that is not 0, and some more. */
function usedBytes(disk: SimulatedDisk, path: string): number {
  return Buffer.from(disk.readNow(path)).findLastIndex((byte) => byte !== 0) + 48;
}

/** Opens a damaged copy: the same as before, or a typed refusal that wrote nothing. */
async function outcome(
  copy: (options: { readonly onStep: () => void }) => SimulatedDisk,
  found: unknown,
): Promise<PersisterError | "same"> {
  let steps = 0;
  const disk = copy({
    onStep: () => {
      steps += 1;
    },
  });
  try {
    const keeper = await opened(disk, chain);
    expect(await contents(keeper)).toEqual(found);
    await keeper.close();
    return "same";
  } catch (error) {
    if (!(error instanceof PersisterError)) throw error;
    expect(steps).toBe(0);
    return error;
  }
}

test("every byte of an acknowledged journal turned over: refused by file, or the same", {
  timeout: 300_000,
}, async () => {
  const { disk, found, segments } = await small();
  for (const path of segments) {
    const bytes = disk.readNow(path);
    const headBytes = claimedHeadBytes(bytes) ?? 0;
    const records = recordsStart(headBytes);
    let refused = 0;
    for (let offset = 0; offset < usedBytes(disk, path); offset += ONE_IN) {
      if (offset > headBytes + 16 && offset < records) continue;
      // Most of a small group is PAD and the rest of its footer's block: some bytes of those will do.
      if (bytes[offset] === 0 && offset % 61 > 0) continue;
      const turned = Uint8Array.of(~(bytes[offset] ?? 0));
      const end = await outcome((options) => {
        const copy = disk.kill(options);
        copy.damage(path, offset, turned);
        return copy;
      }, found);
      if (end === "same") continue;
      refused += 1;
      expect(["JOURNAL_CORRUPT", "ACKNOWLEDGED_LOST"]).toContain(end.code);
      expect(`${end.file} ${end.message}`).toContain(
        offset < headBytes ? "journal" : path.slice(1),
      );
    }
    expect(refused).toBeGreaterThan(500 / ONE_IN);
  }
});

test("every byte of the mark turned over: one bad slot is legal, and reported", async () => {
  const { disk, found } = await small();
  const bytes = disk.readNow(MARK);
  for (const slot of [0, 256 * 1024]) {
    for (let offset = slot; offset < slot + 320; offset += ONE_IN) {
      const end = await outcome((options) => {
        const copy = disk.kill(options);
        copy.damage(MARK, offset, Uint8Array.of(~(bytes[offset] ?? 0)));
        return copy;
      }, found);
      expect(end).toBe("same");
    }
  }
});

test("both mark slots bad, or no mark: refused, and says to leave it", async () => {
  const { disk } = await small();
  const both = disk.kill();
  for (const slot of [0, 256 * 1024]) both.damage(MARK, slot + 40, Buffer.from("damage"));
  expect((await openRefused(both, chain, "MARK_CORRUPT")).file).toContain("mark");
  const gone = disk.kill();
  await gone.remove(MARK);
  expect((await openRefused(gone, chain, "MARK_CORRUPT")).message).toMatch(
    /leave the directory as it is/,
  );
});

test("a listed segment that is missing, emptied or cut short is refused by name", async () => {
  const { disk, segments } = await small();
  for (const path of segments) {
    const missing = disk.kill();
    await missing.remove(path);
    const emptied = disk.kill();
    emptied.shorten(path, 0);
    const zeroed = disk.kill();
    zeroed.damage(path, 0, new Uint8Array(zeroed.readNow(path).length));
    const cut = disk.kill();
    cut.shorten(path, usedBytes(disk, path) - 200);
    for (const damaged of [missing, emptied, zeroed, cut]) {
      const error = await openRefused(damaged, chain, ["JOURNAL_CORRUPT", "ACKNOWLEDGED_LOST"]);
      if (path === segments[0]) expect(error.file).toBe(path.replace(/^\//, ""));
      else expect(error.file).toContain("journal");
    }
  }
});

test("a damaged newest head is refused with the name of its file", async () => {
  const { disk, segments } = await small();
  const newest = segments.at(-1) ?? "";
  for (const offset of [0, 9, 40, 100]) {
    const damaged = disk.kill();
    damaged.damage(newest, offset, Uint8Array.of(~(disk.readNow(newest)[offset] ?? 0)));
    const error = await openRefused(damaged, chain, "JOURNAL_CORRUPT");
    expect([error.file, error.offset]).toEqual([newest.replace(/^\//, ""), 0]);
  }
});

test("a listed segment under another name, or two of them swapped, is refused by name", async () => {
  const { disk, segments } = await small();
  const [sealed, newest] = segments as [string, string];
  const swapped = disk.kill();
  swapped.damage(sealed, 0, disk.readNow(newest));
  swapped.damage(newest, 0, disk.readNow(sealed));
  await openRefused(swapped, chain, "JOURNAL_CORRUPT");

  const renamed = disk.kill();
  const other = await renamed.create("store/journal/0009.seg");
  await other.writeDurable(0, [disk.readNow(sealed)]);
  await other.close();
  await renamed.remove(sealed);
  const error = await openRefused(renamed, chain, "JOURNAL_CORRUPT");
  expect(error.file).toBe(sealed.replace(/^\//, ""));

  const twice = disk.kill();
  const twin = await twice.create("store/journal/0009.seg");
  await twin.writeDurable(0, [disk.readNow(newest)]);
  await twin.close();
  await openRefused(twice, chain, "JOURNAL_CORRUPT");
});

test("a stale record of a recycled slot is never a live one", async () => {
  const { disk, keeper } = await fresh(chain);
  const seen = new Set<string>();
  let each = keeper;
  // Every opening takes another slot; what the anchor passed is overwritten in place.
  for (let round = 0n; round < 8n; round++) {
    await pushBlocks(each, chain, lane, { from: round, to: round + 1n });
    await pushQCs(each, chain, { from: round, to: round + 1n });
    await pushAnchor(each, chain.qc(round).anchor);
    seen.add(newestSegment(disk).path);
    each = await reopened(each, disk, chain);
    expect(each.recovery.lanes.get(lane)).toEqual({ first: round, next: round + 1n });
    expect(each.recovery.road).toEqual({ first: round, next: round + 1n });
  }
  expect(seen.size).toBeLessThan(8);
  await each.close();
  // Old records lie behind the newest segment's own: a record that fits by place alone is not taken.
  const { path, bytes } = newestSegment(disk);
  const stale = [...seen].find((other) => other !== path);
  if (!stale) throw new Error("there is an older segment");
  const end = recordsStart(claimedHeadBytes(bytes) ?? 0);
  disk.damage(path, end, disk.readNow(stale).subarray(end, end + 4096));
  expect(decodeHead(bytes.subarray(0, claimedHeadBytes(bytes))).status).toBe("head");
  const again = await opened(disk, chain);
  expect(again.recovery.lanes.get(lane)).toEqual({ first: 7n, next: 8n });
  await again.close();
});
