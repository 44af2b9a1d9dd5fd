/**
 * AES-256-GCM, as everything that is sealed here uses it. A sealed text is the ciphertext with the tag
 * behind it. The tag always has 16 bytes, and is asked for as such: Node.js 20 otherwise takes a tag of
 * 4 bytes for one. Nothing is handed out before the tag was checked.
 *
 * The caller owes it that no key gets the same nonce twice.
 */
import { createCipheriv, createDecipheriv, type Decipher } from "node:crypto";
import { MessageChannel, type MessagePort } from "node:worker_threads";
import { assert } from "../types/assert.js";

const CIPHER = "aes-256-gcm";
export const AEAD_KEY_BYTES = 32;
export const NONCE_BYTES = 12;
/** Bytes by which a sealed text is longer than its plain one. */
export const TAG_BYTES = 16;

/**
 * The cipher gives new bytes for each call. This many come from memory that was in use a moment ago. Twice as many
 * come from the kernel, which takes longer than the cipher.
 */
const SLICE_BYTES = 32 * 1024;
/** Bytes of the cipher that are freed at once, where there are as many: that takes a few microseconds. */
const FREED_BYTES_MIN = 16 * 1024;

/**
 * The other end of this port is closed: bytes that are transferred to it are freed. Left to the garbage collector, the
 * bytes of a cipher make it look through the whole heap again and again, once for some dozen MiB of them.
 */
const nowhere = portToNowhere();

const CHECKED_TAG = { authTagLength: TAG_BYTES } as const;

/** A key with a nonce that it gets once, and bytes that are bound and not hidden. */
export interface AeadUse {
  readonly key: Uint8Array;
  readonly nonce: Uint8Array;
  /** Additional authenticated data. */
  readonly aad: Uint8Array;
}

/** The sealed text of `parts`, one behind the other. New bytes, of which the first `front` are the caller's to fill. */
export function seal(use: AeadUse, parts: readonly Uint8Array[], front = 0): Buffer {
  let length = front + TAG_BYTES;
  for (const part of parts) length += part.length;
  const sealed = Buffer.allocUnsafeSlow(length);
  sealInto(use, parts, front === 0 ? sealed : sealed.subarray(front));
  return sealed;
}

/** The same into `target`, which it fills. */
export function sealInto(
  { key, nonce, aad }: AeadUse,
  parts: readonly Uint8Array[],
  target: Uint8Array,
): void {
  checkSizes(key, nonce);
  const length = target.length - TAG_BYTES;
  const cipher = createCipheriv(CIPHER, key, nonce, CHECKED_TAG).setAAD(aad);
  let at = 0;
  for (const part of length <= SLICE_BYTES ? [gathered(parts, target, length)] : parts) {
    for (const slice of slicesOf(part)) {
      moveInto(target, at, cipher.update(slice));
      at += slice.length;
    }
  }
  const rest = cipher.final();
  assert(rest.length === 0, "a counter mode leaves nothing to its end");
  assert(at === length, "a sealed text fills its place");
  target.set(cipher.getAuthTag(), at);
}

/** The parts as one, in the place of their ciphertext: the cipher is called once for a small text. */
function gathered(parts: readonly Uint8Array[], target: Uint8Array, length: number): Uint8Array {
  const [first] = parts;
  if (first && parts.length === 1) return first;
  let at = 0;
  for (const part of parts) {
    assert(at + part.length <= length, "a text fits its place");
    target.set(part, at);
    at += part.length;
  }
  return target.subarray(0, at);
}

/** Memory for texts that are looked at and let go, one after the other. */
export class OpenRoom {
  #bytes = Buffer.alloc(0);

  /** Lends `length` bytes: they are valid until the next call. */
  of(length: number): Buffer {
    if (this.#bytes.length < length) this.#bytes = Buffer.allocUnsafeSlow(length);
    return this.#bytes.subarray(0, length);
  }
}

/**
 * The plain text of `sealed`; `undefined` where the tag is not that of text, nonce and AAD. New bytes, or with
 * `room` bytes that may be lent.
 */
export function open(
  { key, nonce, aad }: AeadUse,
  sealed: Uint8Array,
  room?: OpenRoom,
): Buffer | undefined {
  checkSizes(key, nonce);
  const length = sealed.length - TAG_BYTES;
  if (length < 0) return undefined;
  const decipher = createDecipheriv(CIPHER, key, nonce, CHECKED_TAG).setAAD(aad);
  const plain = deciphered(decipher, sealed.subarray(0, length), room);
  decipher.setAuthTag(sealed.subarray(length));
  try {
    decipher.final();
  } catch {
    // The error of a wrong tag has no code, and `final` has no other one.
    plain.fill(0);
    return undefined;
  }
  return plain;
}

function deciphered(decipher: Decipher, text: Uint8Array, room: OpenRoom | undefined): Buffer {
  if (text.length <= SLICE_BYTES) return decipher.update(text);
  const plain = room?.of(text.length) ?? Buffer.allocUnsafeSlow(text.length);
  let at = 0;
  for (const slice of slicesOf(text)) {
    moveInto(plain, at, decipher.update(slice));
    at += slice.length;
  }
  return plain;
}

/** Copies `bytes`, which are nobody else's, and frees them. */
function moveInto(target: Uint8Array, at: number, bytes: Buffer): void {
  target.set(bytes, at);
  const { buffer } = bytes;
  if (bytes.length < FREED_BYTES_MIN || buffer.byteLength !== bytes.length) return;
  if (buffer instanceof ArrayBuffer) nowhere.postMessage(undefined, [buffer]);
}

function portToNowhere(): MessagePort {
  const { port1, port2 } = new MessageChannel();
  port2.close();
  port1.unref();
  return port1;
}

function* slicesOf(bytes: Uint8Array): Generator<Uint8Array> {
  if (bytes.length <= SLICE_BYTES) yield bytes;
  else {
    for (let from = 0; from < bytes.length; from += SLICE_BYTES) {
      yield bytes.subarray(from, from + SLICE_BYTES);
    }
  }
}

function checkSizes(key: Uint8Array, nonce: Uint8Array): void {
  assert(key.length === AEAD_KEY_BYTES, "a key has 32 bytes");
  assert(nonce.length === NONCE_BYTES, "a nonce has 12 bytes");
}
