/**
 * The keys of the segments, by slot: what lies in a slot is opened with the key that its head names, and
 * the next segment is sealed with the ring's writing key.
 *
 * # Invariants
 *
 * - A slot is known by the head that is in it. A slot of another store, or without a head, is not known.
 * - The key of a segment is derived when it is first needed, and let go with the segment.
 */
import { timingSafeEqual } from "node:crypto";
import type { KeyId } from "../../keys/key.js";
import type { KeyRing } from "../../keys/ring.js";
import type { HeadFront } from "../form/head.js";
import { keyMissing, keyWrong } from "./errors.js";
import { keyIdText, SegmentOpener, SegmentSealer, TAG_BYTES } from "./segment-seal.js";

/** The front of a head, and the file that it is in. */
export interface SlotFront {
  readonly head: HeadFront;
  readonly file: string;
}

interface Known extends SlotFront {
  opener: SegmentOpener | undefined;
}

export class Seals {
  readonly #ring: KeyRing | undefined;
  readonly #slots = new Map<number, Known>();

  /** Without a ring everything that is written is plain, and nothing that is sealed can be read. */
  constructor(ring: KeyRing | undefined) {
    this.#ring = ring;
  }

  /** Bytes that a payload grows by in the next segment. */
  get tagBytes(): number {
    return this.#ring?.writing ? TAG_BYTES : 0;
  }

  /** The id of the key that seals the next segment; `undefined` where it is plain. */
  get writing(): KeyId | undefined {
    return this.#ring?.writing?.id;
  }

  /** The user has said that what is written from now on is to be plain. */
  get isPlainAsked(): boolean {
    return this.#ring !== undefined && this.#ring.writing === undefined;
  }

  /** The head of the segment in `slot` is this one. */
  note(slot: number, front: SlotFront, opener?: SegmentOpener): void {
    this.#slots.get(slot)?.opener?.close();
    this.#slots.set(slot, { ...front, opener });
  }

  /** The id of the key of the segment in `slot`; `undefined` where it is plain, or no head is known. */
  keyIdOf(slot: number): KeyId | undefined {
    const seal = this.#slots.get(slot)?.head.seal;
    return seal && keyIdText(seal);
  }

  /** Bytes that a record in `slot` grows by when it is copied into the next segment. */
  growthFrom(slot: number): number {
    return this.tagBytes - (this.keyIdOf(slot) === undefined ? 0 : TAG_BYTES);
  }

  /**
   * Opens the records of the segment in `slot`; `undefined` where they are plain.
   *
   * @throws {PersisterError} KEY_MISSING, KEY_WRONG.
   */
  openerOf(slot: number): SegmentOpener | undefined {
    const known = this.#slots.get(slot);
    if (!known?.head.seal) return undefined;
    known.opener ??= this.#openerFor(known);
    return known.opener;
  }

  /** Seals the segment that begins with this head; `undefined` where it is to be plain. */
  sealerFor(head: HeadFront): SegmentSealer | undefined {
    const key = this.#ring?.writing;
    return key && new SegmentSealer(key, head);
  }

  /** Zeroes every key. Idempotent. */
  close(): void {
    for (const { opener } of this.#slots.values()) opener?.close();
    this.#ring?.close();
  }

  #openerFor({ head, file }: SlotFront): SegmentOpener | undefined {
    const { seal, sequence } = head;
    if (!seal) return undefined;
    const id = keyIdText(seal);
    const key = this.#ring?.find(id);
    if (!key) throw keyMissing({ file, sequence }, id, this.#ring?.ids ?? []);
    const opener = new SegmentOpener(key, head);
    if (timingSafeEqual(opener.headSeal.check, seal.check)) return opener;
    opener.close();
    throw keyWrong({ file, sequence }, id);
  }
}
