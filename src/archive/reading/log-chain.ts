/**
 * The chain of one log in a bucket, as a reader sees it: its links by their ordinals, and the objects
 * that they name. Everything that is returned was compared with its link.
 */
import type { WaitOptions } from "../../async/signal.js";
import type { KeyRing } from "../../keys/ring.js";
import { type Bucket, type GetOptions, sameBytes } from "../bucket/bucket.js";
import { sha256Hex } from "../bucket/digest.js";
import { corrupt } from "../form/head.js";
import { decodeLink, encodeReceipt, type ReadLink } from "../form/link.js";
import { type ArchivedLog, linkName, logFolder, objectName, receiptName } from "../form/names.js";
import { ArchiveObject } from "../form/object.js";

export class LogChain {
  readonly log: ArchivedLog;
  readonly chainId: string;
  readonly folder: string;
  readonly #bucket: Bucket;
  readonly #ring: KeyRing | undefined;

  constructor(
    bucket: Bucket,
    of: {
      readonly chainId: string;
      readonly log: ArchivedLog;
      readonly ring: KeyRing | undefined;
    },
  ) {
    this.log = of.log;
    this.chainId = of.chainId;
    this.folder = logFolder(of.chainId, of.log);
    this.#bucket = bucket;
    this.#ring = of.ring;
  }

  /**
   * The link of this ordinal; `undefined` if there is none.
   *
   * @throws {PersisterError} ARCHIVE_CORRUPT, FORMAT_TOO_NEW, BUCKET_FAILED, BUCKET_REFUSED, ABORTED.
   */
  async link(ordinal: number, options?: WaitOptions): Promise<ReadLink | undefined> {
    const name = linkName(this.folder, ordinal);
    const held = await this.#bucket.get(name, options);
    if (!held) return undefined;
    const link = decodeLink(name, held.bytes);
    if (link.chain !== this.chainId || link.log !== this.log || link.ordinal !== ordinal) {
      throw corrupt(name, `it is link ${link.ordinal} of ${link.log} of chain ${link.chain}`);
    }
    return link;
  }

  /**
   * Compares the receipt of a link with it, if there is one.
   *
   * @throws {PersisterError} ARCHIVE_CORRUPT for the receipt of another link; as `link`.
   */
  async checkReceipt({ ordinal, hash }: ReadLink, options?: WaitOptions): Promise<void> {
    const name = receiptName(this.folder, ordinal);
    const held = await this.#bucket.get(name, options);
    if (!held || sameBytes(held.bytes, encodeReceipt(hash))) return;
    throw corrupt(name, `it is not the receipt of link ${ordinal}: one of both was replaced`);
  }

  /** How many links there are, at least `from`: looks at some of them, in doubling steps. */
  async count(from = 0, options?: WaitOptions): Promise<number> {
    const isThere = async (ordinal: number): Promise<boolean> => {
      return (await this.link(ordinal, options)) !== undefined;
    };
    let low = from;
    let step = 1;
    while (await isThere(low + step - 1)) {
      low += step;
      step *= 2;
    }
    let high = low + step - 1;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (await isThere(middle)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /**
   * The links from `from` on, up to the last one that is there. Each is compared with the one before.
   *
   * @throws {PersisterError} as `link`; ARCHIVE_CORRUPT for one that does not follow.
   */
  async *links(from = 0, options?: WaitOptions): AsyncGenerator<ReadLink> {
    let before = from === 0 ? undefined : await this.link(from - 1, options);
    if (from > 0 && !before) throw corrupt(linkName(this.folder, from - 1), "it is missing");
    for (let ordinal = from; ; ordinal++) {
      const link = await this.link(ordinal, options);
      if (!link) return;
      this.checkFollows(before, link);
      yield link;
      before = link;
    }
  }

  /** @throws {PersisterError} ARCHIVE_CORRUPT unless `link` goes on where `before` ended, or behind it. */
  checkFollows(before: ReadLink | undefined, link: ReadLink): void {
    const name = linkName(this.folder, link.ordinal);
    if (link.before !== (before?.hash ?? null)) {
      throw corrupt(
        name,
        `link ${link.ordinal} does not name the link before it: one was replaced`,
      );
    }
    if (before && link.first < before.next) {
      throw corrupt(
        name,
        `it begins at ${link.first}, and the link before it ends at ${before.next}`,
      );
    }
  }

  /** The link whose object holds `number`; `undefined` where none does. */
  async linkOf(number: bigint, options?: WaitOptions): Promise<ReadLink | undefined> {
    const link = await this.link(await this.linkFrom(number, options), options);
    return link && link.first <= number ? link : undefined;
  }

  /** The ordinal of the first link whose object ends above `number`. */
  async linkFrom(number: bigint, options?: WaitOptions): Promise<number> {
    let low = 0;
    let high = await this.count(0, options);
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const link = await this.link(middle, options);
      if (!link)
        throw corrupt(linkName(this.folder, middle), "it is missing, and later ones are there");
      if (link.next <= number) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /**
   * The object of a link.
   *
   * @throws {PersisterError} ARCHIVE_CORRUPT with its name; KEY_MISSING, FORMAT_TOO_NEW; as `link`.
   */
  async object(link: ReadLink, options?: GetOptions): Promise<ArchiveObject> {
    const name = objectName(this.folder, link.first, link.next);
    const held = await this.#bucket.get(name, options);
    if (!held) throw corrupt(name, `it is missing: link ${link.ordinal} names it`);
    const { bytes } = held;
    if (bytes.length !== link.bytes) {
      throw corrupt(
        name,
        `it has ${bytes.length} bytes, and link ${link.ordinal} says ${link.bytes}`,
      );
    }
    if ((await sha256Hex(bytes)) !== link.sha256) {
      throw corrupt(name, `its SHA-256 is not the one in link ${link.ordinal}`);
    }
    return await this.open(name, bytes, link);
  }

  /** Opens the bytes of an object, which must have this range of this log. */
  async open(
    name: string,
    bytes: Uint8Array,
    range: { readonly first: bigint; readonly next: bigint },
  ): Promise<ArchiveObject> {
    const object = await ArchiveObject.open(name, bytes, this.#ring);
    const { chainId, log, first, next } = object;
    const isIt = chainId === this.chainId && log === this.log;
    if (isIt && first === range.first && next === range.next) return object;
    throw corrupt(name, `it holds [${first}, ${next}) of ${log} of chain ${chainId}`);
  }
}
