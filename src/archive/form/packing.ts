/**
 * Packing of a body: compression, then sealing. Both give the same bytes for the same body, so that two
 * writers make the same object of the same records: as long as they compress with the same version of
 * the same library.
 */
import { createHash } from "node:crypto";
import { promisify } from "node:util";
import * as zlib from "node:zlib";
import { NONCE_BYTES, open, seal } from "../../keys/aead.js";
import { type Key, KEY_BYTES } from "../../keys/key.js";
import { PersisterError } from "../../types/errors.js";

export const compressions = ["none", "gzip", "zstd"] as const;
export type Compression = (typeof compressions)[number];

type Compress = (bytes: Uint8Array) => Promise<Buffer>;
type Expand = (bytes: Uint8Array, options: { readonly maxOutputLength: number }) => Promise<Buffer>;

/** Node has zstd from 22.15 on. */
const { zstdCompress, zstdDecompress } = zlib as {
  readonly zstdCompress?: typeof zlib.gzip;
  readonly zstdDecompress?: typeof zlib.gunzip;
};
const methods: Readonly<Partial<Record<Compression, readonly [Compress, Expand]>>> = {
  gzip: [promisify(zlib.gzip), promisify(zlib.gunzip)],
  ...(zstdCompress && zstdDecompress
    ? { zstd: [promisify(zstdCompress), promisify(zstdDecompress)] }
    : {}),
};

/** The compression of new objects where one is wanted: zstd where Node has it. */
export const bestCompression: Compression = methods.zstd ? "zstd" : "gzip";

export async function compress(compression: Compression, body: Uint8Array): Promise<Uint8Array> {
  if (compression === "none") return body;
  const [pack] = methodOf(compression, "the new object");
  return await pack(body);
}

/** The body of `length` bytes. @throws {PersisterError} ARCHIVE_CORRUPT, FORMAT_TOO_NEW. */
export async function expand(
  compression: Compression,
  packed: Uint8Array,
  { length, name }: { readonly length: number; readonly name: string },
): Promise<Uint8Array> {
  if (compression === "none") return packed;
  const [, unpack] = methodOf(compression, name);
  try {
    return await unpack(packed, { maxOutputLength: Math.max(1, length) });
  } catch (cause) {
    throw new PersisterError("ARCHIVE_CORRUPT", `${name} does not unpack`, { file: name, cause });
  }
}

function methodOf(compression: Compression, name: string): readonly [Compress, Expand] {
  const method = methods[compression];
  if (method) return method;
  const text = `${name} is compressed by ${compression}: this Node.js (${process.version}) has none, 22.15 and newer have`;
  throw new PersisterError("FORMAT_TOO_NEW", text);
}

const LABEL = "lanekeeper archive object 1";
/** Each object has a key of its own, which seals once. */
const NONCE = new Uint8Array(NONCE_BYTES);

/**
 * The salt of the key of a body as it is packed: two libraries pack one body into other bytes, and these must
 * not be sealed with one key. It tells nothing of the body to those who have not the same body.
 */
export function saltOf(key: Key, packed: Uint8Array): Uint8Array {
  const sum = createHash("sha256").update(packed).digest();
  return key.derive(`${LABEL} salt`, sum, KEY_BYTES);
}

/** Seals a packed body under a key of its own: `head` is bound to it, and a part of the key's derivation. */
export function sealBody(key: Key, salt: Uint8Array, head: Uint8Array, packed: Uint8Array): Buffer {
  const own = key.derive(LABEL, salt, KEY_BYTES, [head]);
  return seal({ key: own, nonce: NONCE, aad: head }, [packed]);
}

/** `undefined` where the tag is not that of body, head and key. */
export function openBody(
  key: Key,
  salt: Uint8Array,
  head: Uint8Array,
  sealed: Uint8Array,
): Buffer | undefined {
  const own = key.derive(LABEL, salt, KEY_BYTES, [head]);
  return open({ key: own, nonce: NONCE, aad: head }, sealed);
}
