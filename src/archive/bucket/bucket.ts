/**
 * A bucket: objects by name in a store that other machines reach. There are two: a folder of a file
 * system (`file-bucket.ts`), and object storage that speaks S3 (`s3/s3-bucket.ts`). One contract suite
 * runs over both.
 *
 * # Invariants
 *
 * - An object is whole or not there: nobody reads half of a put.
 * - `putIfAbsent` never changes an object. Of any number of puts under one name, one wins.
 * - `putIfMatch` changes an object only while it is still the one with the given tag. Of any number of
 *   puts against one tag, one wins.
 * - A put that resolved is durable, as far as the bucket tells the truth. `probe.ts` asks it.
 *
 * # Errors
 *
 * BUCKET_FAILED where the bucket did not answer, or was busy, as often as it was asked: the same call may
 * succeed later. BUCKET_REFUSED where an operator must act first. ABORTED by the caller's signal.
 *
 * A put that failed may have happened: the answer alone may be lost. So a put of bytes that are held
 * already counts as stored, and two machines that must tell whose put won write different bytes.
 */
import type { WaitOptions } from "../../async/signal.js";
import { PersisterError } from "../../types/errors.js";

/** Names one state of one object. Opaque: it says nothing of the bytes. */
export type Tag = string;

export interface StoredObject {
  /** The caller's own. */
  readonly bytes: Uint8Array;
  readonly tag: Tag;
}

/** `held` is what stands there in place of the bytes that were offered; `undefined`: nothing. */
export type PutResult =
  | { readonly stored: true; readonly tag: Tag }
  | { readonly stored: false; readonly held: StoredObject | undefined };

export interface GetOptions extends WaitOptions {
  /** Gives memory for a large object of so many bytes: a bucket may put it there, and the bytes are a view of it. */
  readonly room?: ((bytes: number) => Uint8Array) | undefined;
}

export interface PutOptions extends WaitOptions {
  /** The SHA-256 of the bytes, where the caller has it. */
  readonly sha256?: Uint8Array | undefined;
}

export interface ListedObject {
  readonly name: string;
  readonly bytes: number;
}

export interface ListOptions extends WaitOptions {
  /** Only names behind this one. */
  readonly after?: string | undefined;
}

export type Comparison = "same" | "other" | "absent";

export interface Bucket {
  /** The address, for messages. No secret is in it. */
  readonly url: string;
  /** The object of this name; `undefined` if there is none. */
  get(name: string, options?: GetOptions): Promise<StoredObject | undefined>;
  /**
   * Compares the object of this name with `bytes`, a part at a time: the object is never in memory as a whole. With
   * their SHA-256 it may ask for that of the object, where the bucket is known to compare it with what comes. Lends
   * `bytes`.
   */
  compare(name: string, bytes: Uint8Array, options?: PutOptions): Promise<Comparison>;
  /** Puts a new object; durable when resolved with `stored`. Lends `bytes`: they must not change. */
  putIfAbsent(name: string, bytes: Uint8Array, options?: PutOptions): Promise<PutResult>;
  /** Replaces the object with `tag`; durable when resolved with `stored`. Lends `bytes`. */
  putIfMatch(name: string, bytes: Uint8Array, tag: Tag, options?: PutOptions): Promise<PutResult>;
  /** The objects whose names begin with `prefix`, in the order of the bytes of their names. */
  list(prefix: string, options?: ListOptions): AsyncGenerator<ListedObject>;
  /** Ends connections. Idempotent. */
  close(): Promise<void>;
}

/** Objects of ours are smaller: a larger one is none of ours, and is not taken into memory. */
export const OBJECT_BYTES_MAX = 128 * 1024 * 1024;

/** Parts of a name: no part is empty or begins with a dot, so that each is also a name of a file. */
const nameForm = /^[a-z0-9_-][a-z0-9._-]*(?:\/[a-z0-9_-][a-z0-9._-]*)*$/;
const NAME_LENGTH_MAX = 900;

/** @throws {PersisterError} USAGE unless every bucket takes `name`. */
export function checkName(name: string): void {
  if (nameForm.test(name) && name.length <= NAME_LENGTH_MAX) return;
  throw new PersisterError(
    "USAGE",
    `${JSON.stringify(name.slice(0, 80))} is no name of an object: it has parts of a-z, 0-9, "_", "-" and ".", with "/" between them`,
  );
}

/** The error of a bucket that is used behind its end. */
export function bucketClosed(url: string): PersisterError {
  return new PersisterError("CLOSED", `${url}: the bucket was closed`);
}

/** Whether two byte strings are the same. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
