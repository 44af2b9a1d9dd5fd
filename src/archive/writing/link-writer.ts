/**
 * Goes on with the chain of one log: puts a link behind the last one, and the receipt of it.
 *
 * Invariant: a link is put only if the receipt of the link before it is there. So the newest link alone may be
 * without one, and no link can be gone unnoticed.
 */
import type { WaitOptions } from "../../async/signal.js";
import { PersisterError } from "../../types/errors.js";
import type { Bucket, PutOptions } from "../bucket/bucket.js";
import { corrupt } from "../form/head.js";
import { encodeLink, encodeReceipt, hashOfLink, type Link } from "../form/link.js";
import { linkName, receiptName } from "../form/names.js";

export class LinkWriter {
  readonly #bucket: Bucket;
  readonly #folder: string;
  /** The receipts of all links below this ordinal are known to be there. */
  #receipts = 0;

  constructor(bucket: Bucket, folder: string) {
    this.#bucket = bucket;
    this.#folder = folder;
  }

  /**
   * Returns the hash of the link; `undefined` where another writer was first.
   *
   * @throws {PersisterError} BUCKET_UNSAFE; ARCHIVE_CORRUPT where the receipt of another link is there; as the
   * bucket says. The link may be there then.
   */
  async put(link: Link, options: WaitOptions): Promise<string | undefined> {
    const { ordinal, before } = link;
    if (before !== null && this.#receipts < ordinal) {
      await this.#putReceipt(ordinal - 1, before, options);
    }
    const name = linkName(this.#folder, ordinal);
    const bytes = encodeLink(link);
    const put = await this.#bucket.putIfAbsent(name, bytes, options);
    if (!put.stored) return undefined;
    await readBack(this.#bucket, name, bytes, options);
    const hash = hashOfLink(bytes);
    await this.#putReceipt(ordinal, hash, options);
    this.#receipts = ordinal + 1;
    return hash;
  }

  async #putReceipt(ordinal: number, hash: string, options: WaitOptions): Promise<void> {
    const name = receiptName(this.#folder, ordinal);
    const put = await this.#bucket.putIfAbsent(name, encodeReceipt(hash), options);
    if (put.stored) return;
    throw corrupt(
      name,
      `it is the receipt of another link than ${linkName(this.#folder, ordinal)}`,
    );
  }
}

/** @throws {PersisterError} BUCKET_UNSAFE where the bucket has not the bytes that it said it has. */
export async function readBack(
  bucket: Bucket,
  name: string,
  bytes: Uint8Array,
  options: PutOptions,
): Promise<void> {
  const outcome = await bucket.compare(name, bytes, options);
  if (outcome === "same") return;
  const found = outcome === "other" ? "other bytes are there" : "it is not there";
  const text = `${bucket.url} said that it stored ${name}, and ${found}`;
  throw new PersisterError("BUCKET_UNSAFE", text, { file: name });
}
