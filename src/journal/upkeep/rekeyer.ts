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
import { awakeFor } from "../../async/awake.js";
import { aborted, throwIfAborted, type WaitOptions, whenAborted } from "../../async/signal.js";
import type { Key } from "../../keys/key.js";
import { keyFrom, type KeySource } from "../../keys/source.js";
import { hasCode, PersisterError } from "../../types/errors.js";
import type { RecordEntry } from "../group/group.js";
import { KeyMoves, type KeyMovesParts } from "./key-moves.js";
import type { Rotation } from "../space/segments.js";
import type { Space } from "../space/slots.js";

/** Bytes that are moved or overwritten in a second, at most: a small part of what a disk writes. */
const BYTES_PER_SECOND = 64 * 1024 * 1024;
/** An open has its time first. */
const START_MS = 100;
/** After a step that could not be done. */
const RETRY_MS = 1000;

export interface RekeyerParts extends Omit<KeyMovesParts, "beginSegment" | "write"> {
  readonly space: Space;
  /** Prepares the next segment. */
  readonly next: () => Promise<Rotation>;
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
  readonly content: string;
  /**
   * `writing`: everything that is written now is of this kind. `older`: it is moved in the background, if a key
   * writes. `missing`: its key was not given, and pruned records under it cannot be read.
   */
  readonly state: "writing" | "older" | "missing";
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

export class Rekeyer {
  readonly #parts: RekeyerParts;
  #requests: Request[] = [];
  #waiters: Omit<Request, "key">[] = [];
  readonly #moves: KeyMoves;
  /** There may be something to move or to overwrite. */
  #isLeft: boolean;
  /** A step was taken, and its time is not over. */
  #isResting = false;
  #ended: PersisterError | undefined;

  constructor(parts: RekeyerParts) {
    this.#parts = parts;
    this.#moves = new KeyMoves({ ...parts, beginSegment: () => this.#beginSegment() });
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
    const free = new Set([...space.free, ...space.kept].map(({ slot }) => slot));
    const uses = new Map<string, { segments: number; freeSlots: number; bytes: number }>();
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
    return [...uses].map(([content, use]) => ({ content, state: seals.stateOf(content), ...use }));
  }

  /**
   * The key of `source` seals everything from the next segment on, which is durable when resolved.
   *
   * @throws {PersisterError} KEY_REFUSED, CALLBACK_FAILED for the key; USAGE where the store writes plain;
   * DISK_FULL, TOO_MANY_LANES: the key before it goes on; POISONED, CLOSED.
   */
  async rotateTo(source: KeySource): Promise<void> {
    await this.rotate(await keyFrom(source));
  }

  /** The same with a key, which it takes over. */
  rotate(key: Key): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#requests.push({ key, resolve, reject });
      if (this.#ended) this.end(this.#ended);
      else this.#parts.wake();
    });
  }

  /**
   * Resolves when no payload on disk is plain, or needs another key than the one that writes.
   *
   * @throws {PersisterError} KEY_MISSING where retained records need a key that was not given; ABORTED,
   * POISONED, CLOSED.
   */
  async finished({ signal }: WaitOptions = {}): Promise<void> {
    throwIfAborted(signal, "the wait for a rotation");
    let takeBack: (() => void) | undefined;
    const told = new Promise<void>((resolve, reject) => {
      if (this.#ended) reject(this.#ended);
      else this.#waiters.push({ resolve, reject });
      if (!signal) return;
      takeBack = whenAborted(signal, () => reject(aborted(signal, "the wait for a rotation")));
    });
    if (!this.#isLeft) this.#tell();
    await awakeFor(told).finally(() => takeBack?.());
  }

  /** The journal is closed or poisoned: nothing is moved any more. */
  end(cause: PersisterError): void {
    this.#ended ??= cause;
    for (const { key } of this.#requests) key.close();
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
    const { stuck } = this.#moves;
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
      this.#moves.restart();
      this.#isLeft = true;
      if (isBegun) resolve();
      else if (this.#ended) reject(this.#ended);
    } catch (cause) {
      if (!(cause instanceof PersisterError)) throw cause;
      reject(cause);
    }
  }

  async #beginSegment(): Promise<boolean> {
    return await this.#parts.write([], await this.#parts.next());
  }

  async #move(): Promise<void> {
    let ms = RETRY_MS;
    try {
      const bytes = await this.#moves.step();
      this.#isLeft = bytes > 0 || this.#parts.segments.keepsForeign;
      if (bytes > 0) ms = Math.ceil((bytes * 1000) / BYTES_PER_SECOND);
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
}
