/** Journals of short texts on a simulated disk. */
import { createHash } from "node:crypto";
import { expect } from "vitest";
import { SimulatedDisk } from "../../src/testing/simulated-disk.js";
import { REQUIRED_TYPE } from "../../src/records/log/envelope.js";
import { Journal } from "../../src/records/journal.js";
import type { NewJournalRecord } from "../../src/records/log/new-record.js";
import type { Surroundings } from "../../src/disk/surroundings.js";
import type { JournalChoices } from "../../src/records/options.js";
import type { JournalRecord } from "../../src/records/replay.js";
import { type ErrorCode, PersisterError } from "../../src/types/errors.js";

export const DIRECTORY = "records";
export const SEGMENT_BYTES = 96 * 1024;

/** A type that no reader may skip, and one that a reader may skip. */
export const PUT = REQUIRED_TYPE | 1;
export const NOTE = 2;

let seeds = 0;

export function surroundings(disk: SimulatedDisk, seed = ++seeds): Surroundings {
  let draws = 0;
  return {
    disk,
    randomBytes: (count) => {
      draws += 1;
      return createHash("shake256", { outputLength: count })
        .update(`records ${seed} ${draws}`)
        .digest();
    },
    whenIdle: (task) => queueMicrotask(task),
    later: (task) => void setImmediate(task),
    pace: (task) => void setImmediate(task),
    nowMs: () => 0,
    durable: true,
  };
}

/** An empty journal, closed. */
export async function born(disk = new SimulatedDisk()): Promise<SimulatedDisk> {
  await Journal.initOn(surroundings(disk), DIRECTORY, { segmentBytes: SEGMENT_BYTES });
  return disk;
}

export async function opened(
  disk: SimulatedDisk,
  choices: Partial<JournalChoices> = {},
): Promise<Journal> {
  const all = { types: [PUT, NOTE], segmentBytes: SEGMENT_BYTES, ...choices };
  return await Journal.openOn(surroundings(disk), DIRECTORY, all);
}

/** A fresh journal, open. */
export async function fresh(
  choices: Partial<JournalChoices> = {},
): Promise<{ readonly disk: SimulatedDisk; readonly journal: Journal }> {
  const disk = await born();
  return { disk, journal: await opened(disk, choices) };
}

export async function reopened(
  journal: Journal,
  disk: SimulatedDisk,
  choices: Partial<JournalChoices> = {},
): Promise<Journal> {
  await journal.close();
  return await opened(disk, choices);
}

export function put(text: string, more: Partial<NewJournalRecord> = {}): NewJournalRecord {
  return { type: PUT, payload: Buffer.from(text), ...more };
}

/** Appends a record of this text for each number of [from, to), one after the other. */
export async function appendTexts(journal: Journal, from: number, to: number): Promise<void> {
  for (let number = from; number < to; number++) await journal.append(put(`text ${number}`));
}

export function textOf({ payload }: Pick<JournalRecord, "payload">): string {
  return Buffer.from(payload).toString();
}

/** The records of a replay, as "LSN text". */
export async function replayed(
  journal: Journal,
  options: Parameters<Journal["replay"]>[0] = {},
): Promise<string[]> {
  const found: string[] = [];
  for await (const record of journal.replay(options)) found.push(`${record.lsn} ${textOf(record)}`);
  return found;
}

/** "LSN text LSN" for each LSN of [from, to), as `appendTexts` writes them. */
export function texts(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, index) => `${from + index} text ${from + index}`);
}

/** The refusal of `promise`, whose code must be `code`. */
export async function refusal(promise: Promise<unknown>, code: ErrorCode): Promise<PersisterError> {
  const outcome: unknown = await promise.then(
    () => "resolved",
    (error: unknown) => error,
  );
  expect(outcome).toBeInstanceOf(PersisterError);
  const error = outcome as PersisterError;
  expect({ code: error.code, message: error.message }).toMatchObject({ code });
  return error;
}

/** Gives everything that is queued in this process time to go on. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}
