/**
 * The forms of notes: small JSON records of what was decided about the store, in logs of their own beside
 * the lanes and the road. The last notes of each log are kept.
 *
 * | log | a note says | kept |
 * |---|---|---|
 * | `releases` | an operator has lifted a pin (D6) | 64 |
 * | `fences` | a writer was let in (D8) | 16 |
 * | `decisions` | an operator has decided something else | 64 |
 * | `archived` | how far each log is archived; the newest note has all of them | 4 |
 * | `guards` | the guards were set or raised (D6); the newest note has all of them | 64 |
 */
import { isLaneId, type LaneId } from "../types/lane.js";
import { type ArchivedNote, readArchivedNote } from "./archived-note.js";
import { type GuardNote, readGuardNote } from "./guards/heights.js";

/** One pin that was lifted by decision. */
export interface Release {
  readonly lane: LaneId;
  readonly number: bigint;
  /** The block to which the number was pinned, 64 hex digits. */
  readonly headerHash: string;
  readonly reason: string;
  readonly atMs: number;
}

/** A writer that was let in. Its fence is the number of the note, counted from 1. */
export interface FenceNote {
  readonly writer: string;
  readonly atMs: number;
}

/** A decision of an operator of a service. */
export interface Decision {
  readonly action: string;
  /** The subject of the decision, in words. */
  readonly about: string;
  readonly who: string;
  readonly why: string;
  readonly atMs: number;
}

/** The fields of a JSON object. */
export type Fields = Readonly<Record<string, unknown>>;

/** The form of one log's notes. */
export interface NoteForm<Note> {
  readonly noun: string;
  /** Notes that stay on record. */
  readonly keep: bigint;
  /** `undefined` for what is no such note. */
  readonly read: (fields: Fields) => Note | undefined;
}

const release: NoteForm<Release> = {
  noun: "release",
  keep: 64n,
  read: ({ lane, number, headerHash, reason, atMs }) => {
    const isRelease =
      isLaneId(lane) &&
      typeof number === "string" &&
      /^\d{1,20}$/.test(number) &&
      typeof headerHash === "string" &&
      typeof reason === "string" &&
      typeof atMs === "number";
    return isRelease ? { lane, number: BigInt(number), headerHash, reason, atMs } : undefined;
  },
};

const fence: NoteForm<FenceNote> = {
  noun: "fence",
  keep: 16n,
  read: ({ writer, atMs }) => {
    return typeof writer === "string" && typeof atMs === "number" ? { writer, atMs } : undefined;
  },
};

const decision: NoteForm<Decision> = {
  noun: "decision",
  keep: 64n,
  read: ({ action, about, who, why, atMs }) => {
    const isDecision =
      typeof action === "string" &&
      typeof about === "string" &&
      typeof who === "string" &&
      typeof why === "string" &&
      typeof atMs === "number";
    return isDecision ? { action, about, who, why, atMs } : undefined;
  },
};

const guard: NoteForm<GuardNote> = { noun: "guard", keep: 64n, read: readGuardNote };

const archived: NoteForm<ArchivedNote> = { noun: "position", keep: 4n, read: readArchivedNote };

/** The log of the guards. */
export const GUARDS = "guards";

/** Every log of notes by its name. No lane is called so. */
export const noteForms = {
  releases: release,
  fences: fence,
  decisions: decision,
  archived,
  [GUARDS]: guard,
} as const;

const forms: Readonly<Record<string, NoteForm<unknown>>> = noteForms;

/** Tells whether a log of the journal holds notes. */
export function isNoteLog(name: string): boolean {
  return Object.hasOwn(forms, name);
}

/** Tells whether a record of the log of notes called `name` reads as one. */
export function isNote(name: string, bytes: Uint8Array): boolean {
  return forms[name]?.read(fieldsOf(bytes)) !== undefined;
}

/** The fields of a JSON object; nothing else has any. */
export function fieldsOf(bytes: Uint8Array): Fields {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString("utf8"));
    return typeof value === "object" && value !== null ? (value as Fields) : {};
  } catch {
    return {};
  }
}
