/**
 * The payloads of sealed segments, as far as their keys were given. A payload whose key is missing is told as sealed
 * and not as damaged: the chain of records, heads and footers are plain, and are checked as ever.
 */
import { TAG_BYTES } from "../../keys/aead.js";
import type { KeyRing } from "../../keys/ring.js";
import { Seals } from "../../journal/seal/seals.js";
import type { FoundHead } from "../../journal/recovery/start.js";
import type { Slot, WalkedRecord } from "../../journal/segment/segment.js";
import { recordType } from "../../journal/form/records.js";
import { assert } from "../../types/assert.js";
import { hasCode, type PersisterError } from "../../types/errors.js";
import { type Finding, findingOf } from "../finding.js";

/** `sealed`: its key was not given, or another one as it. `damaged`: it is not the payload that was sealed. */
export type PayloadSeen =
  | { readonly status: "readable"; readonly payload: Uint8Array }
  | { readonly status: "sealed" }
  | { readonly status: "damaged" };

/** The segments that one key would open, and the refusal of the first of them. */
interface LockedKey {
  readonly error: PersisterError;
  readonly slots: readonly number[];
}

export class SealedPayloads {
  readonly #seals: Seals;
  /** Why the segments in these slots cannot be opened. */
  readonly #locked = new Map<number, PersisterError>();

  /** Takes over the ring. */
  constructor(ring: KeyRing, heads: readonly FoundHead[]) {
    this.#seals = new Seals(ring);
    for (const { slot, head } of heads) this.#seals.found(slot.slot, head, slot.file.path);
  }

  /** Whether the segment in `slot` is sealed with any key. */
  isSealed(slot: number): boolean {
    return this.#seals.keyIdOf(slot) !== undefined;
  }

  /** Bytes of the payload before it was sealed. */
  plainBytes(slot: number, { payloadLength }: WalkedRecord): number {
    return this.isSealed(slot) ? Math.max(0, payloadLength - TAG_BYTES) : payloadLength;
  }

  /** Why nothing can be read in `slot`: KEY_MISSING or KEY_WRONG; `undefined` where it can. */
  lockOf(slot: number): PersisterError | undefined {
    const known = this.#locked.get(slot);
    if (known) return known;
    try {
      this.#seals.openerOf(slot);
      return undefined;
    } catch (cause) {
      if (!hasCode(cause, "KEY_MISSING", "KEY_WRONG")) throw cause;
      this.#locked.set(slot, cause);
      return cause;
    }
  }

  /** The slots that cannot be opened, by key, and why. */
  #lockedByKey(slots: readonly number[]): readonly LockedKey[] {
    const byKey = new Map<string, { readonly error: PersisterError; readonly slots: number[] }>();
    for (const slot of slots) {
      const error = this.lockOf(slot);
      if (!error) continue;
      const key = `${error.code} ${this.#seals.keyIdOf(slot)}`;
      const known = byKey.get(key) ?? { error, slots: [] };
      known.slots.push(slot);
      byKey.set(key, known);
    }
    return [...byKey.values()];
  }

  /** The payload of a record of a log. A plain one is the record's own bytes. */
  read(record: WalkedRecord, { slot }: Slot): PayloadSeen {
    if (this.lockOf(slot)) return { status: "sealed" };
    const opener = this.#seals.openerOf(slot);
    if (!opener) return { status: "readable", payload: record.payload };
    const payload = opener.open(record, record.payload);
    return payload ? { status: "readable", payload } : { status: "damaged" };
  }

  /** Whether a record of a log was changed since its payload was sealed. */
  isDamaged(record: WalkedRecord, slot: Slot): boolean {
    const isSealable = record.type === recordType.append || record.type === recordType.copy;
    return isSealable && this.read(record, slot).status === "damaged";
  }

  /** A finding for each key that was not given, or not as it was. Open needs the key of a slot that `isNeeded`. */
  *lockedFindings(
    slots: readonly number[],
    isNeeded: (slot: number) => boolean,
  ): Generator<Finding, void, void> {
    for (const { error, slots: locked } of this.#lockedByKey(slots)) {
      assert(error.file !== undefined, "a refusal over a key names its segment");
      const severity = locked.some(isNeeded) ? "error" : "warning";
      const finding = findingOf(error, severity, { file: error.file });
      const more = locked.length - 1;
      const others = more === 0 ? "" : `; so it is with ${more} more segments`;
      yield { ...finding, message: `${finding.message}${others}` };
    }
  }

  /** Zeroes every key. Idempotent. */
  close(): void {
    this.#seals.close();
  }
}

/** The message about bytes that carry the right checksum, and not the right tag. */
export const WRONG_TAG = "the tag does not verify: these are not the bytes that were sealed here";
