/** State directories for tests, on a disk in memory, and what an import of one gives. */
import { MemoryDisk } from "../../src/disk/memory.js";
import {
  type ImportItem,
  type ImportOptions,
  importSeiDirectoryOn,
} from "../../src/sei/import/import.js";
import type { LogSummary } from "../../src/sei/import/import-log.js";
import type { VerifiedBlock } from "../../src/sei/import/lane-check.js";
import type { ReadableDisk } from "../../src/disk/readable.js";
import type { ImportRefusal } from "../../src/sei/import/import-refusal.js";
import type { VerifiedCommitQC } from "../../src/sei/import/road-check.js";
import { type LogChoices, type RecordToWrite, writeLog } from "../../src/sei/write/write-log.js";
import type { LaneId } from "../../src/types/lane.js";
import { lookingOnly } from "../golden/kit/directories.js";
import type { TestChain } from "../model/chain.js";

export const STATE = "/state";

export function laneAt(chain: TestChain, index: number): LaneId {
  const lane = chain.lanes[index];
  if (!lane) throw new Error(`the committee has no lane ${index}`);
  return lane;
}

/** A state directory with these logs, whatever their records are. */
export async function stateWith(logs: {
  readonly lanes?: Readonly<Record<string, readonly RecordToWrite[]>>;
  readonly road?: readonly RecordToWrite[];
  readonly choices?: LogChoices;
}): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  await disk.makeDirectory(STATE);
  await disk.makeDirectory(`${STATE}/blocks`);
  for (const [name, records] of Object.entries(logs.lanes ?? {})) {
    await writeLog(disk, `${STATE}/blocks/${name}`, records, logs.choices);
  }
  await writeLog(disk, `${STATE}/commitqcs`, logs.road ?? [], logs.choices);
  return disk;
}

export function numbered(first: bigint, payloads: readonly Uint8Array[]): RecordToWrite[] {
  return payloads.map((payload, at) => ({ index: first + BigInt(at), payload }));
}

/** All that an import gave, sorted by kind. */
export interface Imported {
  readonly items: readonly ImportItem[];
  readonly blocks: readonly VerifiedBlock[];
  readonly commitQCs: readonly VerifiedCommitQC[];
  readonly refusals: readonly ImportRefusal[];
  readonly summaries: readonly LogSummary[];
}

export async function importedFrom(
  disk: ReadableDisk,
  options: ImportOptions,
  directory = STATE,
): Promise<Imported> {
  const items: ImportItem[] = [];
  const looking = lookingOnly(disk);
  for await (const item of importSeiDirectoryOn(looking, directory, options)) {
    items.push(item);
  }
  return {
    items,
    blocks: items.filter((item) => item.kind === "block"),
    commitQCs: items.filter((item) => item.kind === "commitQC"),
    refusals: items.flatMap((item) => (item.kind === "refused" ? [item.refusal] : [])),
    summaries: items.flatMap((item) => (item.kind === "log" ? [item.summary] : [])),
  };
}

/** The numbers of a lane's blocks that were given. */
export function numbersOf({ blocks }: Imported, lane: LaneId): readonly bigint[] {
  return blocks.filter((block) => block.lane === lane).map(({ number }) => number);
}

/** Reasons of refusals, each with the index it is about. */
export function reasonsOf({
  refusals,
}: Imported): readonly (readonly [bigint | undefined, string])[] {
  return refusals.map(({ index, reason }) => [index, reason]);
}
