/**
 * Whether somebody has the store open, as far as it can be told without taking its lock. Trying the
 * lock, even a shared one for a moment, could refuse an owner that opens at that moment; so it is
 * looked for in the list that Linux keeps of all locks, by device and inode of STORE.
 */
import type { Disk } from "../disk/disk.js";
import { PersisterError } from "../types/errors.js";

/** `open`: a lock on STORE is held. `not seen`: none is. `unknown`: this system does not say. */
export type Owner = "open" | "not seen" | "unknown";

const LOCKS_FILE = "/proc/locks";
const LOCKS_BYTES_MAX = 4 * 1024 * 1024;

/** Whether a lock on the file at `path` is held by anybody now. */
export async function ownerOf(disk: Disk, path: string): Promise<Owner> {
  const locks = await readLocks(disk);
  const identity = locks === undefined ? undefined : await identityOf(disk, path);
  const numbers = /^(\d+):(\d+)$/.exec(identity ?? "");
  if (locks === undefined || !numbers) return "unknown";
  return lockSeen(locks, BigInt(numbers[1] ?? 0), BigInt(numbers[2] ?? 0));
}

/**
 * Looks for a write lock in `locks`, lines as in /proc/locks:
 * `1: OFDLCK ADVISORY  WRITE -1 fe:00:9977884 0 EOF`, device as major:minor in hex. A line with `->`
 * waits for a lock.
 */
export function lockSeen(locks: string, device: bigint, inode: bigint): Owner {
  let sameInode = false;
  for (const line of locks.split("\n")) {
    const found = /^\d+: (?:OFDLCK|POSIX) .* WRITE +-?\d+ ([0-9a-f]+):([0-9a-f]+):(\d+) /.exec(
      line,
    );
    if (!found || BigInt(found[3] ?? 0) !== inode) continue;
    if (found[1] === hexOf(majorOf(device)) && found[2] === hexOf(minorOf(device))) return "open";
    sameInode = true;
  }
  // Some file systems (btrfs, overlays) name another device here than to whoever asks for a file's.
  return sameInode ? "unknown" : "not seen";
}

async function readLocks(disk: Disk): Promise<string | undefined> {
  const file = await lookedUp(() => disk.openToRead(LOCKS_FILE));
  if (!file) return undefined;
  try {
    const bytes = await lookedUp(() => file.read(0, LOCKS_BYTES_MAX));
    return bytes && Buffer.from(bytes).toString("latin1");
  } finally {
    await file.close();
  }
}

async function identityOf(disk: Disk, path: string): Promise<string | undefined> {
  return await lookedUp(() => disk.identity(path));
}

/** `undefined` where the system refuses to say. */
async function lookedUp<Answer>(look: () => Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await look();
  } catch (error) {
    if (!(error instanceof PersisterError)) throw error;
    return undefined;
  }
}

/** As glibc packs a device number. */
function majorOf(device: bigint): bigint {
  return ((device >> 32n) & 0xffff_f000n) | ((device >> 8n) & 0xfffn);
}

function minorOf(device: bigint): bigint {
  return ((device >> 12n) & 0xffff_ff00n) | (device & 0xffn);
}

/** At least two digits, as the kernel prints it. */
function hexOf(value: bigint): string {
  return value.toString(16).padStart(2, "0");
}
