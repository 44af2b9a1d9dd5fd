import { RealDisk } from "../../disk/real/real.js";
import { readIdentity, STORE_FILE, type StoreIdentity } from "../../journal/form/store.js";

/**
 * The identity of the store in `directory`, of whatever chain. It takes no lock.
 *
 * @throws {PersisterError} NOT_A_STORE, FORMAT_TOO_NEW; IO.
 */
export async function identityIn(directory: string): Promise<StoreIdentity> {
  const disk = new RealDisk();
  const isDirectory = (await disk.kind(directory)) === "directory";
  const file = isDirectory ? await disk.openToRead(`${directory}/${STORE_FILE}`) : undefined;
  try {
    return await readIdentity(disk, directory, file);
  } finally {
    await file?.close();
  }
}
