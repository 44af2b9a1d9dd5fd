/**
 * The seal of the map: what its files were when the store was closed. LevelDB trusts its own files
 * (a damaged table can end the process), so it opens none that the seal does not vouch for.
 *
 * ```
 *   8   "LKMAPSL1"          16  store id            the journal's last segment:
 *   8   sequence            8   next LSN            4  chain value at its end
 *   4   count of files, then each, sorted by name:  1+n name, 8 size in bytes, 4 CRC-32C
 *   4   CRC-32C of all before it
 * ```
 *
 * # Crash safety
 *
 * A sealed map is believed if its files are the ones that were sealed, and the journal ends where it ended
 * then: every open begins a segment, and its salt is random. A crash leaves, in each phase:
 *
 * 1. Close: LevelDB is closed, then the seal is written, then the folder is flushed. A crash before the
 *    seal is whole leaves none, and the next open makes the map anew. LevelDB's own files need no flush:
 *    a power cut that takes bytes of them makes them differ from the seal.
 * 2. Open: the seal is compared with every file, then removed, the folder is flushed, and only then does
 *    LevelDB open. A crash in between leaves files without a seal: the map is made anew.
 * 3. At work and while the map is mended: there is no seal. A crash costs the time of mending.
 */
import { ByteReader, ByteWriter, FormatError } from "../../codec/binary.js";
import { crc32c } from "../../codec/crc32c.js";
import type { Disk } from "../../disk/disk.js";
import { describeFolder, type SummedFile, sameFiles } from "../../disk/folder-files.js";
import { type SealedSegment, STORE_ID_BYTES } from "../../journal/form/head.js";
import { PersisterError } from "../../types/errors.js";

export const SEAL_FILE = "SEAL";

const MAGIC = "LKMAPSL1";
/** A seal of some thousand files; a longer one is none of ours. */
const SEAL_BYTES_MAX = 1024 * 1024;
/** Files that LevelDB does not read, and the seal itself. The lock must not be opened beside its owner. */
const UNSEALED = new Set(["LOCK", "LOG", "LOG.old", SEAL_FILE]);

/** The moment of a journal at which its map was sealed: where its last segment ended. */
export interface JournalEnd extends Pick<SealedSegment, "sequence" | "nextLsn" | "endChain"> {
  readonly storeId: Uint8Array;
}

interface Seal extends JournalEnd {
  readonly files: readonly SummedFile[];
}

/**
 * Seals the files in `directory`, which nobody has open; durable when resolved. A folder that somebody
 * removed, or put something into, gets no seal, and the next open makes the map anew.
 *
 * @throws {PersisterError} DISK_FULL, READ_ONLY, IO: then the next open makes the map anew.
 */
export async function sealMap(disk: Disk, directory: string, at: JournalEnd): Promise<void> {
  const files = await describeFolder(disk, directory, isSealed);
  if (!files) return;
  const file = await disk.create(`${directory}/${SEAL_FILE}`);
  try {
    await file.writeDurable(0, [encodeSeal({ ...at, files })]);
  } finally {
    await file.close();
  }
  await disk.syncDirectory(directory);
}

/**
 * Whether the files in `directory` are those that were sealed at this very moment of the journal. The
 * seal is gone, durably, when this resolves with `true`: LevelDB may open them.
 */
export async function breakSeal(disk: Disk, directory: string, at: JournalEnd): Promise<boolean> {
  try {
    const seal = await readSeal(disk, directory);
    if (!seal || !isSameMoment(seal, at)) return false;
    const files = await describeFolder(disk, directory, isSealed);
    if (!files || !sameFiles(files, seal.files)) return false;
    await disk.remove(`${directory}/${SEAL_FILE}`);
    await disk.syncDirectory(directory);
    return true;
  } catch (cause) {
    // Files that cannot be read are not believed. The map is made anew, or it says why it cannot be.
    if (cause instanceof PersisterError) return false;
    throw cause;
  }
}

function isSealed(name: string): boolean {
  return !UNSEALED.has(name);
}

function isSameMoment(a: JournalEnd, b: JournalEnd): boolean {
  return (
    a.sequence === b.sequence &&
    a.nextLsn === b.nextLsn &&
    a.endChain === b.endChain &&
    Buffer.compare(a.storeId, b.storeId) === 0
  );
}

async function readSeal(disk: Disk, directory: string): Promise<Seal | undefined> {
  const path = `${directory}/${SEAL_FILE}`;
  if ((await disk.kind(path)) !== "file") return undefined;
  const file = await disk.openToRead(path);
  try {
    const bytes = await file?.read(0, SEAL_BYTES_MAX);
    return bytes && decodeSeal(bytes);
  } finally {
    await file?.close();
  }
}

function encodeSeal({ storeId, sequence, nextLsn, endChain, files }: Seal): Uint8Array {
  const writer = new ByteWriter().bytes(Buffer.from(MAGIC, "latin1")).bytes(storeId);
  writer.u64(sequence).u64(nextLsn).u32(endChain).u32(files.length);
  for (const { name, bytes, crc } of files) writer.text(name).u64(BigInt(bytes)).u32(crc);
  return writer.u32(crc32c(writer.result())).result();
}

/** `undefined` where the bytes are no whole seal. */
function decodeSeal(bytes: Uint8Array): Seal | undefined {
  if (bytes.length < 4) return undefined;
  try {
    const reader = new ByteReader(bytes);
    const isOurs = Buffer.from(reader.bytes(MAGIC.length)).toString("latin1") === MAGIC;
    const storeId = reader.bytes(STORE_ID_BYTES);
    const end = { sequence: reader.u64(), nextLsn: reader.u64(), endChain: reader.u32() };
    const files: SummedFile[] = [];
    for (let left = reader.u32(); left > 0; left--) {
      files.push({ name: reader.text(), bytes: Number(reader.u64()), crc: reader.u32() });
    }
    const isWhole = reader.u32() === crc32c(bytes.subarray(0, -4));
    reader.end();
    return isOurs && isWhole ? { storeId, ...end, files } : undefined;
  } catch (cause) {
    if (cause instanceof FormatError) return undefined;
    throw cause;
  }
}
