/** Damaged stores, with a backup beside each, and repairs of them. */
import { beforeAll } from "vitest";
import { backUp } from "../../../src/keeping/backup/backup.js";
import { cutOfClosed } from "../../../src/keeping/backup/closed-cut.js";
import { type RepairReport, type RepairWork, repair } from "../../../src/keeping/repair/repair.js";
import { MARK_SLOT_BYTES } from "../../../src/journal/form/mark.js";
import { RECORD_HEADER_BYTES, recordType } from "../../../src/journal/form/records.js";
import { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import type { ErrorCode } from "../../../src/types/errors.js";
import { flip, FULL_PAYLOAD, liveSegments, type Placed, recordsIn } from "../../inspect/kit.js";
import { TestChain } from "../../model/chain.js";
import {
  born,
  contents,
  laneAt,
  type MoreChoices,
  opened,
  pushAnchor,
  pushBlocks,
  pushQCs,
} from "../../node/kit.js";
import { DIRECTORY, simulatedSurroundings } from "../../node/surroundings.js";
import { BACKUP, noPace } from "../backup/kit.js";

export const chain = new TestChain(2, FULL_PAYLOAD);
export const lane = laneAt(chain, 0);
/** The store alone, and the same with a backup of it beside; the contents of the store. */
export let alone: SimulatedDisk;
let whole: SimulatedDisk;
export let before: unknown;

/** Makes the stores of a test file. */
export function makeStores(): void {
  beforeAll(async () => {
    const disk = new SimulatedDisk();
    await filled(disk);
    alone = disk.kill();
    const keeper = await opened(disk.kill(), chain);
    before = await contents(keeper);
    await backUp({
      disk,
      directory: BACKUP,
      cut: () => cutOfClosed(disk, DIRECTORY),
      pace: noPace(),
      nowMs: () => 0,
      keep: 1,
    });
    whole = disk;
  });
}

/** A closed store with sealed segments, and an anchor at 0 in slot A. */
export async function filled(disk: SimulatedDisk, more: MoreChoices = {}): Promise<void> {
  const keeper = await opened(await born(disk), chain, more);
  for (let round = 0n; round < 9n; round++) {
    for (const each of chain.lanes) {
      await pushBlocks(keeper, chain, each, { from: round, to: round + 1n });
    }
    await pushQCs(keeper, chain, { from: round, to: round + 1n });
    if (round === 0n) await pushAnchor(keeper, chain.qc(0n).anchor);
  }
  await keeper.close();
}

/** A disk that holds a damaged store. */
export interface Stand {
  readonly disk: SimulatedDisk;
}

export function repaired({ disk }: Stand, more: Partial<RepairWork> = {}): Promise<RepairReport> {
  return repair({
    surroundings: { ...simulatedSurroundings(disk, 77), flush: "async" },
    directory: DIRECTORY,
    epochs: [chain.epoch],
    keys: [],
    from: undefined,
    chainId: undefined,
    archive: undefined,
    peers: {},
    moved: false,
    apply: true,
    acceptLoss: false,
    reason: "a sector went bad",
    rename: (from, to) => disk.rename(from, to),
    remove: (directory) => disk.removeTree(directory),
    ...more,
  });
}

export function harmed(harm: (disk: SimulatedDisk) => void): Stand {
  const disk = whole.snapshot();
  harm(disk);
  return { disk };
}

/** The append of a block of `lane` in the oldest sealed segment, at or behind number 1. */
export function sealedBlock(): Placed {
  return sealedBlockOf(alone);
}

export function sealedBlockOf(disk: SimulatedDisk): Placed {
  const [file = ""] = liveSegments(disk);
  const found = recordsIn(disk, file).find(({ record }) => {
    return (
      record.type === recordType.append &&
      record.number > 0n &&
      record.payload.length > FULL_PAYLOAD
    );
  });
  if (!found) throw new Error("the oldest segment has a block");
  return found;
}

export function harmPayload(disk: SimulatedDisk, { file, record }: Placed): void {
  flip(disk, file, record.offset + RECORD_HEADER_BYTES + 40);
}

/** The last append in the newest segment. */
export function lastRecord(): Placed {
  const file = liveSegments(alone).at(-1) ?? "";
  const found = recordsIn(alone, file).findLast(({ record }) => record.type === recordType.append);
  if (!found) throw new Error("the newest segment has records");
  return found;
}

export const harms: Readonly<Record<string, readonly [(disk: SimulatedDisk) => void, ErrorCode]>> =
  {
    "a record of a sealed segment": [(disk) => harmPayload(disk, sealedBlock()), "JOURNAL_CORRUPT"],
    "the end of the newest segment": [
      (disk) => harmPayload(disk, lastRecord()),
      "ACKNOWLEDGED_LOST",
    ],
    "the head of the newest segment": [
      (disk) => disk.damage(liveSegments(alone).at(-1) ?? "", 20, Buffer.alloc(64, 1)),
      "JOURNAL_CORRUPT",
    ],
    "a sealed segment that is gone": [
      (disk) => disk.shorten(liveSegments(alone)[0] ?? "", 0),
      "JOURNAL_CORRUPT",
    ],
    "both slots of the mark": [
      (disk) => {
        for (const at of [0, MARK_SLOT_BYTES])
          disk.damage(`${DIRECTORY}/mark`, at, Buffer.alloc(64));
      },
      "MARK_CORRUPT",
    ],
    "the newest slot of the anchor": [
      (disk) => disk.damage(`${DIRECTORY}/prune_anchor_a.pb`, 0, Buffer.alloc(64, 1)),
      "ANCHOR_CORRUPT",
    ],
  };
