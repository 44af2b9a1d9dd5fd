import { expect, test } from "vitest";
import type { DiskFile } from "../../../src/disk/disk.js";
import { MemoryDisk } from "../../../src/disk/memory.js";
import { copyTo, sha256Of } from "../../../src/keeping/backup/copy.js";
import { Pace } from "../../../src/keeping/backup/pace.js";
import { refusal } from "../../node/kit.js";
import { noPace } from "./kit.js";

const bytes = Buffer.from("the bytes of a segment");
const source = {
  bytes: bytes.length,
  read: async (position: number, length: number) => bytes.subarray(position, position + length),
};

/** A disk that keeps other bytes than it was given. */
class LyingDisk extends MemoryDisk {
  override async create(path: string): Promise<DiskFile> {
    const file = await super.create(path);
    const write = file.writeDurable.bind(file);
    file.writeDurable = (position) => write(position, [Buffer.alloc(bytes.length)]);
    return file;
  }
}

test("a copy is the bytes of its source, and tells their SHA-256", async () => {
  const disk = new MemoryDisk();
  const sum = await copyTo("copy", source, { disk, pace: noPace(), signal: undefined });
  expect(sum).toBe(sha256Of(bytes));
  const file = await disk.openToRead("copy");
  expect(Buffer.from((await file?.read(0, 100)) ?? [])).toEqual(bytes);
});

test("a file that reads as something else than was written is refused", async () => {
  const copying = { disk: new LyingDisk(), pace: noPace(), signal: undefined };
  const error = await refusal(copyTo("copy", source, copying), "BACKUP_CORRUPT");
  expect(error.file).toBe("copy");
});

test("a pace waits until what was spent is paid for, and saves nothing up", async () => {
  let nowMs = 1000;
  const waits: number[] = [];
  const pace = new Pace({
    bytesPerSecond: 1_000_000,
    nowMs: () => nowMs,
    wait: (task, ms) => {
      waits.push(ms);
      nowMs += ms;
      task();
    },
  });
  await pace.spend(2_000); // 2 ms are too short for a timer
  await pace.spend(100_000);
  nowMs += 60_000;
  await pace.spend(50_000);
  expect(waits).toEqual([102, 50]);
});
