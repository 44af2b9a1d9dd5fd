/**
 * Makes a store of a backup. The store is an older life of its validator: it may have signed more than it
 * knows, so its first open guards all of it (D6), before anything can be signed.
 *
 * Crash safety: it is a birth like any other (`journal/init.ts`). INIT stands in the directory first, STORE
 * last, so that a crash leaves a store, or what open takes for none and the next restore begins anew. RESTORED,
 * from which the first open takes the guard, is durable before STORE: no store is ever there without it.
 */
import type { Disk, DiskFile } from "../../disk/disk.js";
import { bearStore } from "../../journal/init.js";
import {
  INIT_FILE,
  JOURNAL_DIRECTORY,
  RECORDS_CHAIN,
  RESTORED_FILE,
  STORE_FILE,
} from "../../journal/form/store.js";
import { pairFiles } from "../../persist/checked-store.js";
import { encodeRestored, readRestored, type Restored } from "../../journal/form/restored.js";
import { copyTo, sha256Of } from "../backup/copy.js";
import type { Source } from "../backup/cut.js";
import { corrupt } from "../backup/found.js";
import type { BackupManifest } from "../backup/manifest.js";
import { assert } from "../../types/assert.js";
import { takeLastBackup } from "./last-backup.js";

/** Nobody waits for the disk but the one who restores. */
const AT_ONCE = { spend: () => Promise.resolve() };

export interface RestoreOptions {
  readonly disk: Disk;
  /** The backup directory, and the backup in it. */
  readonly from: string;
  readonly manifest: BackupManifest;
  /** The state directory to make: missing or empty, or left by a restore that was interrupted. */
  readonly directory: string;
  /** Guards also the last backup of a retired store. */
  readonly guardAlways: boolean;
  readonly nowMs: () => number;
  readonly randomBytes: (count: number) => Uint8Array;
  readonly signal?: AbortSignal | undefined;
  /** Told how many bytes were copied. */
  readonly onProgress?: ((bytes: number) => void) | undefined;
}

/**
 * Durable when resolved: the directory is a store, and its first open sets the guard that is returned.
 *
 * @throws {PersisterError} STORE_EXISTS where anything stands in the directory; BACKUP_CORRUPT where a file is
 * not what the manifest says: nothing is a store then; ABORTED, DISK_FULL, READ_ONLY, IO.
 */
export async function restore(options: RestoreOptions): Promise<Restored> {
  const { disk, directory, manifest } = options;
  const before = await unfinishedIn(disk, directory);
  let restored = plannedFor(options, before);
  await bearStore(disk, directory, {
    files: [...pairFiles(), RESTORED_FILE],
    make: async () => {
      const record = await disk.create(`${directory}/${RESTORED_FILE}`);
      try {
        restored = await recorded(record, restored, options);
      } finally {
        await record.close();
      }
      await disk.syncDirectory(directory);
      return await copyAll(options, manifest);
    },
  });
  return restored;
}

/** The record of a restore into `directory` that a crash has interrupted. */
async function unfinishedIn(disk: Disk, directory: string): Promise<Restored | undefined> {
  if ((await disk.kind(`${directory}/${INIT_FILE}`)) === undefined) return undefined;
  return await readRestored(disk, directory);
}

function plannedFor(
  { manifest, guardAlways, nowMs, randomBytes }: RestoreOptions,
  before: Restored | undefined,
): Restored {
  const isOfRecords = manifest.chainId === RECORDS_CHAIN;
  const isLast = manifest.retired !== null && !guardAlways;
  const taken = new Date(manifest.takenAtMs).toISOString();
  const last = isLast ? ", the last one of a store that was retired" : "";
  return {
    // A journal of records signs nothing.
    guard: isLast || isOfRecords ? "none" : "all",
    reason: `backup ${manifest.number} of ${taken}${last}`,
    atMs: Math.floor(nowMs()),
    claim: before?.guard === "none" ? before.claim : Buffer.from(randomBytes(16)).toString("hex"),
  };
}

/**
 * Writes the record, and takes the last backup of a retired store. The claim is in the record before it is at
 * the backup: 1. The backup is taken. 2. The power fails. 3. The next restore finds its claim here, and has the
 * backup still. If somebody else has it, the guard is set, and the record says so before STORE is there.
 */
async function recorded(
  record: DiskFile,
  planned: Restored,
  { disk, from, manifest, directory }: RestoreOptions,
): Promise<Restored> {
  await record.writeDurable(0, [encodeRestored(planned)]);
  if (planned.guard === "all" || manifest.chainId === RECORDS_CHAIN) return planned;
  assert(manifest.retired !== null, "only the last backup of a retired store needs no guard");
  // A name that is not durable would be gone after the power failed, and the claim with it.
  await disk.syncDirectory(directory);
  const { claim, atMs } = planned;
  const isOurs = await takeLastBackup(disk, from, manifest.retired, { claim, to: directory, atMs });
  if (isOurs) return planned;
  const guarded = { ...planned, guard: "all" } as const;
  const [before, after] = [encodeRestored(planned), encodeRestored(guarded)];
  // Spaces behind a document are no part of it.
  const rest = Math.max(0, before.length - after.length);
  await record.writeDurable(0, [after, Buffer.alloc(rest, " ")]);
  return guarded;
}

/** Copies every file but STORE, each read back and compared; returns the bytes of that one. */
async function copyAll(options: RestoreOptions, { files }: BackupManifest): Promise<Uint8Array> {
  const { disk, directory, onProgress } = options;
  const journal = `${directory}/${JOURNAL_DIRECTORY}`;
  if ((await disk.kind(journal)) === undefined) await disk.makeDirectory(journal);
  let store: Uint8Array | undefined;
  for (const file of files) {
    if (file.path === STORE_FILE) store = await storeIn(options, file);
    else await withSource(options, file, (source) => copyOne(options, file, source));
    onProgress?.(file.bytes);
  }
  await disk.syncDirectory(journal);
  if (store) return store;
  throw corrupt(options.from, "the backup has no STORE");
}

type BackedUp = BackupManifest["files"][number];

async function copyOne(options: RestoreOptions, file: BackedUp, source: Source): Promise<void> {
  const { disk, directory, signal } = options;
  const copying = { disk, pace: AT_ONCE, signal };
  refuseOther(options, file, await copyTo(`${directory}/${file.path}`, source, copying));
}

async function storeIn(options: RestoreOptions, file: BackedUp): Promise<Uint8Array> {
  return await withSource(options, file, async (source) => {
    const bytes = Uint8Array.from(await source.read(0, file.bytes, new Uint8Array(file.bytes)));
    refuseOther(options, file, sha256Of(bytes));
    return bytes;
  });
}

async function withSource<T>(
  { disk, from }: RestoreOptions,
  { at, bytes }: BackedUp,
  use: (source: Source) => Promise<T>,
): Promise<T> {
  const path = `${from}/${at}`;
  const file = await disk.openToRead(path);
  if (!file) throw corrupt(path, "the file is missing");
  try {
    if ((await file.size()) < bytes) throw corrupt(path, "the file is cut short");
    return await use({
      bytes,
      read: (position, length, into) => file.read(position, length, into),
    });
  } finally {
    await file.close();
  }
}

function refuseOther({ from }: RestoreOptions, { at, sha256 }: BackedUp, found: string): void {
  if (found !== sha256) throw corrupt(`${from}/${at}`, "its SHA-256 is not the manifest's");
}
