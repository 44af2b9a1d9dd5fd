/**
 * RETIRED: the record of a store that was handed over. A store with a file of this name never opens again,
 * whatever is in the file: a crash may leave it empty or torn, and the store is retired then, too.
 */
import { z } from "zod";
import type { Disk } from "../../disk/disk.js";
import { RETIRED_FILE } from "./store.js";

const FILE_BYTES_MAX = 16 * 1024;

const schema = z.strictObject({
  /** 16 random bytes in hexadecimal digits: of this retirement alone. */
  token: z.string().regex(/^[0-9a-f]{32}$/),
  reason: z.string(),
  atMs: z.number().int(),
  /** The place of its last backup, once one was begun; a backup elsewhere is restored with a guard. */
  lastAt: z.string().optional(),
});

export type Retirement = z.output<typeof schema>;

/** The record in a state directory; "torn" if there is one that cannot be read. */
export async function readRetirement(
  disk: Disk,
  directory: string,
): Promise<Retirement | "torn" | undefined> {
  const file = await disk.openToRead(`${directory}/${RETIRED_FILE}`);
  if (!file) return undefined;
  try {
    return decoded(await file.read(0, FILE_BYTES_MAX));
  } finally {
    await file.close();
  }
}

function decoded(bytes: Uint8Array): Retirement | "torn" {
  try {
    return schema.safeParse(JSON.parse(Buffer.from(bytes).toString("utf8"))).data ?? "torn";
  } catch {
    return "torn"; // No JSON: a crash came while it was written.
  }
}

/** Puts a retirement on record, in place of a torn one; durable when resolved. The caller owns the store. */
export async function writeRetirement(
  disk: Disk,
  directory: string,
  retirement: Retirement,
): Promise<void> {
  const path = `${directory}/${RETIRED_FILE}`;
  const record = Buffer.from(`${JSON.stringify(retirement)}\n`, "utf8");
  const file = (await disk.openToWrite(path)) ?? (await disk.create(path));
  try {
    // The bytes of an older record are written over. Spaces behind a document are no part of it.
    const rest = Math.max(0, (await file.size()) - record.length);
    await file.writeDurable(0, [record, Buffer.alloc(rest, " ")]);
  } finally {
    await file.close();
  }
  await disk.syncDirectory(directory);
}

/**
 * Whether the backup at `place` is the last one of the retired store in `directory`: the first that asks is. Durable
 * when resolved. The caller owns the store.
 *
 * A restore of the last backup sets no guard, once, and a file beside the backup says who had it. So there may be no
 * second place: 1. A store is retired, and its last backup restored on host b. 2. On host a the nightly backup goes
 * on, to another disk. 3. Host b is lost, and the nightly backup is restored. Without a guard, it would sign again
 * what host b has signed.
 */
export async function claimLastBackup(
  disk: Disk,
  directory: string,
  place: string,
): Promise<boolean> {
  const found = await readRetirement(disk, directory);
  if (found === undefined || found === "torn") return false;
  if (found.lastAt !== undefined) return found.lastAt === place;
  await writeRetirement(disk, directory, { ...found, lastAt: place });
  return true;
}
