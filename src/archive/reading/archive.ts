/**
 * `Archive`: the blocks and commit QCs of a chain in a bucket, to be read, proven and copied.
 */
import { ahead } from "../../async/ahead.js";
import { throwIfAborted, type WaitOptions } from "../../async/signal.js";
import { KeyRing } from "../../keys/ring.js";
import { type KeySource, keySourceSchema } from "../../keys/source.js";
import type { RetainedRange, RetainedRecord } from "../../log/retained-range.js";
import { ROAD } from "../../persist/kinds.js";
import { checkArguments, lane as laneShape, u64 } from "../../types/shape.js";
import { readingArguments, wrongArgument } from "../../types/arguments.js";
import { PersisterError } from "../../types/errors.js";
import type { LaneId } from "../../types/lane.js";
import type { EpochOf } from "../../wire/committee.js";
import type { Bucket } from "../bucket/bucket.js";
import type { ReadLink } from "../form/link.js";
import { type ArchivedLog, chainPart, logInName } from "../form/names.js";
import type { ArchiveObject } from "../form/object.js";
import { openBucket } from "../open-bucket.js";
import type { BucketChoices } from "../s3/s3-bucket.js";
import { copyLog, type CopiedLog } from "./copy.js";
import { LogChain } from "./log-chain.js";
import { verifyLog, type VerifiedLog } from "./verify.js";

export interface ArchiveChoices extends BucketChoices {
  /** The chain whose records are read. */
  readonly chainId: string;
  /**
   * Keys of sealed objects.
   *
   * @defaultValue none: only plain objects can be read
   */
  readonly keys?: readonly KeySource[] | undefined;
}

/** Greater than every letter of a name. */
const BEHIND = "~";

/** One validator's history, or a committee's, beyond its machines. */
export class Archive implements AsyncDisposable {
  readonly #bucket: Bucket;
  readonly #chainId: string;
  readonly #ring: KeyRing | undefined;
  readonly #chains = new Map<ArchivedLog, LogChain>();
  /** The object that was read last: ranges and single reads often stay in it. */
  #held: { readonly hash: string; readonly object: Promise<ArchiveObject> } | undefined;
  /** The links by which single records were found last, by log: the next one is often beside it. */
  readonly #found = new Map<ArchivedLog, ReadLink>();

  private constructor(bucket: Bucket, chainId: string, ring: KeyRing | undefined) {
    this.#bucket = bucket;
    this.#chainId = chainId;
    this.#ring = ring;
  }

  /**
   * Opens the archive at `address`: `file:///folder`, or `s3://BUCKET/PREFIX`; close it. Nothing is read
   * yet, and nothing of an archive is ever written by it.
   *
   * @example
   * await using archive = await Archive.open("s3://blocks/my-chain", { chainId: "my-chain" });
   * const bytes = await archive.readBlock(lane, 7n);
   *
   * @throws {PersisterError} USAGE for a wrong address or option; KEY_REFUSED, CALLBACK_FAILED for a key.
   */
  static async open(address: string, choices: ArchiveChoices): Promise<Archive> {
    const { chainId, keys = [], ...own } = choices;
    checkChoices(chainId, keys);
    const ring = keys.length === 0 ? undefined : await KeyRing.from({ write: "plain", read: keys });
    try {
      return new Archive(await openBucket(address, own), chainId, ring);
    } catch (cause) {
      ring?.close();
      throw cause;
    }
  }

  /** The address of the bucket, without secrets. */
  get url(): string {
    return this.#bucket.url;
  }

  /** The lanes that are archived, and `"road"` if the road is. */
  async *logs(options: WaitOptions = {}): AsyncGenerator<ArchivedLog> {
    const prefix = `${chainPart(this.#chainId)}/`;
    let after: string | undefined;
    for (;;) {
      const next = await this.#bucket.list(prefix, { ...options, after }).next();
      if (next.done) return;
      const { name } = next.value;
      const log = logInName(this.#chainId, name);
      if (log !== undefined) yield log;
      // The rest of its folder is left out.
      const depth = log !== undefined && log !== ROAD ? 3 : 2;
      after = `${name.split("/").slice(0, depth).join("/")}/${BEHIND}`;
    }
  }

  /** The links of a log, in their order: which ranges of it are archived. */
  links(log: ArchivedLog, options?: WaitOptions): AsyncGenerator<ReadLink> {
    return this.#chain(log).links(0, options);
  }

  /**
   * The encoded block as it was signed; `undefined` where it is not archived. The caller's own bytes.
   *
   * @throws {PersisterError} ARCHIVE_CORRUPT, KEY_MISSING, BUCKET_FAILED, BUCKET_REFUSED, ABORTED, USAGE.
   */
  async readBlock(
    lane: LaneId,
    number: bigint,
    options?: WaitOptions,
  ): Promise<Uint8Array | undefined> {
    checkArguments([laneShape, lane, "lane"], [u64, number, "number"]);
    return await this.#read(lane, number, options);
  }

  /** As `readBlock`, for the commit QC of a road index. */
  async readCommitQC(index: bigint, options?: WaitOptions): Promise<Uint8Array | undefined> {
    checkArguments([u64, index, "index"]);
    return await this.#read(ROAD, index, options);
  }

  /**
   * The blocks of a range in ascending order, from the lowest archived one that it holds on. Reads one
   * object ahead.
   *
   * @throws {PersisterError} OUT_OF_SEQUENCE at a hole in the archive; as `readBlock`.
   */
  blocks(lane: LaneId, range: RetainedRange = {}): AsyncGenerator<RetainedRecord> {
    checkArguments([laneShape, lane, "lane"]);
    return this.#range(lane, range);
  }

  /** As `blocks`, for commit QCs by their road indexes. */
  commitQCs(range: RetainedRange = {}): AsyncGenerator<RetainedRecord> {
    return this.#range(ROAD, range);
  }

  /**
   * Proves all that is archived of a log, by the bucket and the committees alone: every link follows the
   * one before, every object is the one that its link names, and every record is signed and linked. A
   * lane is proven by the newest archived commit QC that finalised blocks of it, too.
   *
   * @throws {PersisterError} ARCHIVE_CORRUPT with the name of what is missing, cut, swapped or altered;
   * WRONG_COMMITTEE; as `readBlock`.
   */
  async verify(
    log: ArchivedLog,
    options: WaitOptions & {
      readonly epochOf: EpochOf;
      /** Told of each object that is proven. */
      readonly onObject?: ((link: ReadLink) => void) | undefined;
    },
  ): Promise<VerifiedLog> {
    const parts = { bucket: this.#bucket, chain: this.#chain(log), road: this.#chain(ROAD) };
    return await verifyLog(parts, options);
  }

  /**
   * Copies a log into another bucket, such as a folder. Each object is compared with its link before it is
   * put; one that is there already is left. So a copy that was stopped can be gone on with.
   *
   * @throws {PersisterError} ARCHIVE_CONFLICT where the other bucket holds another chain; as `verify`.
   */
  async copyTo(
    address: string,
    log: ArchivedLog,
    options: BucketChoices &
      WaitOptions & { readonly onObject?: ((link: ReadLink) => void) | undefined } = {},
  ): Promise<CopiedLog> {
    const { signal, onObject, ...choices } = options;
    const to = await openBucket(address, choices);
    try {
      const from = this.#bucket;
      return await copyLog({ from, to, chain: this.#chain(log) }, { signal, onObject });
    } finally {
      await to.close();
    }
  }

  /** Ends connections, and zeroes the keys. Idempotent. */
  async close(): Promise<void> {
    this.#ring?.close();
    await this.#bucket.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #read(
    log: ArchivedLog,
    number: bigint,
    options: WaitOptions = {},
  ): Promise<Uint8Array | undefined> {
    const near = this.#found.get(log);
    const isNear = near !== undefined && number >= near.first && number < near.next;
    const link = isNear ? near : await this.#chain(log).linkOf(number, options);
    if (!link) return undefined;
    this.#found.set(log, link);
    const object = await this.#object(log, link, options);
    return Uint8Array.from(object.recordAt(number));
  }

  async *#range(log: ArchivedLog, range: RetainedRange): AsyncGenerator<RetainedRecord> {
    const { from = 0n, next: end, signal } = range;
    let due: bigint | undefined;
    for await (const object of this.#objects(log, from, signal)) {
      if (due !== undefined && object.first !== due) throw hole(log, due, object.first);
      const first = object.first > from ? object.first : from;
      for (let number = first; number < object.next; number++) {
        if (end !== undefined && number >= end) return;
        throwIfAborted(signal, "the reading of a range");
        yield { number, bytes: Uint8Array.from(object.recordAt(number)) };
      }
      due = object.next;
    }
  }

  /** The objects with records from `from` on, in order; the next one is on its way meanwhile. */
  async *#objects(
    log: ArchivedLog,
    from: bigint,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<ArchiveObject> {
    const chain = this.#chain(log);
    const begin = await chain.linkFrom(from, { signal });
    let coming: Promise<ArchiveObject> | undefined;
    for await (const link of chain.links(begin, { signal })) {
      const before = coming;
      coming = ahead(this.#object(log, link, { signal }));
      if (before) yield await before;
    }
    if (coming) yield await coming;
  }

  async #object(log: ArchivedLog, link: ReadLink, options: WaitOptions): Promise<ArchiveObject> {
    if (this.#held?.hash !== link.hash) {
      this.#held = { hash: link.hash, object: ahead(this.#chain(log).object(link, options)) };
    }
    const held = this.#held;
    try {
      return await held.object;
    } catch (cause) {
      if (this.#held === held) this.#held = undefined;
      throw cause;
    }
  }

  #chain(log: ArchivedLog): LogChain {
    const known = this.#chains.get(log);
    if (known) return known;
    const chain = new LogChain(this.#bucket, { chainId: this.#chainId, log, ring: this.#ring });
    this.#chains.set(log, chain);
    return chain;
  }
}

function checkChoices(chainId: unknown, keys: readonly unknown[]): void {
  if (typeof chainId !== "string" || !/^[\x20-\x7e]{1,255}$/.test(chainId)) {
    throw wrongArgument("chainId", "1 to 255 printable ASCII characters", chainId);
  }
  readingArguments("keys", () => {
    for (const key of keys) {
      if (!keySourceSchema.safeParse(key).success) throw wrongArgument("a key", "a source", key);
    }
  });
}

function hole(log: ArchivedLog, from: bigint, next: bigint): PersisterError {
  const text = `the archive has a hole in ${log}: [${from}, ${next}) was never archived`;
  return new PersisterError(
    "OUT_OF_SEQUENCE",
    text,
    log === ROAD ? { roadIndex: from } : { lane: log, blockNumber: from },
  );
}
