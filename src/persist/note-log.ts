/**
 * Logs of notes, beside the lanes and the road: small JSON records of what was decided about the store.
 * Each is a log of the journal, with the journal's promises; the last notes of each are kept.
 *
 * | log | a note says | kept |
 * |---|---|---|
 * | `releases` | an operator has lifted a pin (D6) | 64 |
 * | `fences` | a writer was let in (D8) | 16 |
 * | `decisions` | an operator has decided something else | 64 |
 */
import pLimit from "p-limit";
import type { LaneLog, RecordKind } from "../log/lane-log.js";
import type { LogSet } from "../log/log-set.js";
import { assert } from "../types/assert.js";
import { isLaneId, type LaneId } from "../types/lane.js";

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

type Fields = Readonly<Record<string, unknown>>;

/** The form of one log's notes. */
interface NoteForm<Note> {
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

/** Every log of notes by its name. No lane is called so. */
const forms: Readonly<Record<string, NoteForm<unknown>>> = {
  releases: release,
  fences: fence,
  decisions: decision,
};

/** Tells whether a log of the journal holds notes. */
export function isNoteLog(name: string): boolean {
  return Object.hasOwn(forms, name);
}

/** Tells whether a record of the log of notes called `name` reads as one. */
export function isNote(name: string, bytes: Uint8Array): boolean {
  return forms[name]?.read(fieldsOf(bytes)) !== undefined;
}

/** The fields of a JSON object; nothing else has any. */
function fieldsOf(bytes: Uint8Array): Fields {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString("utf8"));
    return typeof value === "object" && value !== null ? (value as Fields) : {};
  } catch {
    return {};
  }
}

function encodeNote(note: object): Uint8Array {
  const plain = (_: string, value: unknown): unknown => {
    return typeof value === "bigint" ? String(value) : value;
  };
  return Buffer.from(JSON.stringify(note, plain), "utf8");
}

/** The notes of one kind, in the order in which they were written. */
export class NoteLog<Note extends object> {
  readonly #log: LaneLog<Note>;
  readonly #kind: RecordKind<Note>;
  readonly #keep: bigint;
  readonly #oneAtATime = pLimit(1);

  constructor(logs: LogSet, name: string, form: NoteForm<Note>) {
    this.#kind = kindOf(form);
    this.#log = logs.open(name, this.#kind);
    this.#keep = form.keep;
  }

  /** Notes that were ever written, the one on its way included. */
  get count(): bigint {
    return this.#log.appendNext;
  }

  /** Puts a note on record; durable when resolved. Returns how many there were with it. */
  async append(note: Note): Promise<bigint> {
    return await this.#oneAtATime(async () => {
      const number = this.#log.appendNext;
      const start = number - this.#keep + 1n;
      await this.#log.write({
        ...(start > 0n ? { prune: { start } } : {}),
        append: { records: [{ number, payload: encodeNote(note) }] },
      });
      return number + 1n;
    });
  }

  /** Those on record, oldest first. */
  async list(): Promise<Note[]> {
    const found: Note[] = [];
    for await (const { bytes } of this.#log.scan()) found.push(this.#kind.decode(bytes));
    return found;
  }

  /** The newest one that is durable. */
  async last(): Promise<Note | undefined> {
    const { first, next } = this.#log;
    return first < next ? await this.#log.read(next - 1n) : undefined;
  }
}

function kindOf<Note>({ noun, read }: NoteForm<Note>): RecordKind<Note> {
  return {
    noun,
    decode: (bytes) => {
      const note = read(fieldsOf(bytes));
      // Recovery has read every record that is there.
      assert(note !== undefined, "a held note reads as one");
      return note;
    },
    facts: () => ({}),
  };
}

/** The logs of notes of one store. */
export interface Notes {
  readonly releases: NoteLog<Release>;
  readonly fences: NoteLog<FenceNote>;
  readonly decisions: NoteLog<Decision>;
}

export function openNotes(logs: LogSet): Notes {
  return {
    releases: new NoteLog(logs, "releases", release),
    fences: new NoteLog(logs, "fences", fence),
    decisions: new NoteLog(logs, "decisions", decision),
  };
}
