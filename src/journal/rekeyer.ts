/**
 * Rotation of keys: the next segment is sealed with the new key, and then everything that lies under
 * another key, or in plain form, is moved or overwritten in the background.
 *
 * # Invariants
 *
 * - A segment with a key begins in a slot without bytes of another key: its head tells of all that lies there.
 *   So no list of keys is kept: the heads say at every open what is left to be done.
 * - A segment is released when each record of it that is live or retained is durable elsewhere.
 * - A key is on disk while a slot holds bytes of it, those of free slots included.
 *
 * # Crash safety
 *
 * The steps of a rotation from key A to key B, and the finding of an open behind a crash at each of them:
 *
 * 1. The slot for the next segment is overwritten. It was free: all is under A, as before.
 * 2. The head of that segment names B. If it is not durable, all is under A. If it is, the newest head names
 *    B: open needs B for it, and A for the rest. Both are in the ring until the end.
 * 3. A mark names that head, and `rotateKey` resolves.
 * 4. Records are copied, oldest segment first, and sealed with B. Of two copies the one with the lower LSN
 *    counts, which is under A, until its segment is released: nothing is lost, and open goes on from step 4.
 * 5. The segment is released by a record. From here on A is not needed for it.
 * 6. Its slot is overwritten, the first block last. If its head is still there, open overwrites it again.
 *    If the first block is zero, the rest is.
 * 7. No slot holds bytes of A: `uses` does not name it any more. A rotation to C may begin at any of these
 *    steps: what is under B and not moved yet is then like what is under A.
 *
 * # Errors
 *
 * After a full disk the step is tried again later. A retained record that is damaged is left behind, and a
 * retained segment whose key is not given stays. A live record that cannot be read poisons, as in any relocation.
 */
import type { Key } from "../keys/key.js";
import { hasCode, PersisterError } from "../types/errors.js";
import { GROUP_RECORDS_MAX, RECORD_HEADER_BYTES } from "./form/records.js";
import type { RetainedSegment } from "./form/head.js";
import type { LogTable } from "./form/log-table.js";
import { recordBytesIn } from "./form/group-size.js";
import type { CopyEntry, RecordEntry } from "./group/group.js";
import type { Reclaimer } from "./reclaimer.js";
import type { Seals, SlotContent } from "./seal/seals.js";
import type { PlacedRecord, Places } from "./segment/places.js";
import type { SegmentRecords } from "./segment/records.js";
import type { Rotation, Segments } from "./space/segments.js";
import type { Space } from "./space/slots.js";

/** Bytes that are moved or overwritten in a second, at most: a small part of what a disk writes. */
const BYTES_PER_SECOND = 64 * 1024 * 1024;
/** Bytes of copies in one step, unless one record has more. */
const STEP_BYTES = 1024 * 1024;
const STEP_RECORDS_MAX = GROUP_RECORDS_MAX / 4;
/** An open has its time first. */
const START_MS = 100;
/** After a step that could not be done. */
const RETRY_MS = 1000;

export interface RekeyerParts {
  readonly table: LogTable;
  readonly places: Places;
  readonly space: Space;
  readonly seals: Seals;
  readonly segments: Segments;
  readonly reclaimer: Reclaimer;
  /** Bytes of segments that are retained; without any, what was pruned is not moved. */
  readonly retainBytes: number;
  /** Prepares the next segment. */
  readonly next: () => Promise<Rotation | undefined>;
  readonly read: (record: PlacedRecord) => Promise<Uint8Array>;
  readonly recordsIn: (segment: RetainedSegment) => Promise<SegmentRecords>;
  /** Writes a group; tells whether it is durable. */
  readonly write: (entries: readonly RecordEntry[], rotation?: Rotation) => Promise<boolean>;
  /** Calls `task` when `ms` are over. */
  readonly pace: (task: () => void, ms: number) => void;
  /** There is a step to take. */
  readonly wake: () => void;
}

/** The slots that hold bytes of one kind. */
export interface KeyUse {
  /** The id of a key; "plain"; or "unknown" for bytes that no head tells of. */
  readonly content: SlotContent;
  /** Segments that can be read. */
  readonly segments: number;
  /** Free slots whose bytes are not overwritten yet. */
  readonly freeSlots: number;
  /** Bytes of all these slots. */
  readonly bytes: number;
}

interface Request {
  readonly key: Key;
  readonly resolve: () => void;
  readonly reject: (cause: unknown) => void;
}

/** The segment that is being emptied, and the records of it that are to be copied yet. */
interface Emptying {
  readonly segment: RetainedSegment;
  readonly records: readonly PlacedRecord[];
  at: number;
}

/** The records that one step copies, from a place in a list on. */
interface Copies {
  readonly copies: readonly CopyEntry[];
  readonly next: number;
  readonly bytes: number;
}

export class Rekeyer {
  readonly #parts: RekeyerParts;
  #requests: Request[] = [];
  #waiters: Omit<Request, "key">[] = [];
  #emptying: Emptying | undefined;
  /** There may be something to move or to overwrite. */
  #isLeft: boolean;
  /** Segments that cannot be emptied, and why: they stay until they are not retained any more. */
  readonly #stuck = new Map<bigint, PersisterError>();
  /** A step was taken, and its time is not over. */
  #isResting = false;
  #ended: PersisterError | undefined;

  constructor(parts: RekeyerParts) {
    this.#parts = parts;
    this.#isLeft = parts.seals.writing !== undefined;
    if (this.#isLeft) this.#rest(START_MS);
  }

  /** A step can be taken now. */
  get isDue(): boolean {
    if (this.#ended) return false;
    return this.#requests.length > 0 || (this.#isLeft && !this.#isResting);
  }

  /** The keys whose bytes lie on disk, with the slots that hold them; free slots without bytes are left out. */
  get uses(): readonly KeyUse[] {
    const { segments, space, seals } = this.#parts;
    const free = new Set(space.free.map(({ slot }) => slot));
    const uses = new Map<SlotContent, { segments: number; freeSlots: number; bytes: number }>();
    const slots = [
      segments.current.slot.slot,
      ...segments.readable.map(({ slot }) => slot),
      ...free,
    ];
    for (const slot of slots) {
      const content = seals.contentOf(slot);
      if (content === undefined) continue;
      const use = uses.get(content) ?? { segments: 0, freeSlots: 0, bytes: 0 };
      if (free.has(slot)) use.freeSlots += 1;
      else use.segments += 1;
      use.bytes += space.slot(slot).bytes;
      uses.set(content, use);
    }
    return [...uses].map(([content, use]) => ({ content, ...use }));
  }

  /** Takes over `key`: it seals everything from the next segment on, which is durable when resolved. */
  rotate(key: Key): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#ended) reject(this.#ended);
      else this.#requests.push({ key, resolve, reject });
      this.#parts.wake();
    });
  }

  /** Resolves when no byte on disk is plain, or needs another key than the one that writes. */
  finished(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#ended) reject(this.#ended);
      else {
        this.#waiters.push({ resolve, reject });
        if (!this.#isLeft) this.#tell();
      }
    });
  }

  /** The journal is closed or poisoned: nothing is moved any more. */
  end(cause: PersisterError): void {
    this.#ended ??= cause;
    const waiting = [...this.#requests, ...this.#waiters];
    this.#requests = [];
    this.#waiters = [];
    for (const { reject } of waiting) reject(cause);
  }

  /** One step: a rotation that was asked for, or the next piece of what is to be moved or overwritten. */
  async step(): Promise<void> {
    const request = this.#requests.shift();
    if (request) await this.#rotate(request);
    else await this.#move();
    if (!this.#isLeft) this.#tell();
  }

  /** Nothing is left that can be moved: tells those who wait for it. */
  #tell(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    const [stuck] = this.#stuck.values();
    for (const { resolve, reject } of waiters) {
      if (stuck) reject(stuck);
      else resolve();
    }
  }

  async #rotate({ key, resolve, reject }: Request): Promise<void> {
    try {
      const undo = this.#parts.seals.rotate(key);
      const isBegun = await this.#beginSegment().catch((cause: unknown) => {
        undo();
        throw cause;
      });
      this.#stuck.clear();
      this.#isLeft = true;
      if (isBegun) resolve();
      else if (this.#ended) reject(this.#ended);
    } catch (cause) {
      if (!(cause instanceof PersisterError)) throw cause;
      reject(cause);
    }
  }

  async #beginSegment(): Promise<boolean> {
    const rotation = await this.#parts.next();
    return rotation !== undefined && (await this.#parts.write([], rotation));
  }

  async #move(): Promise<void> {
    let ms = RETRY_MS;
    try {
      const bytes = (await this.#empty()) || (await this.#parts.segments.cleanOne());
      this.#isLeft = bytes > 0;
      ms = Math.ceil((bytes * 1000) / BYTES_PER_SECOND);
    } catch (cause) {
      if (!hasCode(cause, "DISK_FULL", "TOO_MANY_LANES")) throw cause;
    }
    if (this.#isLeft) this.#rest(ms);
  }

  #rest(ms: number): void {
    this.#isResting = true;
    this.#parts.pace(() => {
      this.#isResting = false;
      if (this.isDue) this.#parts.wake();
    }, ms);
  }

  /** The oldest segment that is to be emptied. */
  #foreign(): RetainedSegment | undefined {
    const { segments, seals } = this.#parts;
    return segments.readable.find(({ slot, sequence }) => {
      return seals.isForeign(slot) && !this.#stuck.has(sequence);
    });
  }

  /** Copies some records of a foreign segment, or releases it; tells how many bytes that took. */
  async #empty(): Promise<number> {
    const segment = this.#foreign();
    if (!segment) return 0;
    if (this.#isLocked(segment)) return await this.#empty();
    if (this.#emptying?.segment.sequence !== segment.sequence) {
      this.#emptying = { segment, records: await this.#recordsOf(segment), at: 0 };
    }
    const { records, at } = this.#emptying;
    let found = await this.#copies(records, at);
    if (isBlocked(found, records)) {
      // There is no room for the next record: the segment that follows has it.
      await this.#beginSegment();
      found = await this.#copies(records, at);
    }
    const { copies, next, bytes } = found;
    if (isBlocked(found, records)) this.#stuck.set(segment.sequence, tooLarge(segment));
    if (copies.length > 0 && !(await this.#parts.write(copies))) return bytes;
    this.#emptying.at = next;
    if (next === records.length && (await this.#release(segment))) this.#emptying = undefined;
    return bytes + RECORD_HEADER_BYTES;
  }

  async #release({ sequence }: RetainedSegment): Promise<boolean> {
    const { reclaimer, segments } = this.#parts;
    if (await reclaimer.release([sequence])) return true;
    await this.#beginSegment();
    // Nothing in it is live: the head of the new segment may have let it go.
    return !segments.readable.some((each) => each.sequence === sequence);
  }

  /** Whether the key of a segment is not given. Only a retained one can be so: open needs all others. */
  #isLocked({ slot, sequence }: RetainedSegment): boolean {
    try {
      this.#parts.seals.openerOf(slot);
      return false;
    } catch (cause) {
      if (!hasCode(cause, "KEY_MISSING", "KEY_WRONG")) throw cause;
      this.#stuck.set(sequence, cause);
      return true;
    }
  }

  /** Everything in a segment that is live, and what is retained, where anything is. */
  async #recordsOf(segment: RetainedSegment): Promise<readonly PlacedRecord[]> {
    const { segments, retainBytes, recordsIn } = this.#parts;
    if (retainBytes === 0) return segments.recordsOf(segment.sequence);
    const { records, damage } = await recordsIn(segment);
    if (damage === undefined) return records;
    // What verifies of a retained segment is not known. Its live records are.
    return segments.recordsOf(segment.sequence);
  }

  /** Copies of records from `at` on, as many as one step and the current segment take. */
  async #copies(records: readonly PlacedRecord[], at: number): Promise<Copies> {
    const { table, segments, seals } = this.#parts;
    const room = recordBytesIn(segments.room);
    const copies: CopyEntry[] = [];
    let bytes = 0;
    let next = at;
    for (; next < records.length && copies.length < STEP_RECORDS_MAX; next++) {
      const record = records[next];
      const log = record && table.byName(record.name)?.log;
      if (!record || log === undefined || !this.#isNeeded(record)) continue;
      const { name, number, pointer } = record;
      const more = RECORD_HEADER_BYTES + pointer.length + seals.growthFrom(pointer.slot);
      if (bytes + more > room || (bytes > 0 && bytes + more > STEP_BYTES)) break;
      const payload = await this.#payloadOf(record);
      if (!payload) continue;
      bytes += more;
      copies.push({ type: "copy", name, log, number, payload, isRetained: true, settled });
    }
    return { copies, next, bytes };
  }

  /** Live where it lies here, or retained. A live record that lies elsewhere was moved already. */
  #isNeeded({ name, number, pointer }: PlacedRecord): boolean {
    const live = this.#parts.places.find(name, number);
    if (live) return live.slot === pointer.slot && live.offset === pointer.offset;
    const first = this.#parts.table.byName(name)?.first ?? 0n;
    return this.#parts.retainBytes > 0 && number < first;
  }

  /** A retained record that cannot be read is not promised, and is left behind. */
  async #payloadOf(record: PlacedRecord): Promise<Uint8Array | undefined> {
    try {
      return await this.#parts.read(record);
    } catch (cause) {
      const isLive = this.#parts.places.find(record.name, record.number) !== undefined;
      if (isLive || !(cause instanceof PersisterError)) throw cause;
      return undefined;
    }
  }
}

function isBlocked({ copies, next }: Copies, records: readonly PlacedRecord[]): boolean {
  return copies.length === 0 && next < records.length;
}

/** Segments were larger when it was written. */
function tooLarge({ sequence }: RetainedSegment): PersisterError {
  const text = `segment ${sequence} cannot be moved: a record is larger than segments are now; reopen with a larger segmentBytes`;
  return new PersisterError("INVALID", text);
}

function settled(): void {
  // The step is known by its group.
}
