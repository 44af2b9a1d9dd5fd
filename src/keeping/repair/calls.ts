/** A repair as a user asks for it, on real files. */
import { rename, rm } from "node:fs/promises";
import { z } from "zod";
import { Archive } from "../../archive/reading/archive.js";
import { diskError } from "../../disk/failure.js";
import { absolutePath, type PathInput } from "../../disk/path.js";
import { realSurroundings } from "../../disk/surroundings.js";
import type { KeySource } from "../../keys/source.js";
import { checkChoices } from "../../types/choices.js";
import type { Epoch } from "../../wire/committee.js";
import type { Peers } from "./sources.js";
import { type RepairReport, repair } from "./repair.js";

export interface RepairOptions {
  /** The committees of every epoch from the anchor's on: they prove what is kept. */
  readonly epochs: readonly Epoch[];
  /** The keys of a sealed store; the first one seals the store that is made. */
  readonly keys?: readonly KeySource[] | undefined;
  /** A directory of backups of this store: its newest one gives records that are lost. */
  readonly from?: PathInput | undefined;
  /** The address of an archive of this chain, `file:///folder` or `s3://BUCKET/PREFIX`: as `from`. */
  readonly fromArchive?: string | undefined;
  /** The chain of a store that has lost its STORE, and of which there is no backup. */
  readonly chainId?: string | undefined;
  /**
   * The store was copied, as off a failing disk, or moved. Your word that the original never runs again.
   *
   * @defaultValue false
   */
  readonly moved?: boolean | undefined;
  /** Peers that are asked for records that are lost. */
  readonly peers?: Peers | undefined;
  /**
   * Makes the store and swaps it in; else only tells what that would do.
   *
   * @defaultValue false
   */
  readonly apply?: boolean | undefined;
  /**
   * Your word that what is lost may be lost. The store is guarded all the same.
   *
   * @defaultValue false
   */
  readonly acceptLoss?: boolean | undefined;
  /** The reason, which stands on record in the store that is made. */
  readonly reason?: string | undefined;
}

const schema = z.strictObject({
  epochs: z.custom<readonly Epoch[]>((value) => Array.isArray(value) && value.length > 0, "epochs"),
  keys: z.custom<readonly KeySource[]>(Array.isArray, "a list of keys").default([]),
  from: z.custom<PathInput>((value) => value !== undefined).optional(),
  fromArchive: z.string().min(1).optional(),
  chainId: z.string().min(1).max(255).optional(),
  peers: z.custom<Peers>((value) => typeof value === "object" && value !== null).default({}),
  moved: z.boolean().default(false),
  apply: z.boolean().default(false),
  acceptLoss: z.boolean().default(false),
  reason: z.string().trim().min(1).max(1000).default("repaired"),
});

/**
 * Repairs the store in `directory`, which nobody has open, or tells what a repair would do. The store that is made
 * is guarded as a whole: it signs nothing new until the heights of its guards are known. The damaged one stays
 * beside it.
 *
 * @example
 * const { plan, hasLoss } = await repairStore("state", { epochs, from: "/mnt/other-disk/validator-3" });
 * if (plan && !hasLoss) await repairStore("state", { epochs, from: "/mnt/other-disk/validator-3", apply: true });
 *
 * @throws {PersisterError} USAGE; STORE_LOCKED while somebody has it open; the refusal of open where it is no
 * damage; ACKNOWLEDGED_LOST where something would be lost and `acceptLoss` does not say that it may;
 * BACKUP_CORRUPT, ARCHIVE_CORRUPT, BUCKET_FAILED, BUCKET_REFUSED, KEY_MISSING, DISK_FULL, IO. The store stays as it was.
 */
export async function repairStore(
  directory: PathInput,
  options: RepairOptions,
): Promise<RepairReport> {
  const { from, fromArchive, ...settings } = checkChoices(schema, options);
  const { keys } = settings;
  return await repair({
    ...settings,
    chainId: settings.chainId,
    archive:
      fromArchive === undefined
        ? undefined
        : (chainId) => Archive.open(fromArchive, { chainId, keys }),
    surroundings: realSurroundings(),
    directory: absolutePath(directory),
    from: from === undefined ? undefined : absolutePath(from),
    rename: renamed,
    remove: (path) => rm(path, { recursive: true, force: true }),
  });
}

async function renamed(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (cause) {
    throw diskError(`rename a directory to ${to}`, from, cause);
  }
}
