/**
 * Holes: blocks of a file that take no room until they are written. A sparse copy has them (`cp
 * --sparse`, `rsync -S`, a restore), and so has a file on a file system that compresses zeros. Their
 * bytes read as zeros, and a write into them may find the disk full where the file seemed to have room.
 */
import type { DiskFile } from "./disk.js";

const PIECE_BYTES = 1024 * 1024;

/** Whether fewer bytes are held for the file than it is long. */
export async function hasHoles(file: DiskFile): Promise<boolean> {
  const { sizeBytes, heldBytes } = await file.facts();
  return heldBytes < sizeBytes;
}

/**
 * Writes a file that has holes again, in place and byte for byte, so that it holds what it is long;
 * durable when resolved. A crash meanwhile changes no byte. Returns false where there are holes all the
 * same: this file system keeps no room for zeros.
 *
 * @throws {PersisterError} DISK_FULL where there is no room for them, IO.
 */
export async function fillHoles(file: DiskFile): Promise<boolean> {
  if (!(await hasHoles(file))) return true;
  const size = await file.size();
  for (let position = 0; position < size; position += PIECE_BYTES) {
    const bytes = await file.read(position, Math.min(PIECE_BYTES, size - position));
    await file.writeDurable(position, [bytes]);
  }
  return !(await hasHoles(file));
}
