/** The options of a job store, checked once, with every default and its reason. */
import { z } from "zod";
import { type OpeningChoices, openingShape } from "../async/opening.js";
import { type KeyChoices, keyChoicesSchema } from "../keys/source.js";
import { segmentBytes } from "../records/options.js";
import type { Flush } from "../disk/surroundings.js";
import type { PersisterError } from "../types/errors.js";
import { checkChoices } from "../types/choices.js";

const KIB = 1024;
const MIB = 1024 * KIB;

/** All defaults. */
export const defaults = {
  /** Holds what a node keeps beside its blocks; larger values belong into files. */
  valueBytesMax: 1 * MIB,
  /** A key is compared and sorted whole; this holds a path and a hash. */
  keyBytesMax: 4 * KIB,
  /** Some groups of the journal: one job may have as much on its way before its writers wait. */
  queueBytes: 8 * MIB,
  /** A tenth of a second of a recovery, which may have to do as much again. */
  checkpointBytes: 8 * MIB,
  /** A disk that does nothing for so long is not slow but stuck: its writers are told. */
  stallMs: 60_000,
  /** As a journal's: holds the largest batch beside others. */
  segmentBytes: 4 * MIB,
} as const;

/** A category is part of every key of LevelDB. */
export const CATEGORY_BYTES_MAX = 128;
/** All operations of a batch together are one record of the journal. */
export const BATCH_BYTES_MAX = 2 * MIB;

/** The largest values of the two options. */
export const VALUE_BYTES_MAX = BATCH_BYTES_MAX / 2;
export const KEY_BYTES_MAX = 64 * KIB;

export interface JobStoreChoices extends OpeningChoices {
  /** Bytes of the largest value. @defaultValue 1 MiB */
  readonly valueBytesMax?: number;
  /** Bytes of the largest key. @defaultValue 4 KiB */
  readonly keyBytesMax?: number;
  /** Bytes that one job may have on their way before its writers wait. @defaultValue 8 MiB */
  readonly queueBytes?: number;
  /** Bytes of writes after which a checkpoint is taken: a recovery does as many again. @defaultValue 8 MiB */
  readonly checkpointBytes?: number;
  /** Milliseconds that a write may wait for room before it is refused. @defaultValue 60,000 */
  readonly stallMs?: number;
  /** Bytes of the journal's smallest segments; a batch fits one. @defaultValue 4 MiB */
  readonly segmentBytes?: number;
  /**
   * How small groups of the journal are written. `auto`: by a call that holds the event loop, as long as the
   * disk is measured to answer within 0.2 ms. `async`: never by such a call. @defaultValue "auto"
   */
  readonly flush?: Flush;
  /**
   * The caller's word that the folder was copied or moved, and that no other copy will be opened again.
   * Without it such a store is refused with STORE_MOVED. @defaultValue false
   */
  readonly moved?: boolean;
  /**
   * Encrypts the values and the journal on disk: one key writes, any number read.
   *
   * @defaultValue none: they are plain
   */
  readonly keys?: KeyChoices | undefined;
  /**
   * Is told of every plain write that failed after its promise had resolved, and of a write to a job
   * that is not open (once per job). @defaultValue nothing is called; `flush()` and `status()` tell
   */
  readonly onError?: (error: PersisterError, job: string) => void;
}

const schema = z.strictObject({
  valueBytesMax: z.number().int().min(1).max(VALUE_BYTES_MAX).default(defaults.valueBytesMax),
  keyBytesMax: z.number().int().min(1).max(KEY_BYTES_MAX).default(defaults.keyBytesMax),
  queueBytes: z.number().int().safe().min(1).default(defaults.queueBytes),
  checkpointBytes: z.number().int().safe().min(1).default(defaults.checkpointBytes),
  stallMs: z.number().int().min(1).max(0x7fff_ffff).default(defaults.stallMs),
  segmentBytes: segmentBytes.default(defaults.segmentBytes),
  flush: z.enum(["auto", "async"]).default("auto"),
  moved: z.boolean().default(false),
  keys: keyChoicesSchema.optional(),
  onError: z
    .custom<JobStoreChoices["onError"]>(
      (value) => typeof value === "function",
      "expected a function",
    )
    .optional(),
  ...openingShape,
});

/** Those that hold as long as the store is open. */
export type JobStoreSettings = Omit<z.output<typeof schema>, keyof OpeningChoices>;

/** @throws {PersisterError} USAGE naming the first wrong option. */
export function checkJobStore(choices: JobStoreChoices): z.output<typeof schema> {
  return checkChoices(schema, choices);
}
