/**
 * An object: consecutive records of one log, as they were signed. `src/archive/README.md` has the format
 * on one page.
 *
 * ```
 * head   8 "LKARCH01"   1 kind   1 compression   1 sealing   1+n chain id   40 lane (kind 1)
 *        8 first        4 count  8 bytes of the body         8 key id, 32 salt (sealed)
 *        4 CRC-32C of the head
 * body   records: each its length as a varint, then its bytes
 *        index:   for each 4 offset, 4 length, 4 CRC-32C, 32 hash;  4 CRC-32C of the index
 * ```
 *
 * No time and no name of a writer is in it: the same records make the same bytes.
 */
import { crc32c } from "../../codec/crc32c.js";
import type { KeyRing } from "../../keys/ring.js";
import { ROAD } from "../../persist/kinds.js";
import { assert } from "../../types/assert.js";
import { PersisterError } from "../../types/errors.js";
import { readSignedBlockHeader } from "../../wire/codec/block-header.js";
import { decodeCommitQC } from "../../wire/codec/decode.js";
import { commitVoteDigest, headerHash } from "../../wire/hash.js";
import { HASH_BYTES } from "../../wire/messages.js";
import { corrupt, CRC_BYTES, type Head, readHead } from "./head.js";
import type { ArchivedLog } from "./names.js";
import type { ObjectMemory } from "./object-memory.js";
import { expand, openBody } from "./packing.js";

/** An entry of the index. */
export const ENTRY_BYTES = 12 + HASH_BYTES;

/**
 * The hash by which two records of one place are the same: of a block's header, or of a commit QC's
 * proposal. Two QCs of one proposal may have other signatures.
 *
 * @throws {DecodeError}
 */
export function recordHash(log: ArchivedLog, bytes: Uint8Array): Uint8Array {
  if (log === ROAD) return commitVoteDigest(decodeCommitQC(bytes).vote);
  return headerHash(readSignedBlockHeader(bytes));
}

/** An object that was read: its head and its index are proven, each record is as it is read. */
export class ArchiveObject {
  readonly name: string;
  readonly chainId: string;
  readonly log: ArchivedLog;
  readonly first: bigint;
  readonly next: bigint;
  /** The id of the key that sealed it. */
  readonly keyId: string | undefined;
  readonly #bytes: Uint8Array;
  readonly #body: Buffer;
  readonly #indexAt: number;

  private constructor(
    name: string,
    head: Head,
    { bytes, body }: { readonly bytes: Uint8Array; readonly body: Uint8Array },
  ) {
    const { chainId, log, first, count, salted } = head;
    this.name = name;
    this.chainId = chainId;
    this.log = log;
    this.first = first;
    this.next = first + BigInt(count);
    this.keyId = salted?.id;
    this.#bytes = bytes;
    this.#body = Buffer.from(body.buffer, body.byteOffset, body.length);
    this.#indexAt = body.length - CRC_BYTES - count * ENTRY_BYTES;
  }

  /**
   * Opens the bytes of an object; keeps them.
   *
   * @throws {PersisterError} ARCHIVE_CORRUPT with `name`, FORMAT_TOO_NEW; KEY_MISSING, KEY_WRONG where it
   * is sealed.
   */
  static async open(
    name: string,
    bytes: Uint8Array,
    ring: KeyRing | undefined,
  ): Promise<ArchiveObject> {
    const head = readHead(name, bytes);
    const body = await bodyOf(name, head, bytes, ring);
    const object = new ArchiveObject(name, head, { bytes, body });
    object.#checkIndex(head.count);
    return object;
  }

  /** The hash of a record of [first, next). */
  hashAt(number: bigint): Uint8Array {
    const at = this.#entryAt(number) + 12;
    return this.#body.subarray(at, at + HASH_BYTES);
  }

  /** A record of [first, next): a view. @throws {PersisterError} ARCHIVE_CORRUPT */
  recordAt(number: bigint): Uint8Array {
    const at = this.#entryAt(number);
    const offset = this.#body.readUInt32LE(at);
    const length = this.#body.readUInt32LE(at + 4);
    const record = this.#body.subarray(offset, offset + length);
    const isWhole = offset + length <= this.#indexAt && crc32c(record) === this.#crcAt(at);
    if (!isWhole) throw corrupt(this.name, `record ${number} is not what was written`);
    return record;
  }

  /** Nobody asks for a record of it any more, or has a view of one. */
  giveBackTo(memory: ObjectMemory): void {
    memory.giveBack(this.#bytes);
  }

  #crcAt(entry: number): number {
    return this.#body.readUInt32LE(entry + 8);
  }

  #entryAt(number: bigint): number {
    assert(number >= this.first && number < this.next, "an object is asked for its own records");
    return this.#indexAt + Number(number - this.first) * ENTRY_BYTES;
  }

  #checkIndex(count: number): void {
    if (count === 0 || this.#indexAt < 0) throw corrupt(this.name, "it is too short for its index");
    const end = this.#body.length - CRC_BYTES;
    const index = this.#body.subarray(this.#indexAt, end);
    if (crc32c(index) !== this.#body.readUInt32LE(end)) {
      throw corrupt(this.name, "its index is not what was written");
    }
  }
}

async function bodyOf(
  name: string,
  head: Head,
  bytes: Uint8Array,
  ring: KeyRing | undefined,
): Promise<Uint8Array> {
  const packed = opened(name, head, bytes.subarray(head.bodyAt), ring);
  const body = await expand(head.compression, packed, { length: head.bodyBytes, name });
  if (body.length !== head.bodyBytes) throw corrupt(name, "its body has another length");
  return body;
}

function opened(
  name: string,
  { salted, bytes: head }: Head,
  sealed: Uint8Array,
  ring: KeyRing | undefined,
): Uint8Array {
  if (!salted) return sealed;
  const key = ring?.find(salted.id);
  if (!key) {
    const text = `${name} is sealed with the key ${salted.id}, which was not given`;
    throw new PersisterError("KEY_MISSING", text, { file: name });
  }
  const body = openBody(key, salted.salt, head, sealed);
  if (!body) throw corrupt(name, `it does not open with the key ${salted.id}`);
  return body;
}
