/**
 * The part of a disk that looks and never changes anything. Code that is given this cannot make, write,
 * lock, rename or remove a file: the compiler sees to it. Every `Disk` is one.
 */
import type { Disk, DiskFile } from "./disk.js";

export type ReadableFile = Pick<DiskFile, "read" | "size" | "close">;

export interface ReadableDisk extends Pick<Disk, "kind" | "list"> {
  openToRead(path: string): Promise<ReadableFile | undefined>;
}
