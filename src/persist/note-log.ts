/**
 * Logs of notes (`note-forms.ts`). Each is a log of the journal, with the journal's promises.
 */
import pLimit from "p-limit";
import type { LaneLog, RecordKind } from "../log/lane-log.js";
import type { LogSet } from "../log/log-set.js";
import { assert } from "../types/assert.js";
import type { ArchivedNote } from "./archived-note.js";
import type { GuardNote } from "./guards/heights.js";
import {
  type Decision,
  type FenceNote,
  fieldsOf,
  GUARDS,
  type NoteForm,
  noteForms,
  type Release,
} from "./note-forms.js";

function encodeNote(note: object): Uint8Array {
  const plain = (_: string, value: unknown): unknown => {
    if (value instanceof Map) return Object.fromEntries(value);
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

  /** Begins the log of a new store at `first`, with notes as they were written; durable when resolved. */
  async begin(first: bigint, payloads: readonly Uint8Array[]): Promise<void> {
    const records = payloads.map((payload, at) => ({ number: first + BigInt(at), payload }));
    await this.#log.write({
      ...(first > 0n ? { prune: { start: first } } : {}),
      append: { records },
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
  readonly archived: NoteLog<ArchivedNote>;
  readonly guards: NoteLog<GuardNote>;
}

export function openNotes(logs: LogSet): Notes {
  const { releases, fences, decisions, archived, guards } = noteForms;
  return {
    releases: new NoteLog(logs, "releases", releases),
    fences: new NoteLog(logs, "fences", fences),
    decisions: new NoteLog(logs, "decisions", decisions),
    archived: new NoteLog(logs, "archived", archived),
    guards: new NoteLog(logs, GUARDS, guards),
  };
}
