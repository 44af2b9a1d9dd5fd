/** How many bytes a store takes: its own files, without the map, whose files LevelDB may have locked. */
import type { Disk } from "../disk/disk.js";
import { MARK_FILE } from "../journal/form/mark.js";
import type { Slot } from "../journal/segment/segment.js";
import { STORE_FILE } from "../journal/form/store.js";
import { pairFiles } from "../persist/checked-store.js";
import { attempted } from "./finding.js";

/** Leaves out files whose size cannot be read. */
export async function diskBytesOf(
  disk: Disk,
  directory: string,
  slots: readonly Slot[],
): Promise<number> {
  let sum = slots.reduce((bytes, slot) => bytes + slot.bytes, 0);
  for (const name of [STORE_FILE, MARK_FILE, ...pairFiles()]) {
    const size = await attempted(() => sizeOf(disk, `${directory}/${name}`));
    if ("value" in size) sum += size.value;
  }
  return sum;
}

async function sizeOf(disk: Disk, path: string): Promise<number> {
  const file = await disk.openToRead(path);
  try {
    return (await file?.size()) ?? 0;
  } finally {
    await file?.close();
  }
}
