/**
 * The manifest of a backup: everything that it holds, and the moment of the store that it shows.
 *
 * ```
 * BACKUP                            says what this directory is; locked while a backup is made
 * segments/SEQUENCE-END-CHAIN.seg   the begin of a segment up to byte END: never changed, shared by all backups here
 * 0000007-STORE, 0000007-mark, 0000007-prune_anchor_a.pb, ...   backup 7: the other files of the store
 * 0000007-manifest.json             this document
 * 0000007-SHA256SUMS                the sums of all its files
 * 0000007-FINISHED                  empty, made last: without it the backup is unfinished, and counts as none
 * ```
 *
 * `sha256sum --check 0000007-SHA256SUMS` checks a backup without Lanekeeper.
 *
 * A backup is no store: each file has a `path`, its place in a store, and an `at`, its place in the backup
 * directory. Numbers of 64 bits are strings of decimal digits in JSON, and bigints here.
 */
import { u64Text } from "../../codec/u64-text.js";
import { z } from "zod";
import { PersisterError } from "../../types/errors.js";

const hex = (bytes: number): z.ZodString =>
  z.string().regex(new RegExp(`^[0-9a-f]{${2 * bytes}}$`), `${bytes} bytes in lower-case hex`);

/** The names that a store has: a manifest leads to no other place. */
const storePath = z
  .string()
  .regex(
    /^(STORE|mark|(prune_anchor|consensus)_[ab]\.pb|journal\/\d{4,9}\.seg)$/,
    "a file of a store",
  );

const backupPath = z
  .string()
  .regex(/^(segments\/[0-9a-f-]+\.seg|\d{7}-[A-Za-z_]+(\.pb)?)$/, "a file of a backup");

const count = z.number().int().safe().nonnegative();

/** A segment, or its begin: records with LSNs of [firstLsn, nextLsn), and the chain value at its end. */
const segmentSchema = z.strictObject({
  sequence: u64Text,
  firstLsn: u64Text,
  nextLsn: u64Text,
  endChain: count,
});

const fileSchema = z.strictObject({
  /** In a store. */
  path: storePath,
  /** In the backup directory. */
  at: backupPath,
  bytes: count,
  sha256: hex(32),
  /** `null` for a file that is no segment. */
  segment: segmentSchema.nullable(),
});

const manifestSchema = z.strictObject({
  format: z.literal("lanekeeper backup"),
  version: z.literal(1),
  /** Counts the backups in this directory, from 1. */
  number: z.number().int().min(1).max(9_999_999),
  chainId: z.string().min(1).max(255),
  storeId: hex(16),
  /** How often the store had been opened. */
  generation: u64Text,
  /** Milliseconds since 1970. */
  takenAtMs: count,
  /** The cut: everything up to this LSN is in the backup, and nothing above it. */
  lsn: u64Text,
  /** Every log, with its numbers [first, next): lanes by their ids, the road, the logs of notes. */
  logs: z.array(z.strictObject({ name: z.string(), first: u64Text, next: u64Text })).readonly(),
  /** The anchor that was durable; `null` where there was none. */
  anchor: z.strictObject({ sequence: u64Text, roadIndex: u64Text }).nullable(),
  /** The sequence of the vote state that was durable; `null` where there was none. */
  vote: z.strictObject({ sequence: u64Text }).nullable(),
  /** The ids of the keys without which payloads in it cannot be read. */
  keyIds: z.array(hex(8)).readonly(),
  /**
   * Of the last backup of a store that was retired: a restore takes it without a guard. `token` is of this
   * retirement alone. `null` for every other backup.
   */
  retired: z.strictObject({ token: hex(16), reason: z.string(), atMs: count }).nullable(),
  files: z.array(fileSchema).readonly(),
});

export type BackupManifest = z.output<typeof manifestSchema>;
export type BackupFile = BackupManifest["files"][number];

/** The bytes of `manifest.json`. */
export function encodeManifest(manifest: BackupManifest): Uint8Array {
  const plain = (_: string, value: unknown): unknown => {
    return typeof value === "bigint" ? String(value) : value;
  };
  return Buffer.from(`${JSON.stringify(manifest, plain, 2)}\n`, "utf8");
}

/**
 * Reads the manifest in `bytes`, which are those of `file`.
 *
 * @throws {PersisterError} BACKUP_CORRUPT where it is none; FORMAT_TOO_NEW where a later version wrote it.
 */
export function decodeManifest(bytes: Uint8Array, file: string): BackupManifest {
  const document = parsed(bytes);
  refuseNewer(document, file);
  const read = manifestSchema.safeParse(document);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  const text = `${file}: it is no manifest: ${issue?.path.join(".") ?? ""}: ${issue?.message ?? ""}`;
  throw new PersisterError("BACKUP_CORRUPT", `${text}; take another backup`, { file });
}

const versionSchema = z.object({
  format: z.literal("lanekeeper backup"),
  version: z.number().int().min(2),
});

function refuseNewer(document: unknown, file: string): void {
  const newer = versionSchema.safeParse(document);
  if (!newer.success) return;
  const { version } = newer.data;
  const text = `${file}: version ${version} of a backup is newer than this Lanekeeper reads`;
  throw new PersisterError("FORMAT_TOO_NEW", text, { file });
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch {
    return undefined; // The schema refuses it, with the file's name.
  }
}
