/**
 * The part of a head that says with which key the payloads of its segment are sealed.
 *
 * ```
 *   4   0: payloads are plain; or 1: AES-256-GCM, and then   8 key id   16 check value
 * ```
 */
import type { ByteReader, ByteWriter } from "../../codec/binary.js";
import { KEY_ID_BYTES } from "../../keys/key.js";

/** The version of everything that is not sealed. */
export const FORMAT_VERSION = 2;
/** The version of the head of a segment whose payloads are sealed, and of nothing else. */
export const SEALED_FORMAT_VERSION = 3;

/** Bytes of the value that tells a wrong key from damage. */
export const CHECK_BYTES = 16;
/** Bytes that a head takes more where its segment is sealed. */
export const SEAL_BYTES = KEY_ID_BYTES + CHECK_BYTES;

const PLAIN = 0;
const AES_256_GCM = 1;

export interface HeadSeal {
  readonly keyId: Uint8Array;
  /** Bytes that only the key gives, with the salt of this head. */
  readonly check: Uint8Array;
}

/** The format version of a head with this seal. */
export function versionOf(seal: HeadSeal | undefined): number {
  return seal ? SEALED_FORMAT_VERSION : FORMAT_VERSION;
}

export function writeSeal(writer: ByteWriter, seal: HeadSeal | undefined): void {
  writer.u32(seal ? AES_256_GCM : PLAIN);
  if (seal) writer.bytes(seal.keyId).bytes(seal.check);
}

/** The seal in a head of this version. */
export function readSeal(reader: ByteReader, version: number): HeadSeal | undefined {
  const way = reader.u32();
  if (way !== (version === SEALED_FORMAT_VERSION ? AES_256_GCM : PLAIN)) {
    reader.fail(`a head of format ${version} is not sealed in way ${way}`);
  }
  if (way === PLAIN) return undefined;
  return { keyId: reader.bytes(KEY_ID_BYTES), check: reader.bytes(CHECK_BYTES) };
}
