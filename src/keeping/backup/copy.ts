/** Copies a file into a backup: in pieces, paced, read back and compared. */
import { createHash } from "node:crypto";
import { throwIfAborted } from "../../async/signal.js";
import type { Disk, DiskFile } from "../../disk/disk.js";
import { PersisterError } from "../../types/errors.js";
import type { Source } from "./cut.js";
import type { Pace } from "./pace.js";

/** Small enough that the sum of a piece does not hold up the event loop. */
const PIECE_BYTES = 256 * 1024;

/** A new file costs the store's disk about as much as so many bytes: its name is flushed, too. */
const FILE_BYTES = 256 * 1024;

export interface Copying {
  readonly disk: Disk;
  readonly pace: Pick<Pace, "spend">;
  readonly signal: AbortSignal | undefined;
}

/** SHA-256 in hex. */
export function sha256Of(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/**
 * Makes `path`, a new file with the bytes of `source`; durable when resolved, its name is not. Returns their
 * SHA-256: the file was read back, and has the same.
 *
 * @throws {PersisterError} BACKUP_CORRUPT where the file reads as something else; ABORTED; as the disk and
 * the source say.
 */
export async function copyTo(path: string, source: Source, copying: Copying): Promise<string> {
  await copying.pace.spend(FILE_BYTES);
  const file = await copying.disk.create(path);
  try {
    const sha256 = await summed(source, copying, (at, piece) => file.writeDurable(at, [piece]));
    const found = await summed(await sourceOf(file), copying);
    if (found === sha256) return sha256;
    const text = `${path}: it reads as something else than was written: look at the disk it is on`;
    throw new PersisterError("BACKUP_CORRUPT", text, { file: path });
  } finally {
    await file.close();
  }
}

/** The SHA-256 of a source; of a file by `sha256OfFile`. */
export async function summed(
  source: Source,
  { pace, signal }: Copying,
  write?: (at: number, piece: Uint8Array) => Promise<void>,
): Promise<string> {
  const hash = createHash("sha256");
  const into = Buffer.allocUnsafeSlow(Math.min(PIECE_BYTES, source.bytes));
  for (let at = 0; at < source.bytes; ) {
    throwIfAborted(signal, "the backup");
    const piece = await source.read(at, Math.min(PIECE_BYTES, source.bytes - at), into);
    if (piece.length === 0) {
      throw new PersisterError("IO", `a file ended at byte ${at} while it was copied`);
    }
    hash.update(piece);
    await write?.(at, piece);
    at += piece.length;
    await pace.spend(piece.length);
  }
  return hash.digest("hex");
}

/** The size and the SHA-256 of a file; `undefined` where there is none. */
export async function describeFile(
  path: string,
  copying: Copying,
): Promise<{ readonly bytes: number; readonly sha256: string } | undefined> {
  const file = await copying.disk.openToRead(path);
  if (!file) return undefined;
  try {
    const source = await sourceOf(file);
    return { bytes: source.bytes, sha256: await summed(source, copying) };
  } finally {
    await file.close();
  }
}

async function sourceOf(file: DiskFile): Promise<Source> {
  return {
    bytes: await file.size(),
    read: (position, length, into) => file.read(position, length, into),
  };
}
