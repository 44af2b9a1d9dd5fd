/**
 * The prune anchor as a file: one encoded message and nothing else. sei-chain keeps the anchor in its
 * block store and not in the state directory, so the anchor travels beside the directory, as
 * `<directory>.anchor.pb` unless another file is named.
 */
import type { Disk } from "../../disk/disk.js";
import { SLOT_BYTES_MAX } from "../../disk/slots/slots.js";
import { parentOf } from "../../disk/parent.js";
import { PersisterError } from "../../types/errors.js";
import { decodePruneAnchor } from "../../wire/codec/decode.js";
import { DecodeError } from "../../wire/codec/decode-error.js";
import { encodePruneAnchor } from "../../wire/codec/encode.js";
import type { PruneAnchor } from "../../wire/messages.js";
import { requireNothing } from "../store/places.js";

export function anchorFileOf(directory: string): string {
  return `${directory}.anchor.pb`;
}

/**
 * The anchor in `file`, not verified; undefined if there is no such file.
 *
 * @throws {PersisterError} INVALID if the file holds anything else; IO, READ_ONLY.
 */
export async function readAnchorFile(disk: Disk, file: string): Promise<PruneAnchor | undefined> {
  const opened = await disk.openToRead(file);
  if (opened === undefined) return undefined;
  try {
    const length = await opened.size();
    if (length > SLOT_BYTES_MAX) throw noAnchor(file, `${length} bytes are too many`);
    return decodePruneAnchor(await opened.read(0, length));
  } catch (cause) {
    if (!(cause instanceof DecodeError)) throw cause;
    throw noAnchor(file, cause.message, cause);
  } finally {
    await opened.close();
  }
}

/** Makes `file`; durable when resolved. @throws {PersisterError} STORE_EXISTS, DISK_FULL, IO. */
export async function writeAnchorFile(
  disk: Disk,
  file: string,
  anchor: PruneAnchor,
): Promise<void> {
  await requireNoAnchorFile(disk, file);
  const made = await disk.create(file);
  try {
    await made.writeDurable(0, [encodePruneAnchor(anchor)]);
  } finally {
    await made.close();
  }
  await disk.syncDirectory(parentOf(file));
}

/** @throws {PersisterError} STORE_EXISTS, IO. */
export async function requireNoAnchorFile(disk: Disk, file: string): Promise<void> {
  await requireNothing(disk, file, "remove it, or name another file with --anchor");
}

function noAnchor(file: string, why: string, cause?: unknown): PersisterError {
  return new PersisterError("INVALID", `${file} is no prune anchor: ${why}`, { file, cause });
}
