/**
 * Archives one log, an object at a time.
 *
 * # Crash safety
 *
 * 1. The object is put under a name that tells its range. A crash before the link leaves an object that
 *    no link names: it counts for nothing, and the next object begins at the same number.
 * 2. The object is compared: it is read back, or its SHA-256 is, of a bucket that is known to prove it (`s3/sums.ts`).
 *    A bucket that lies is noticed here.
 * 3. The link is put under the next ordinal, and read back. From here on the records are archived. A crash
 *    before the position is durable leaves a link that this writer does not know: the next open finds it
 *    as it finds those of other writers, compares its records, and goes on behind it.
 * 4. The receipt of the link is put. A crash before it leaves the newest link without one; whoever goes on puts it
 *    before the next link. So the link of every object is there, or is missed.
 * 5. The position is made durable by the caller. Only then may records below it be given back.
 *
 * # Several writers
 *
 * One link of an ordinal can be there. A writer that was second reads the link that won, compares the
 * records of its object with its own, and goes on behind them. If one differs there are two truths: its own
 * records are put beside them as evidence, and the log is archived no further.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { throwIfAborted, type WaitOptions } from "../../async/signal.js";
import { hex } from "../../codec/hex.js";
import type { ArchivedPosition } from "../../persist/archived-note.js";
import type { RetainedRange, RetainedRecord } from "../../log/retained-range.js";
import type { Run } from "../../log/retention.js";
import { ROAD } from "../../persist/kinds.js";
import { hasCode, PersisterError } from "../../types/errors.js";
import { type Bucket, sameBytes } from "../bucket/bucket.js";
import { sha256InTurns } from "../bucket/digest.js";
import { type BuiltObject, ObjectBuilder, type Packing } from "../form/builder.js";
import { corrupt } from "../form/head.js";
import type { Link, ReadLink } from "../form/link.js";
import { type ArchivedLog, conflictName, linkName, objectName } from "../form/names.js";
import type { ObjectMemory } from "../form/object-memory.js";
import { type ArchiveObject, recordHash } from "../form/object.js";
import type { LogChain } from "../reading/log-chain.js";
import { type ArchiveSource, type LogState, lowestOf } from "./source.js";
import { max } from "../../types/numbers.js";
import { LinkWriter, readBack } from "./link-writer.js";

/** Room for the last record that still fits, and for the index. */
const SLACK_BYTES = 3 * 1024 * 1024;
/** Bytes of records that are taken in one turn of the event loop: no vote waits for more. */
const BYTES_PER_TURN = 256 * 1024;

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

interface StepOptions extends WaitOptions {
  /** Somebody waits for the log: another writer's object is followed as far as it concerns this store. */
  readonly isAsked?: boolean;
}

/** Size and SHA-256 of an object as it lies in the bucket. */
type StoredAs = Pick<Link, "bytes" | "sha256">;

const NOWHERE: ArchivedPosition = { through: 0n, links: 0, tip: null };

export class LogWriter {
  readonly log: ArchivedLog;
  readonly #parts: LogWriterParts;
  #position: ArchivedPosition | undefined;
  /** Nothing is known of a link behind the position. */
  #isAtEnd = false;
  readonly #links: LinkWriter;

  constructor(parts: LogWriterParts, position: ArchivedPosition | undefined) {
    this.log = parts.chain.log;
    this.#parts = parts;
    this.#links = new LinkWriter(parts.bucket, parts.chain.folder);
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
  async step(state: LogState, options: StepOptions): Promise<Step> {
    this.#position ??= await this.#begin(state, options);
    if (!this.#isAtEnd) {
      const link = await this.#parts.chain.link(this.#position.links, options);
      if (link) return await this.#follow(link, state, options);
      this.#isAtEnd = true;
    }
    return await this.#archive(this.#position, state, options);
  }

  /** The position of a store that has never archived this log: before the first link that concerns it. */
  async #begin(state: LogState, options: WaitOptions): Promise<ArchivedPosition> {
    const { chain } = this.#parts;
    const links = await chain.linkFrom(lowestOf(state), options);
    const before = links === 0 ? undefined : await chain.link(links - 1, options);
    return { through: before?.next ?? 0n, links, tip: before?.hash ?? null };
  }

  /**
   * Goes behind a link that is there already, once all its records have left the live window; where somebody
   * waits, into it, as far as they have.
   */
  async #follow(link: ReadLink, state: LogState, options: StepOptions): Promise<Step> {
    const { chain } = this.#parts;
    const { through, links, tip } = this.#position ?? NOWHERE;
    if (link.before !== tip) {
      const why = "it does not name the link before it that this store knows: one was replaced";
      throw corrupt(linkName(chain.folder, link.ordinal), why);
    }
    const isWhole = link.next <= state.first;
    const next = isWhole ? link.next : state.first;
    if (!isWhole && (!options.isAsked || next <= through)) return { did: "nothing" };
    const from = max(link.first, max(through, lowestOf(state)));
    const records = from < next ? await this.#compare(link, { ...options, from, next }) : 0;
    this.#position = isWhole
      ? { through: next, links: links + 1, tip: link.hash }
      : { through: next, links, tip };
    const due = links === 0 ? max(through, lowestOf(state)) : through;
    const end = link.first < next ? link.first : next;
    return { did: "found", records, hole: end > due ? end - due : 0n };
  }

  /** Compares the records of this store in a part of a link with those that are archived. */
  async #compare(link: ReadLink, range: RetainedRange & Run): Promise<number> {
    const object = await this.#parts.chain.object(link, range);
    const { chainId } = this.#parts.chain;
    let own = new ObjectBuilder(chainId, this.log, range.from);
    let count = 0;
    const records = inTurns(this.#parts.source.read(this.log, range));
    for await (const { number, bytes } of records) {
      if (number !== own.next) own = new ObjectBuilder(chainId, this.log, number);
      own.add(bytes);
      count += 1;
      if (isSame(this.log, object.recordAt(number), bytes)) continue;
      throw await this.#conflict(await own.finish(this.#parts.packing()), object.name, range);
    }
    return count;
  }

  async #archive(position: ArchivedPosition, state: LogState, options: WaitOptions): Promise<Step> {
    const builder = await this.#collect(position.through, state, options);
    if (!builder) return { did: "nothing" };
    const built = await builder.finish(this.#parts.packing());
    const stored = await this.#put(built, options);
    // It was put and read back: nobody looks at its bytes any more.
    builder.giveBackTo(this.#parts.memory);
    const link = this.#linkTo(built, position, stored);
    // Until all of it is done, the next step looks whether the link is there.
    this.#isAtEnd = false;
    const tip = await this.#links.put(link, options);
    if (tip === undefined) return { did: "lost" };
    this.#isAtEnd = true;
    this.#position = { through: link.next, links: link.ordinal + 1, tip };
    const records = Number(link.next - link.first);
    const hole = position.links === 0 ? 0n : link.first - position.through;
    return { did: "put", bytes: stored.bytes, records, hole };
  }

  /** The records from `from` on, up to a gap, as many as fit an object. */
  async #collect(
    from: bigint,
    { first }: LogState,
    options: WaitOptions,
  ): Promise<ObjectBuilder | undefined> {
    const { source, chain, objectBytes } = this.#parts;
    let builder: ObjectBuilder | undefined;
    try {
      const records = source.read(this.log, { from, next: first, ...options });
      for await (const { number, bytes } of inTurns(records)) {
        const isFull = builder && builder.length + bytes.length > objectBytes;
        if (isFull || (builder && number !== builder.next)) break;
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
    const sha256 = await sha256InTurns(built.bytes);
    const put = await bucket.putIfAbsent(name, built.bytes, { ...options, sha256 });
    if (put.stored) {
      await readBack(bucket, name, built.bytes, { ...options, sha256 });
      return { bytes: built.bytes.length, sha256: hex(sha256) };
    }
    const held = put.held?.bytes ?? new Uint8Array(0);
    if (await this.#holdsSame(name, held, { built, options })) {
      return { bytes: held.length, sha256: hex(await sha256InTurns(held)) };
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

  /** Puts this store's records beside those that differ from them. */
  async #conflict(own: BuiltObject, name: string, options: WaitOptions): Promise<PersisterError> {
    const { bucket, chain } = this.#parts;
    const evidence = conflictName(chain.folder, own, await sha256InTurns(own.bytes));
    await bucket.putIfAbsent(evidence, own.bytes, options);
    const place =
      this.log === ROAD ? { roadIndex: own.first } : { lane: this.log, blockNumber: own.first };
    const text =
      `${name} holds other records than this store in [${own.first}, ${own.next}): there are two truths; ` +
      `this store's are in ${evidence}, and ${this.log} is archived no further`;
    return new PersisterError("ARCHIVE_CONFLICT", text, { file: name, ...place });
  }
}

/** Records as they come, and a turn of the event loop now and then: many come at a time. */
async function* inTurns(records: AsyncGenerator<RetainedRecord>): AsyncGenerator<RetainedRecord> {
  let bytes = 0;
  for await (const record of records) {
    yield record;
    bytes += record.bytes.length;
    if (bytes < BYTES_PER_TURN) continue;
    bytes = 0;
    await nextTurn();
  }
}

/** The same bytes, or another valid form of the same: two QCs of one proposal may have other signatures. */
function isSame(log: ArchivedLog, archived: Uint8Array, own: Uint8Array): boolean {
  if (sameBytes(archived, own)) return true;
  return log === ROAD && sameBytes(recordHash(log, archived), recordHash(log, own));
}
