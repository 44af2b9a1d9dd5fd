/** The kit of the tests of inspection: an inspection run to its end, and small stores to harm. */
import type { Disk } from "../../src/disk/disk.js";
import type { SimulatedDisk } from "../../src/testing/simulated-disk.js";
import { chainStart, recordsStart, slotName } from "../../src/journal/form/records.js";
import { claimedHeadBytes, decodeHead } from "../../src/journal/form/head.js";
import type { WalkedRecord } from "../../src/journal/segment/segment.js";
import type { Finding } from "../../src/inspect/finding.js";
import { inspecting } from "../../src/inspect/inspect.js";
import { newProgress } from "../../src/inspect/walk/live-records.js";
import type { Depth } from "../../src/inspect/walk/proof.js";
import type { KeySource } from "../../src/keys/source.js";
import type { Summary } from "../../src/inspect/summary.js";
import type { TestChain } from "../model/chain.js";
import { newestSegment } from "../journal/kit.js";
import { fresh, laneAt, type MoreChoices, pushAnchor, pushBlocks, pushQCs } from "../node/kit.js";
import { DIRECTORY } from "../node/surroundings.js";
import { walkRecords } from "../journal/walk.js";

export interface Inspected {
  readonly findings: readonly Finding[];
  readonly errors: readonly Finding[];
  readonly summary: Summary;
}

/** Inspects to the end. */
export async function inspected(
  disk: Disk,
  depth: Depth = { kind: "forms" },
  directory = DIRECTORY,
  keys: readonly KeySource[] = [],
): Promise<Inspected> {
  const looking = inspecting({ disk, directory, depth, keys, progress: newProgress() });
  const findings: Finding[] = [];
  for (;;) {
    const step = await looking.next();
    if (step.done) {
      const errors = findings.filter(({ severity }) => severity === "error");
      return { findings, errors, summary: step.value };
    }
    findings.push(step.value);
  }
}

/** Payload bytes with which a few blocks fill a segment: nothing is relocated. */
export const FULL_PAYLOAD = 2500;

/**
 * A closed store with sealed segments and a newest one, live records of two lanes and of the road in
 * each, and an anchor at 0, in slot A; `chain` has payloads of `FULL_PAYLOAD` bytes.
 */
export async function smallStore(chain: TestChain, more: MoreChoices = {}): Promise<SimulatedDisk> {
  const { disk, keeper } = await fresh(chain, more);
  const [lane, other] = [laneAt(chain, 0), laneAt(chain, 1)];
  for (let round = 0n; round < 9n; round++) {
    await pushBlocks(keeper, chain, lane, { from: round, to: round + 1n });
    await pushBlocks(keeper, chain, other, { from: round, to: round + 1n });
    await pushQCs(keeper, chain, { from: round, to: round + 1n });
    if (round === 0n) await pushAnchor(keeper, chain.qc(0n).anchor);
  }
  await keeper.close();
  return disk;
}

/** The files of the segments that must be there: those that the newest head lists, and last its own. */
export function liveSegments(disk: SimulatedDisk): string[] {
  return liveSegmentsIn(disk, DIRECTORY);
}

/** The same of the store or journal in this directory. */
export function liveSegmentsIn(disk: SimulatedDisk, directory: string): string[] {
  const { path, head } = newestSegment(disk);
  const listed = head.sealed.map(({ slot }) => `${directory}/journal/${slotName(slot)}`);
  return [...listed, path.slice(1)];
}

/** Turns the byte over. */
export function flip(disk: SimulatedDisk, path: string, offset: number): void {
  disk.damage(path, offset, Uint8Array.of(~(disk.readNow(path)[offset] ?? 0)));
}

/** The last byte of a file that is not 0, and some more. */
export function usedBytes(disk: SimulatedDisk, path: string): number {
  const bytes = disk.readNow(path);
  const used = Buffer.from(bytes).findLastIndex((byte) => byte !== 0) + 48;
  return Math.min(used, bytes.length);
}

/** A record in a file, and where it lies. */
export interface Placed {
  readonly file: string;
  readonly record: WalkedRecord;
}

/** The records of one segment, as they lie on the disk. */
export function recordsIn(disk: SimulatedDisk, file: string): Placed[] {
  const bytes = disk.readNow(file);
  const found = decodeHead(bytes.subarray(0, claimedHeadBytes(bytes)));
  if (found.status !== "head") throw new Error(`${file} has no head`);
  const { salt, firstLsn } = found.head;
  const start = { offset: recordsStart(found.bytes.length), chain: chainStart(salt) };
  const records: Placed[] = [];
  walkRecords(bytes, { ...start, nextLsn: firstLsn }, (record) => records.push({ file, record }));
  return records;
}
