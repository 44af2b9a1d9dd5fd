/** The options of a store's archive, with every default and its reason. */
import { z } from "zod";
import type { Bucket } from "../bucket/bucket.js";
import type { CredentialSource } from "../s3/credentials.js";

const MIB = 1024 * 1024;

export const archiveDefaults = {
  gate: "strict",
  /** Some hours of a busy chain; a disk has them free as a rule. */
  heldBytes: 4096 * MIB,
  /** Large enough that requests cost little, small enough to be in memory. */
  objectBytes: 8 * MIB,
  /** A machine that is lost has not archived so much. */
  ageMs: 60_000,
} as const;

export interface ArchiveToChoices {
  /** The bucket: `file:///folder`, `s3://BUCKET/PREFIX`, or one of the caller's own, which is closed with the store. */
  readonly to: string | Bucket;
  /**
   * `strict`: what is not archived is not given back. It may grow to `heldBytes`; then blocks are refused
   * with ARCHIVE_BEHIND. `best effort`: the oldest goes unarchived where `retainBytes` are full, is counted
   * and told.
   *
   * @defaultValue "strict"
   */
  readonly gate?: "strict" | "best effort" | undefined;
  /**
   * Bytes of segments that a strict gate holds back.
   *
   * @defaultValue 4 GiB
   */
  readonly heldBytes?: number | undefined;
  /**
   * Compresses objects: with zstd where Node has it, else with gzip.
   *
   * @defaultValue false
   */
  readonly compress?: boolean | undefined;
  /**
   * Seals objects with the key of the store that writes.
   *
   * @defaultValue true, where the store has keys
   */
  readonly encrypt?: boolean | undefined;
  /**
   * Bytes of records in an object.
   *
   * @defaultValue 8 MiB
   */
  readonly objectBytes?: number | undefined;
  /**
   * How long a record waits at most for others to fill its object.
   *
   * @defaultValue 60,000
   */
  readonly ageMs?: number | undefined;
  /** @defaultValue the environment, or the shared file of credentials */
  readonly credentials?: CredentialSource | undefined;
  /** Certificates in PEM to trust in place of the platform's. */
  readonly ca?: string | undefined;
}

const words = "an address, file:///folder or s3://BUCKET/PREFIX, or a bucket";

export const archiveSchema = z.strictObject({
  to: z.custom<string | Bucket>(isTarget, words),
  gate: z.enum(["strict", "best effort"]).default(archiveDefaults.gate),
  heldBytes: z.number().int().safe().min(0).default(archiveDefaults.heldBytes),
  compress: z.boolean().default(false),
  encrypt: z.boolean().default(true),
  objectBytes: z
    .number()
    .int()
    .min(1)
    .max(64 * MIB)
    .default(archiveDefaults.objectBytes),
  ageMs: z.number().int().min(1).max(86_400_000).default(archiveDefaults.ageMs),
  credentials: z.custom<CredentialSource>(isSource, "a source of credentials").optional(),
  ca: z.string().optional(),
});

export type ArchiveSettings = z.output<typeof archiveSchema>;

function isTarget(value: unknown): boolean {
  if (typeof value === "string") return /^(?:file|s3):\/\/./.test(value);
  return typeof value === "object" && value !== null && "putIfAbsent" in value;
}

function isSource(value: unknown): boolean {
  if (value === "environment" || typeof value === "function") return true;
  return typeof value === "object" && value !== null && "file" in value;
}
