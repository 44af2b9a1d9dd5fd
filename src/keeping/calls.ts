/** Moves of a validator as a user asks for them: on the real disk, with arguments checked at the door. */
import { randomBytes } from "node:crypto";
import { z } from "zod";
import { listenerSchema, signalSchema } from "../async/opening.js";
import { absolutePath, type PathInput } from "../disk/path.js";
import { RealDisk } from "../disk/real/real.js";
import type { Retirement } from "../journal/form/retired.js";
import { type KeySource, keySourceSchema } from "../keys/source.js";
import { checkChoices } from "../types/choices.js";
import { findBackup } from "./backup/found.js";
import { restore } from "./restore/restore.js";
import { retire } from "./retire/retire.js";
import type { Watermarks } from "./watermarks/document.js";
import { exportWatermarks } from "./watermarks/export.js";

export interface RestoreChoices {
  /**
   * The number of the backup.
   *
   * @defaultValue the newest one
   */
  readonly number?: number | undefined;
  /**
   * Guards the last backup of a retired store, too.
   *
   * @defaultValue false
   */
  readonly guardAlways?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called behind each file, with its bytes. */
  readonly onProgress?: ((bytes: number) => void) | undefined;
}

const restoreSchema = z.strictObject({
  number: z.number().int().min(1).optional(),
  guardAlways: z.boolean().default(false),
  signal: signalSchema,
  onProgress: listenerSchema<number>(),
});

/**
 * Makes a store in `to` of a backup in `from`. The first open guards it: `maySign` allows nothing new until its
 * guards have heights. Durable when resolved. "none": the last backup of a retired store, which nobody has
 * restored before, needs no guard.
 *
 * @example
 * await restoreStore("/mnt/other-disk/validator-3", "state");
 *
 * @throws {PersisterError} STORE_EXISTS; BACKUP_CORRUPT, FORMAT_TOO_NEW; ABORTED, DISK_FULL, READ_ONLY, IO,
 * USAGE. Then `to` holds no store, and the next restore begins anew.
 */
export async function restoreStore(
  from: PathInput,
  to: PathInput,
  choices: RestoreChoices = {},
): Promise<{ readonly guard: "all" | "none" }> {
  const { number, ...settings } = checkChoices(restoreSchema, choices);
  const disk = new RealDisk();
  const backups = absolutePath(from);
  const manifest = await findBackup(disk, backups, number);
  const directory = absolutePath(to);
  const work = { disk, from: backups, manifest, directory, nowMs: Date.now, randomBytes };
  const { guard } = await restore({ ...work, ...settings });
  return { guard };
}

const retireSchema = z.strictObject({ reason: z.string().trim().min(1).max(1000) });

/**
 * Retires the store in `directory`: no open passes it any more. Durable when resolved. A store that is retired
 * already keeps its record, which is returned. `backupStore` then makes its last backup, in one directory.
 *
 * @throws {PersisterError} STORE_LOCKED while it is open; NOT_A_STORE, FORMAT_TOO_NEW, DISK_FULL, READ_ONLY, IO,
 * USAGE.
 */
export async function retireStore(
  directory: PathInput,
  choices: { readonly reason: string },
): Promise<Retirement> {
  const { reason } = checkChoices(retireSchema, choices);
  const disk = new RealDisk();
  return await retire({
    disk,
    directory: absolutePath(directory),
    reason,
    nowMs: Date.now,
    randomBytes,
  });
}

const watermarksSchema = z.strictObject({
  keys: z.array(keySourceSchema).default([]),
  signer: z
    .string()
    .regex(/^[0-9a-f]{64}$/, "64 lower-case hex digits")
    .optional(),
});

/**
 * How far the validator of the store in `directory` has signed, at the most. Nobody has the store open meanwhile;
 * retire it first, or it may go on. `signer` is the validator's public key, which a store without votes does not
 * tell.
 *
 * @throws {PersisterError} STORE_LOCKED; NOT_A_STORE, FORMAT_TOO_NEW; KEY_MISSING; IO, USAGE. A damaged store
 * gives a document that is not complete.
 */
export async function watermarksOf(
  directory: PathInput,
  choices: { readonly keys?: readonly KeySource[]; readonly signer?: string | undefined } = {},
): Promise<Watermarks> {
  const { keys, signer } = checkChoices(watermarksSchema, choices);
  const disk = new RealDisk();
  return await exportWatermarks({ disk, directory: absolutePath(directory), keys, signer });
}
