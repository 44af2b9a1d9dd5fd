/**
 * The files of a folder, each by its size and checksum: tells whether anybody has changed one since. A
 * database that trusts its own files blindly (LevelDB does) is opened only behind such a comparison.
 */
import { crc32c } from "../codec/crc32c.js";
import type { Disk } from "./disk.js";

/** Bytes that are read and summed at once: well below a millisecond of work. */
const PART_BYTES = 256 * 1024;

export interface SummedFile {
  readonly name: string;
  readonly bytes: number;
  /** CRC-32C over all of them. */
  readonly crc: number;
}

/**
 * Reads every file of the folder at `path` whose name `isMeant` accepts; sorted by name. `undefined`
 * where there is no such folder, or where such a name is no plain file.
 *
 * @throws {PersisterError} READ_ONLY, IO.
 */
export async function describeFolder(
  disk: Disk,
  path: string,
  isMeant: (name: string) => boolean = () => true,
): Promise<readonly SummedFile[] | undefined> {
  const entries = await disk.list(path);
  if (!entries) return undefined;
  const described: SummedFile[] = [];
  for (const { name, kind } of entries) {
    if (!isMeant(name)) continue;
    if (kind !== "file") return undefined;
    const facts = await describeFile(disk, path, name);
    if (!facts) return undefined;
    described.push(facts);
  }
  return described;
}

async function describeFile(
  disk: Disk,
  path: string,
  name: string,
): Promise<SummedFile | undefined> {
  const file = await disk.openToRead(`${path}/${name}`);
  if (!file) return undefined;
  try {
    const into = Buffer.allocUnsafe(PART_BYTES);
    let bytes = 0;
    let crc = 0;
    for (;;) {
      const part = await file.read(bytes, PART_BYTES, into);
      if (part.length === 0) return { name, bytes, crc };
      crc = crc32c(part, crc);
      bytes += part.length;
    }
  } finally {
    await file.close();
  }
}

/** Whether two descriptions of a folder are of the same names with the same bytes. */
export function sameFiles(a: readonly SummedFile[], b: readonly SummedFile[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ name, bytes, crc }, at) => {
      const other = b[at];
      return other?.name === name && other.bytes === bytes && other.crc === crc;
    })
  );
}
