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
import { TAG_BYTES } from "../../keys/aead.js";
import type { Key, KeyId } from "../../keys/key.js";
import type { KeyRing } from "../../keys/ring.js";
import { assert } from "../../types/assert.js";
import { PersisterError } from "../../types/errors.js";
import type { HeadFront } from "../form/head.js";
import type { HeadSeal } from "../form/head-seal.js";
import { keyMissing, keyWrong } from "./errors.js";
import { keyIdText, type SealedPlace, SegmentOpener, SegmentSealer } from "./segment-seal.js";

/** Kinds of bytes beside the ids of keys. */
const PLAIN = "plain";
const UNKNOWN = "unknown";

/** A segment with a head, and the key that was derived for it. */
interface Known {
  readonly front: SealedPlace;
  readonly seal: HeadSeal | undefined;
  readonly file: string;
  opener: SegmentOpener | undefined;
}

export class Seals {
  readonly #ring: KeyRing | undefined;
  readonly #slots = new Map<number, Known>();
  /** Slots with bytes of which no head tells. */
  readonly #unknown = new Set<number>();

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

  /** Whether the key with this id was given. */
  holds(id: KeyId): boolean {
    return this.#ring?.find(id) !== undefined;
  }

  /** The user has said that what is written from now on is to be plain. */
  get isPlainAsked(): boolean {
    return this.#ring !== undefined && this.#ring.writing === undefined;
  }

  /** The segment in `slot` has this head. */
  found(slot: number, front: HeadFront, file: string): void {
    this.#set(slot, { front, seal: front.seal, file, opener: undefined });
  }

  /** There are bytes in `slot` that no head of ours tells of. */
  foundUnknown(slot: number): void {
    this.#unknown.add(slot);
  }

  /** The slot holds zeros. */
  wiped(slot: number): void {
    this.#slots.get(slot)?.opener?.close();
    this.#slots.delete(slot);
    this.#unknown.delete(slot);
  }

  /**
   * The bytes in `slot`: the id of the key that sealed them; "plain"; "unknown" where no head tells of them;
   * `undefined` where it holds none.
   */
  contentOf(slot: number): KeyId | undefined {
    const known = this.#slots.get(slot);
    if (!known) return this.#unknown.has(slot) ? UNKNOWN : undefined;
    return known.seal ? keyIdText(known.seal) : PLAIN;
  }

  /** Whether a kind of bytes is what is written now, or one before it, or one whose key is not there. */
  stateOf(content: string): "writing" | "older" | "missing" {
    if (content === (this.writing ?? PLAIN)) return "writing";
    return content === PLAIN || content === UNKNOWN || this.holds(content) ? "older" : "missing";
  }

  /** Whether `slot` holds bytes that are not sealed with the key that writes, if one writes. */
  isForeign(slot: number): boolean {
    const { writing } = this;
    const content = this.contentOf(slot);
    return writing !== undefined && content !== undefined && content !== writing;
  }

  /**
   * Takes over the key that seals the next segment from now on. Returns the function that takes it back, as long as no
   * segment has begun with it.
   */
  rotate(key: Key): () => void {
    const before = this.#ring?.writing;
    if (!this.#ring || !before) {
      key.close();
      const text = "a store that writes plain has no key to rotate: open it with keys first";
      throw new PersisterError("USAGE", text);
    }
    const ring = this.#ring;
    ring.rotate(key);
    return () => void ring.rotate(before);
  }

  #set(slot: number, known: Known): void {
    this.#slots.get(slot)?.opener?.close();
    this.#unknown.delete(slot);
    this.#slots.set(slot, known);
  }

  /** The id of the key of the segment in `slot`; `undefined` where it is plain, or no head is known. */
  keyIdOf(slot: number): KeyId | undefined {
    const seal = this.#slots.get(slot)?.seal;
    return seal && keyIdText(seal);
  }

  /** Bytes of a payload before it was sealed, if it was. */
  plainBytes({ slot, length }: { readonly slot: number; readonly length: number }): number {
    return this.keyIdOf(slot) === undefined ? length : length - TAG_BYTES;
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
    if (!known?.seal) return undefined;
    known.opener ??= this.#openerFor(known, known.seal);
    return known.opener;
  }

  /**
   * A segment is about to begin in `slot`, which is free: what seals its records; `undefined` where they
   * are to be plain.
   */
  begin(
    { slot, file }: { readonly slot: number; readonly file: { readonly path: string } },
    front: SealedPlace & Pick<HeadFront, "firstLsn">,
  ): SegmentSealer | undefined {
    assert(!this.isForeign(slot), "a segment begins in a slot without bytes of another key");
    const key = this.#ring?.writing;
    const sealer = key && new SegmentSealer(key, front);
    const opener = sealer?.opener;
    this.#set(slot, { front, seal: opener?.headSeal, file: file.path, opener });
    return sealer;
  }

  /** Zeroes every key. Idempotent. */
  close(): void {
    for (const { opener } of this.#slots.values()) opener?.close();
    this.#ring?.close();
  }

  #openerFor({ front, file }: Known, seal: HeadSeal): SegmentOpener {
    const { sequence } = front;
    const id = keyIdText(seal);
    const key = this.#ring?.find(id);
    if (!key) throw keyMissing({ file, sequence }, id, this.#ring?.ids ?? []);
    const opener = new SegmentOpener(key, front);
    if (timingSafeEqual(opener.headSeal.check, seal.check)) return opener;
    opener.close();
    throw keyWrong({ file, sequence }, id);
  }
}
