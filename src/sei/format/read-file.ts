/** Reads a file of a state directory whole. */
import type { ReadableDisk } from "../../disk/readable.js";
import { StateError } from "./state-error.js";

/**
 * A file is read whole, one at a time. sei-chain seals a log file at 4 MiB and never splits a record
 * (2 MiB at most). It has not written a file that is far larger.
 */
export const FILE_BYTES_MAX = 256 * 1024 * 1024;

/**
 * All bytes of a file, or its first `length`; `undefined` if there is no such file.
 *
 * @throws {StateError} `too_large`.
 * @throws {PersisterError} IO, READ_ONLY.
 */
export async function readFile(
  disk: ReadableDisk,
  path: string,
  length?: number,
): Promise<Uint8Array | undefined> {
  const file = await disk.openToRead(path);
  if (file === undefined) return undefined;
  try {
    const wanted = length ?? (await file.size());
    if (wanted > FILE_BYTES_MAX) {
      const detail = `${wanted} bytes are more than a file of a state directory has`;
      throw new StateError("too_large", detail, { file: path });
    }
    return await file.read(0, wanted);
  } finally {
    await file.close();
  }
}
