/**
 * The choices of a journal's user, checked once, with every default and its reason in one table.
 */
import { z } from "zod";
import { type OpeningChoices, openingShape } from "../async/opening.js";
import { type KeyChoices, keyChoicesSchema } from "../keys/source.js";
import type { Flush } from "../disk/surroundings.js";
import { checkChoices } from "../types/choices.js";
import { OWN_TYPE } from "./log/envelope.js";

const KIB = 1024;
const MIB = 1024 * KIB;

/** All defaults. */
export const defaults = {
  /** Holds the largest record of most users beside others, and is written in one go. */
  segmentBytes: 4 * MIB,
  /** Four groups of the largest size: one on its way, one to follow, and as much again. */
  queueBytes: 16 * MIB,
} as const;

/** Smallest and largest segment. The smallest is for tests. */
const SEGMENT_BYTES_MIN = 40 * KIB;
const SEGMENT_BYTES_MAX = 64 * MIB;

export interface JournalInitChoices {
  /**
   * Bytes of the smallest segments, from 40 KiB to 64 MiB. Segments grow with the records that are held,
   * up to 16 times. No record is larger than the smallest segment.
   *
   * @defaultValue 4 MiB
   */
  readonly segmentBytes?: number;
}

export interface JournalChoices extends JournalInitChoices, OpeningChoices {
  /**
   * Every type of record that the caller understands: 14-bit numbers, with `REQUIRED_TYPE` set in those
   * that no reader may skip. Other types cannot be appended. An open that finds a record of another
   * required type is refused; one of another optional type is skipped and kept.
   */
  readonly types: readonly number[];
  /**
   * Bytes that may be on their way to disk before `append` waits.
   *
   * @defaultValue 16 MiB
   */
  readonly queueBytes?: number;
  /**
   * How small groups of records are written. `auto`: by a call that holds the event loop, as long as the disk
   * is measured to answer within 0.2 ms; the status tells. `async`: never by such a call.
   *
   * @defaultValue "auto"
   */
  readonly flush?: Flush;
  /**
   * The caller's word that the directory was copied or moved, and that no other copy will be opened again.
   * Without it such a directory is refused with STORE_MOVED.
   *
   * @defaultValue false
   */
  readonly moved?: boolean;
  /**
   * Encrypts the records on disk: one key writes, any number read.
   *
   * @defaultValue none: records are plain
   */
  readonly keys?: KeyChoices | undefined;
}

export const segmentBytes = z.number().int().min(SEGMENT_BYTES_MIN).max(SEGMENT_BYTES_MAX);
const recordType = z
  .number()
  .int()
  .min(0)
  .max(0xffff)
  .refine((type) => (type & OWN_TYPE) === 0, "bit 14 marks the journal's own types");

const initSchema = z.strictObject({
  segmentBytes: segmentBytes.default(defaults.segmentBytes),
});

const openSchema = initSchema.extend({
  types: z.array(recordType).readonly(),
  queueBytes: z.number().int().safe().min(1).default(defaults.queueBytes),
  flush: z.enum(["auto", "async"]).default("auto"),
  moved: z.boolean().default(false),
  keys: keyChoicesSchema.optional(),
  ...openingShape,
});

export type JournalInitSettings = z.output<typeof initSchema>;
export type JournalSettings = z.output<typeof openSchema>;

/** @throws {PersisterError} USAGE naming the first wrong option. */
export function checkInit(choices: JournalInitChoices): JournalInitSettings {
  return checkChoices(initSchema, choices);
}

/** @throws {PersisterError} USAGE naming the first wrong option. */
export function checkOpen(choices: JournalChoices): JournalSettings {
  return checkChoices(openSchema, choices);
}
