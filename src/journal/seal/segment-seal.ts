/**
 * The sealing of one segment's records: AES-256-GCM under a key that the segment has alone.
 *
 * ```
 * segment key   HKDF-SHA256 of a key of the ring: salt = the head's salt, context = store id, sequence
 * nonce         u32 0, u64 LSN of the record
 * AAD           16 store id, u32 length of the sealed payload, and bytes 12 to 40 of the record's header:
 *               type, batch, LSN, log, number
 * payload       ciphertext, 16 tag
 * ```
 *
 * Sealed are the payloads of APPEND and COPY: the bytes of callers. All else of a segment stays plain:
 * heads, the names of logs, footers.
 *
 * # No pair of key and nonce is used twice
 *
 * - Within a segment each record has another LSN, and the sealer asserts that they rise.
 * - Two segments have two keys: each head has a salt of 32 random bytes of its own, also where the
 *   sequence, the slot or the first LSN come again.
 * - After a crash: every open begins a new segment, and never appends to one that it found. It writes bytes
 *   again that it read (D1), and seals nothing for that.
 * - After a jump of LSNs: an LSN is never given again, and a nonce needs that only within its segment.
 * - A restored or copied directory: each copy begins a segment with a salt of its own when it is opened.
 * - A recycled slot: its new head has a new salt.
 * - A relocated record is sealed anew, with its new LSN, under the key of the segment that it comes to.
 * - A failed write is never tried again (D7), with other bytes neither.
 *
 * One thing would break it: a process whose memory is copied while it runs, as with the snapshot of a virtual
 * machine that is resumed twice. Both would go on in the same segment. D8 forbids that for other reasons.
 */
import { AEAD_KEY_BYTES, NONCE_BYTES, open, type OpenRoom, sealInto } from "../../keys/aead.js";
import { type Key, KEY_ID_BYTES, type KeyId } from "../../keys/key.js";
import { assert } from "../../types/assert.js";
import { type HeadFront, STORE_ID_BYTES } from "../form/head.js";
import { CHECK_BYTES, type HeadSeal } from "../form/head-seal.js";
import { MORE_FLAG, type RecordHeader } from "../form/records.js";

const LABEL = "lanekeeper segment 1";
const AAD_BYTES = STORE_ID_BYTES + 32;

/** Names a segment for the derivation of its key. */
export type SealedPlace = Pick<HeadFront, "storeId" | "salt" | "sequence">;

/** The fields of a record's header that are bound to its payload. */
export type BoundFields = Pick<RecordHeader, "type" | "more" | "lsn" | "log" | "number">;

export function keyIdText({ keyId }: HeadSeal): KeyId {
  return Buffer.from(keyId).toString("hex");
}

/** Opens the records of one segment. */
export class SegmentOpener {
  readonly keyId: KeyId;
  readonly headSeal: HeadSeal;
  readonly #key: Buffer;
  readonly #nonce = new Uint8Array(NONCE_BYTES);
  readonly #aad = new Uint8Array(AAD_BYTES);
  /** Views of both: they write a bigint in a tenth of the time that a `Buffer` takes. */
  readonly #nonceView = new DataView(this.#nonce.buffer);
  readonly #aadView = new DataView(this.#aad.buffer);

  constructor(key: Key, { storeId, salt, sequence }: SealedPlace) {
    assert(storeId.length === STORE_ID_BYTES, "a store id has 16 bytes");
    this.keyId = key.id;
    const number = Buffer.alloc(8);
    number.writeBigUInt64LE(sequence);
    const derived = key.derive(LABEL, salt, AEAD_KEY_BYTES + CHECK_BYTES, [storeId, number]);
    this.#key = derived.subarray(0, AEAD_KEY_BYTES);
    const keyId = Buffer.from(key.id, "hex");
    assert(keyId.length === KEY_ID_BYTES, "a key id has 8 bytes");
    this.headSeal = { keyId, check: Buffer.from(derived.subarray(AEAD_KEY_BYTES)) };
    this.#aad.set(storeId);
  }

  /**
   * The payload of a record; `undefined` where it is not the one that was sealed there. New bytes, or with `room`
   * bytes that may be lent.
   */
  open(record: BoundFields, sealed: Uint8Array, room?: OpenRoom): Uint8Array | undefined {
    return open(this.#useOf(record, sealed.length), sealed, room);
  }

  /** Seals `parts` into `target`. Only a `SegmentSealer` calls it, which sees to the nonces. */
  sealWith(record: BoundFields, parts: readonly Uint8Array[], target: Uint8Array): void {
    sealInto(this.#useOf(record, target.length), parts, target);
  }

  /** Zeroes the key of the segment. Idempotent. */
  close(): void {
    this.#key.fill(0);
  }

  #useOf({ type, more, lsn, log, number }: BoundFields, length: number) {
    this.#nonceView.setBigUint64(4, lsn, true);
    const aad = this.#aadView;
    aad.setUint32(STORE_ID_BYTES, length, true);
    aad.setUint32(STORE_ID_BYTES + 4, type | (more ? MORE_FLAG : 0), true);
    aad.setBigUint64(STORE_ID_BYTES + 8, lsn, true);
    aad.setUint32(STORE_ID_BYTES + 16, log, true);
    aad.setBigUint64(STORE_ID_BYTES + 24, number, true);
    return { key: this.#key, nonce: this.#nonce, aad: this.#aad };
  }
}

/** A record before its payload is sealed. */
export interface PlainRecord extends Omit<BoundFields, "lsn" | "more"> {
  readonly prefix?: Uint8Array | undefined;
  readonly payload: Uint8Array;
  readonly more?: boolean | undefined;
}

/** Seals the records of the segment that is being written. */
export class SegmentSealer {
  readonly opener: SegmentOpener;
  #nextLsn: bigint;

  /** For a segment that begins now, with a salt that nothing had before. */
  constructor(key: Key, place: SealedPlace & { readonly firstLsn: bigint }) {
    this.opener = new SegmentOpener(key, place);
    this.#nextLsn = place.firstLsn;
  }

  /** Seals the payload of `record`, as that of the record with this LSN, into `target`, which it fills. */
  seal(record: PlainRecord, lsn: bigint, target: Uint8Array): void {
    const { type, log, number, more = false, prefix, payload } = record;
    assert(lsn >= this.#nextLsn, "a nonce is used once");
    this.#nextLsn = lsn + 1n;
    const parts = prefix ? [prefix, payload] : [payload];
    this.opener.sealWith({ type, log, number, more, lsn }, parts, target);
  }
}
