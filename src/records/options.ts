/**
 * What a user of a journal may choose, checked once, with every default and its reason in one table.
 */
import { z } from "zod";
import { checkChoices } from "../types/choices.js";
import { OWN_TYPE } from "./envelope.js";

const KIB = 1024;
const MIB = 1024 * KIB;

/** All defaults. */
export const defaults = {
  /** Holds the largest record of most users beside others, and is written in one go. */
  segmentBytes: 4 * MIB,
  /** Four groups of the largest size: one on its way, one to follow, and as much again. */
  queueBytes: 16 * MIB,
  /** Long enough that a busy journal writes no mark of its own, short for an operator's eye. */
  idleMs: 20,
} as const;

/** Smallest and largest segment. The smallest is for tests. */
const SEGMENT_BYTES_MIN = 24 * KIB;
const SEGMENT_BYTES_MAX = 64 * MIB;

export interface JournalInitChoices {
  /**
   * Bytes of the smallest segments; 4 MiB where it is left out. They grow with what is held, up to 16
   * times. No record is larger than the smallest one.
   */
  readonly segmentBytes?: number;
}

export interface JournalChoices extends JournalInitChoices {
  /**
   * Every type of record that the caller understands: 14-bit numbers, with `REQUIRED_TYPE` set where
   * nobody may skip them. Others cannot be appended; a required one that is found refuses the open.
   */
  readonly types: readonly number[];
  /** Bytes that may be on their way to disk before `append` waits; 16 MiB where it is left out. */
  readonly queueBytes?: number;
}

const segmentBytes = z.number().int().min(SEGMENT_BYTES_MIN).max(SEGMENT_BYTES_MAX);
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
  queueBytes: z.number().int().min(1).default(defaults.queueBytes),
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
