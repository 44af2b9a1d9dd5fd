/** Files in memory for tests of the older revision's reader, and a disk that can only be looked at. */
import { dirname } from "node:path";
import type { Disk } from "../../src/disk/disk.js";
import type { ReadableDisk } from "../../src/sei/readable-disk.js";

/** Makes the directory at `path` and those around it. */
export async function makeDirectories(disk: Disk, path: string): Promise<void> {
  if (path === "/" || (await disk.kind(path)) !== undefined) return;
  await makeDirectories(disk, dirname(path));
  await disk.makeDirectory(path);
}

/** Makes the file at `path` with `content`, and the directories around it. */
export async function writeFile(disk: Disk, path: string, content: Uint8Array): Promise<void> {
  await makeDirectories(disk, dirname(path));
  const file = await disk.create(path);
  await file.writeDurable(0, [content]);
  await file.close();
}

/** `disk` without the calls that change anything: whoever makes one gets a TypeError. */
export function lookOnly(disk: Disk): ReadableDisk {
  return {
    kind: (path) => disk.kind(path),
    list: (path) => disk.list(path),
    openToRead: async (path) => {
      const file = await disk.openToRead(path);
      return (
        file && {
          read: (position, length) => file.read(position, length),
          size: () => file.size(),
          close: () => file.close(),
        }
      );
    },
  };
}

/** A tidwall entry. */
export function entry(record: Uint8Array): Uint8Array {
  const length: number[] = [];
  let rest = record.length;
  for (; rest > 0x7f; rest >>>= 7) length.push((rest & 0x7f) | 0x80);
  return Buffer.concat([Uint8Array.of(...length, rest), record]);
}

/** The file name of a segment whose first entry has `index`. */
export function segmentName(index: number): string {
  return String(index).padStart(20, "0");
}
