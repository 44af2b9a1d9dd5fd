/**
 * Archives one log, an object at a time.
 *
 * # Crash safety
 *
 * 1. The object is put under a name that tells its range. A crash before the link leaves an object that
 *    no link names: it counts for nothing, and the next object begins at the same number.
 * 2. The object is read back and compared. A bucket that lies is noticed here.
 * 3. The link is put under the next ordinal, and read back. From here on the records are archived. A crash
 *    before the position is durable leaves a link that this writer does not know: the next open finds it
 *    as it finds those of other writers, compares its records, and goes on behind it.
 * 4. The position is made durable by the caller. Only then may records below it be given back.
 *
 * # Several writers
 *
 * One link of an ordinal can be there. A writer that was second reads the link that won, compares the
 * records of its object with its own, and goes on behind them. If one differs there are two truths: its own
 * records are put beside them as evidence, and the log is archived no further.
 */
import { throwIfAborted, type WaitOptions } from "../../async/signal.js";
import { hex } from "../../codec/hex.js";
import type { ArchivedPosition } from "../../persist/archived-note.js";
import { ROAD } from "../../persist/kinds.js";
import { hasCode, PersisterError } from "../../types/errors.js";
import { type Bucket, sameBytes } from "../bucket/bucket.js";
import { type BuiltObject, ObjectBuilder, type Packing } from "../form/builder.js";
import { sha256Aside } from "../form/digest.js";
import { encodeLink, hashOfLink, type Link, type ReadLink } from "../form/link.js";
import { type ArchivedLog, conflictName, linkName, objectName } from "../form/names.js";
import type { ObjectMemory } from "../form/object-memory.js";
import { type ArchiveObject, recordHash } from "../form/object.js";
import type { LogChain } from "../reading/log-chain.js";
import type { ArchiveSource, LogState } from "./source.js";

/** Room for the last record that still fits, and for the index. */
const SLACK_BYTES = 3 * 1024 * 1024;

export interface LogWriterParts {
  readonly source: ArchiveSource;
  readonly bucket: Bucket;
  readonly chain: LogChain;
  /** How objects are packed from now on. */
  readonly packing: () => Packing;
  /** Records are collected up to so many bytes. */
  readonly objectBytes: number;
  readonly memory: ObjectMemory;
}

/** The outcome of one step. `hole`: numbers right below that nobody has archived, nor will. */
export type Step =
  /** An object of this writer's was archived. */
  | { readonly did: "put"; readonly bytes: number; readonly records: number; readonly hole: bigint }
  /** Another writer's object holds these records. */
  | { readonly did: "found"; readonly records: number; readonly hole: bigint }
  /** Another writer was first with its link: the next step goes behind it. */
  | { readonly did: "lost" }
  /** Another writer is ahead of this store, or there is nothing to do. */
  | { readonly did: "nothing" };

/** Size and SHA-256 of an object as it lies in the bucket. */
type StoredAs = Pick<Link, "bytes" | "sha256">;

const NOWHERE: ArchivedPosition = { through: 0n, links: 0, tip: null };

export class LogWriter {
  readonly log: ArchivedLog;
  readonly #parts: LogWriterParts;
  #position: ArchivedPosition | undefined;
  /** Nothing is known of a link behind the position. */
  #isAtEnd = false;

  constructor(parts: LogWriterParts, position: ArchivedPosition | undefined) {
    this.log = parts.chain.log;
    this.#parts = parts;
    this.#position = position;
  }

  /** How far the log is archived; `undefined` before the first step. */
  get position(): ArchivedPosition | undefined {
    return this.#position;
  }

  /**
   * One step: goes behind another writer's link, or archives an object.
   *
   * @throws {PersisterError} ARCHIVE_CONFLICT: for good; ARCHIVE_CORRUPT, KEY_MISSING, BUCKET_FAILED,
   * BUCKET_REFUSED, BUCKET_UNSAFE, JOURNAL_CORRUPT, ABORTED: the same step may be taken again.
   */
  async step(state: LogState, options: WaitOptions): Promise<Step> {
    this.#position ??= await this.#begin(state, options);
    if (!this.#isAtEnd) {
      const link = await this.#parts.chain.link(this.#position.links, options);
      if (link) return await this.#follow(link, state, options);
      this.#isAtEnd = true;
    }
    return await this.#archive(this.#position, state, options);
  }

  /** The position of a store that has never archived this log: before the first link that concerns it. */
  async #begin({ retainedFirst }: LogState, options: WaitOptions): Promise<ArchivedPosition> {
    const { chain } = this.#parts;
    const links = await chain.linkFrom(retainedFirst, options);
    const before = links === 0 ? undefined : await chain.link(links - 1, options);
    return { through: before?.next ?? 0n, links, tip: before?.hash ?? null };
  }

  /** Goes behind a link that is there already, once all its records have left the live window. */
  async #follow(link: ReadLink, state: LogState, options: WaitOptions): Promise<Step> {
    const { chain } = this.#parts;
    const { through, links, tip } = this.#position ?? NOWHERE;
    if (link.before !== tip) {
      const name = linkName(chain.folder, link.ordinal);
      throw new PersisterError(
        "ARCHIVE_CORRUPT",
        `${name}: it does not name the link before it that this store knows: one was replaced`,
        { file: name },
      );
    }
    if (link.next > state.first) return { did: "nothing" };
    const from = greatest(link.first, through, state.retainedFirst);
    const records = from < link.next ? await this.#compare(link, from, options) : 0;
    this.#position = { through: link.next, links: links + 1, tip: link.hash };
    const due = links === 0 ? state.retainedFirst : through;
    return { did: "found", records, hole: link.first > due ? link.first - due : 0n };
  }

  /** Compares the records [from, link.next) of this store with those that are archived. */
  async #compare(link: ReadLink, from: bigint, options: WaitOptions): Promise<number> {
    const object = await this.#parts.chain.object(link, options);
    const own = new ObjectBuilder(this.#parts.chain.chainId, this.log, from);
    for await (const { number, bytes } of this.#parts.source.read(this.log, {
      from,
      next: link.next,
      ...options,
    })) {
      // Records that were given up meanwhile can be compared no more.
      if (number !== own.next) break;
      own.add(bytes);
      if (isSame(this.log, object.recordAt(number), bytes)) continue;
      throw await this.#conflict(await own.finish(this.#parts.packing()), object.name, options);
    }
    return Number(own.next - from);
  }

  async #archive(position: ArchivedPosition, state: LogState, options: WaitOptions): Promise<Step> {
    const builder = await this.#collect(position.through, state, options);
    if (!builder) return { did: "nothing" };
    const built = await builder.finish(this.#parts.packing());
    const stored = await this.#put(built, options);
    // It was put and read back: nobody looks at its bytes any more.
    builder.giveBackTo(this.#parts.memory);
    const link = this.#linkTo(built, position, stored);
    const bytes = encodeLink(link);
    const name = linkName(this.#parts.chain.folder, link.ordinal);
    const put = await this.#parts.bucket.putIfAbsent(name, bytes, options);
    if (!put.stored) {
      this.#isAtEnd = false;
      return { did: "lost" };
    }
    await this.#readBack(name, bytes, options);
    this.#position = { through: link.next, links: link.ordinal + 1, tip: hashOfLink(bytes) };
    const records = Number(link.next - link.first);
    const hole = position.links === 0 ? 0n : link.first - position.through;
    return { did: "put", bytes: stored.bytes, records, hole };
  }

  /** The records from `from` on, as many as fit an object. */
  async #collect(
    from: bigint,
    { first }: LogState,
    options: WaitOptions,
  ): Promise<ObjectBuilder | undefined> {
    const { source, chain, objectBytes } = this.#parts;
    let builder: ObjectBuilder | undefined;
    try {
      for await (const { number, bytes } of source.read(this.log, {
        from,
        next: first,
        ...options,
      })) {
        if (builder && builder.length + bytes.length > objectBytes) break;
        builder ??= this.#builderAt(number, chain.chainId);
        builder.add(bytes);
      }
    } catch (cause) {
      // Records were given up while they were read: those before them are there.
      if (!hasCode(cause, "OUT_OF_SEQUENCE") || !builder) throw cause;
    }
    return builder;
  }

  #builderAt(number: bigint, chainId: string): ObjectBuilder {
    const builder = new ObjectBuilder(chainId, this.log, number);
    builder.takeFrom(this.#parts.memory, this.#parts.objectBytes + SLACK_BYTES);
    return builder;
  }

  /** Puts an object. The one that lies there then may have the same records packed in another way. */
  async #put(built: BuiltObject, options: WaitOptions): Promise<StoredAs> {
    const { bucket, chain } = this.#parts;
    const name = objectName(chain.folder, built.first, built.next);
    const sha256 = await sha256Aside(built.bytes);
    const put = await bucket.putIfAbsent(name, built.bytes, { ...options, sha256 });
    if (put.stored) {
      await this.#readBack(name, built.bytes, options);
      return { bytes: built.bytes.length, sha256: hex(sha256) };
    }
    const held = put.held?.bytes ?? new Uint8Array(0);
    if (await this.#holdsSame(name, held, { built, options })) {
      return { bytes: held.length, sha256: hex(await sha256Aside(held)) };
    }
    throw await this.#conflict(built, name, options);
  }

  /** Whether the object that has the name already holds the same records. */
  async #holdsSame(
    name: string,
    held: Uint8Array,
    { built, options }: { readonly built: BuiltObject; readonly options: WaitOptions },
  ): Promise<boolean> {
    const { chain } = this.#parts;
    let object: ArchiveObject;
    try {
      object = await chain.open(name, held, built);
    } catch (cause) {
      if (hasCode(cause, "ARCHIVE_CORRUPT")) return false;
      throw cause;
    }
    // The store may have given up these records since they were built.
    const own = await chain.open(name, built.bytes, built);
    for (let number = built.first; number < built.next; number++) {
      throwIfAborted(options.signal, `the comparison of ${name}`);
      if (!isSame(this.log, object.recordAt(number), own.recordAt(number))) return false;
    }
    return true;
  }

  #linkTo(built: BuiltObject, { links, tip }: ArchivedPosition, stored: StoredAs): Link {
    const { first, next, last } = built;
    return {
      chain: this.#parts.chain.chainId,
      log: this.log,
      ordinal: links,
      before: tip,
      first,
      next,
      ...stored,
      last: hex(last),
    };
  }

  /** @throws {PersisterError} BUCKET_UNSAFE where the bucket has not the bytes that it said it has. */
  async #readBack(name: string, bytes: Uint8Array, options: WaitOptions): Promise<void> {
    const { bucket } = this.#parts;
    const held = await bucket.get(name, options);
    if (held && sameBytes(held.bytes, bytes)) return;
    const found = held ? "other bytes are there" : "it is not there";
    const text = `${bucket.url} said that it stored ${name}, and ${found}`;
    throw new PersisterError("BUCKET_UNSAFE", text, { file: name });
  }

  /** Puts this store's records beside those that differ from them. */
  async #conflict(own: BuiltObject, name: string, options: WaitOptions): Promise<PersisterError> {
    const { bucket, chain } = this.#parts;
    const evidence = conflictName(chain.folder, own, await sha256Aside(own.bytes));
    await bucket.putIfAbsent(evidence, own.bytes, options);
    const place =
      this.log === ROAD ? { roadIndex: own.first } : { lane: this.log, blockNumber: own.first };
    const text =
      `${name} holds other records than this store in [${own.first}, ${own.next}): there are two truths; ` +
      `this store's are in ${evidence}, and ${this.log} is archived no further`;
    return new PersisterError("ARCHIVE_CONFLICT", text, { file: name, ...place });
  }
}

/** The same bytes, or another valid form of the same: two QCs of one proposal may have other signatures. */
function isSame(log: ArchivedLog, archived: Uint8Array, own: Uint8Array): boolean {
  if (sameBytes(archived, own)) return true;
  return log === ROAD && sameBytes(recordHash(log, archived), recordHash(log, own));
}

function greatest(...numbers: readonly bigint[]): bigint {
  return numbers.reduce((high, each) => (each > high ? each : high), 0n);
}
