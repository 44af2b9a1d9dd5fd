/**
 * A signer: whatever holds a validator's key. The scheme is Ed25519ctx (RFC 8032) with the context
 * `sei_giga_autobahn`, over a 32-byte digest that is signed as it is.
 *
 * A `KeyPair` holds the key in this process. A key store, an HSM or another process is a signer too.
 */
import { inspect } from "node:util";
import { PersisterError } from "../../types/errors.js";
import { bytesOf, checkArguments, isBytes } from "../../types/shape.js";
import { HASH_BYTES, KEY_BYTES, SIGNATURE_BYTES, type Signature } from "../messages.js";
import { hex } from "../../codec/hex.js";
import { type SecretKey, secretKeyOf, signWith, verify } from "./ed25519.js";

/** Signs with the key of one validator. */
export interface Signer {
  /** The Ed25519 public key, 32 bytes. */
  readonly publicKey: Uint8Array;
  /**
   * The signature of `digest` (32 bytes): Ed25519ctx (RFC 8032) with the context `sei_giga_autobahn`,
   * the digest being the message. At once, or as a promise.
   */
  sign(digest: Uint8Array): Signature | Promise<Signature>;
}

const digestBytes = bytesOf(HASH_BYTES);
const seedBytes = bytesOf(32);

/**
 * A signing key in memory. Its secret is shown neither by `util.inspect` and `console.log` nor by
 * `JSON.stringify`, and is no property that code could read.
 */
export class KeyPair implements Signer {
  readonly publicKey: Uint8Array;
  readonly #secret: SecretKey;

  /** Copies nothing of `seed`; keeps what follows from it. @throws {PersisterError} USAGE */
  constructor(seed: Uint8Array) {
    seedBytes(seed, "seed");
    const { publicKey, secret } = secretKeyOf(seed);
    this.publicKey = publicKey;
    this.#secret = secret;
  }

  /**
   * Signs at once; the same key and digest give the same 64 bytes. The last step is plain bigint
   * arithmetic, whose time may depend on the key: sign where nobody can measure it closely.
   *
   * @throws {PersisterError} USAGE for a digest of another length.
   */
  sign(digest: Uint8Array): Signature {
    digestBytes(digest, "digest");
    return { key: this.publicKey, bytes: signWith(this.#secret, this.publicKey, digest) };
  }

  toJSON(): object {
    return { publicKey: hex(this.publicKey) };
  }

  [inspect.custom](): string {
    return `KeyPair { publicKey: ${hex(this.publicKey)} }`;
  }
}

/**
 * The key pair of a 32-byte secret seed.
 *
 * @throws {PersisterError} USAGE for a seed of another length.
 */
export function keyPairFromSeed(seed: Uint8Array): KeyPair {
  return new KeyPair(seed);
}

/** A signed message: at once from a key pair, or a promise from a signer that answers with one. */
export type Made<T, S extends Signer> =
  ReturnType<S["sign"]> extends Signature ? T : T | Promise<T>;

/**
 * Has `signer` sign `digest`, and makes the message of the signature. The signature of any signer but a
 * key pair is verified: a key store that signs otherwise is found out here, not by the other validators.
 *
 * @throws {PersisterError} USAGE for no signer, or one whose signature is not its key's; as the promise's
 * rejection if the signer answers with a promise.
 */
export function signedBy<T>(
  signer: Signer,
  digest: Uint8Array,
  make: (sig: Signature) => T,
): T | Promise<T> {
  checkArguments([requireSigner, signer, "signer"]);
  if (signer instanceof KeyPair) return make(signer.sign(digest));
  const checked = (sig: Signature): T => {
    requireOwn(sig, digest, signer);
    return make(sig);
  };
  const sig = signer.sign(digest);
  return isPromise(sig) ? sig.then(checked) : checked(sig);
}

function isPromise(value: Signature | Promise<Signature>): value is Promise<Signature> {
  return typeof Reflect.get(Object(value), "then") === "function";
}

function requireSigner(value: unknown, name: string): void {
  const { publicKey, sign } = Object(value) as Partial<Signer>;
  if (isBytes(publicKey) && publicKey.length === KEY_BYTES && typeof sign === "function") return;
  const wanted = "a signer: a 32-byte publicKey and a function sign(digest)";
  throw new PersisterError("USAGE", `${name} must be ${wanted}`);
}

function requireOwn(sig: Signature, digest: Uint8Array, { publicKey }: Signer): void {
  const { key, bytes } = Object(sig) as Partial<Signature>;
  const isWhole = isBytes(key) && isBytes(bytes) && bytes.length === SIGNATURE_BYTES;
  const isOwn = isWhole && Buffer.compare(key, publicKey) === 0 && verify(digest, { key, bytes });
  if (isOwn) return;
  const scheme = "Ed25519ctx with the context sei_giga_autobahn over the digest";
  const what = `the signer of ${hex(publicKey)} returned something else than its signature`;
  throw new PersisterError("USAGE", `${what} (${scheme})`);
}
