/**
 * The journal that all jobs of a store share: every write of every job is a record in it before LevelDB
 * gets it, and so is each change of a job's own state. One group commit serves all of them.
 *
 * ```
 * type   record                                    label `tenant`
 * JOB    the state of a job (`job-record.ts`)      hash of its id
 * WRITE  one write (`write.ts`)                    hash of its id
 * ```
 *
 * # Invariants
 *
 * - Of each job the newest JOB record is held, until the job is dropped and its folder is gone.
 * - Of each job every WRITE record is held that is not settled: not proven to be in a table of LevelDB.
 * - Doing all held writes of a job again, in their order, gives the job's state, whatever LevelDB kept
 *   of them: the last operation on a key decides, and each is there.
 *
 * # Crash safety
 *
 * A checkpoint names the lowest LSN that is still needed. Records below it go; so a record that holds
 * the checkpoint back, of a job that cannot settle it now, is written again at the end first. If the
 * power fails between the two, both are held: doing a job's writes twice, in their order, ends in the
 * same state.
 */
import { join } from "node:path";
import { FormatError } from "../codec/binary.js";
import { crc32c } from "../codec/crc32c.js";
import { REQUIRED_TYPE } from "../records/log/envelope.js";
import { Journal } from "../records/journal.js";
import type { Surroundings } from "../disk/surroundings.js";
import { assert } from "../types/assert.js";
import { PersisterError } from "../types/errors.js";
import { decodeJobRecord, encodeJobRecord, type JobRecord } from "./job-record.js";
import { decodeOwner, decodeWrite, type Operation } from "./write.js";

/** No job has this name: ids do not begin with a dot. */
export const JOURNAL_FOLDER = ".journal";

const types = { job: REQUIRED_TYPE | 1, write: REQUIRED_TYPE | 2 } as const;

/** A record of a job that is still needed. */
interface Held {
  readonly lsn: bigint;
  readonly bytes: number;
}

/** A job as the journal knows it. */
interface KnownJob {
  record: JobRecord;
  recordLsn: bigint;
  /** Writes that are not settled, in order. */
  unsettled: Held[];
  /** The last write has its answer, and so have all before it. */
  lastAnswer: Promise<unknown>;
}

export class JobJournal {
  readonly #journal: Journal;
  readonly #jobs = new Map<string, KnownJob>();
  #bytesSince = 0;

  private constructor(journal: Journal) {
    this.#journal = journal;
  }

  /** Opens the journal below `root`. If there is none it makes one, if it may (`mayMake`). */
  static async open(
    surroundings: Surroundings,
    root: string,
    {
      segmentBytes,
      moved,
      mayMake,
    }: { readonly segmentBytes: number; readonly moved: boolean; readonly mayMake: boolean },
  ): Promise<JobJournal> {
    const directory = join(root, JOURNAL_FOLDER);
    const options = { types: Object.values(types), segmentBytes, moved };
    const open = (): Promise<Journal> => Journal.openOn(surroundings, directory, options);
    const journal = await open().catch(async (cause: unknown) => {
      const isMissing = cause instanceof PersisterError && cause.code === "NOT_A_STORE";
      if (!isMissing || !mayMake) throw cause;
      await Journal.initOn(surroundings, directory, { segmentBytes });
      return await open();
    });
    const opened = new JobJournal(journal);
    try {
      await opened.#read();
      return opened;
    } catch (cause) {
      await journal.close();
      throw cause;
    }
  }

  /** Every job that is on record, dropped ones whose folder may still be there included. */
  get records(): readonly JobRecord[] {
    return [...this.#jobs.values()].map(({ record }) => record);
  }

  recordOf(id: string): JobRecord | undefined {
    return this.#jobs.get(id)?.record;
  }

  /** Bytes of the records that came since the last checkpoint. */
  get bytesSinceCheckpoint(): number {
    return this.#bytesSince;
  }

  /** Bytes of a job's writes that are not settled. */
  unsettledBytes(id: string): number {
    return this.#jobs.get(id)?.unsettled.reduce((sum, { bytes }) => sum + bytes, 0) ?? 0;
  }

  /** Puts the state of a job on record; durable when resolved. */
  async put(record: JobRecord): Promise<void> {
    const lsn = await this.#append(types.job, record.id, encodeJobRecord(record));
    this.#noteRecord(record, lsn);
  }

  /** Appends a write (`encodeWrite`); durable when resolved, to its LSN. In the order of calls. */
  write(id: string, payload: Uint8Array): Promise<bigint> {
    const job = this.#known(id);
    const answer = this.#append(types.write, id, payload).then((lsn) => {
      job.unsettled.push({ lsn, bytes: payload.length });
      return lsn;
    });
    job.lastAnswer = answer.catch(() => {});
    return answer;
  }

  /** The writes of a job's life that are not settled, in order. */
  async *unsettled(id: string): AsyncGenerator<readonly Operation[]> {
    const { record, unsettled } = this.#known(id);
    const from = unsettled[0]?.lsn;
    if (from === undefined) return;
    for await (const { payload } of this.#recordsOf(types.write, id, from)) {
      const { owner, operations } = decodeWrite(payload);
      if (owner.id === id && owner.life === record.life) yield operations;
    }
  }

  /** The writes of a job up to `lsn` are in tables of LevelDB: they are not needed any more. */
  settled(id: string, lsn: bigint): void {
    const job = this.#known(id);
    job.unsettled = job.unsettled.filter((held) => held.lsn > lsn);
  }

  /** Forgets a job that was dropped, once its folder is gone. */
  forget(id: string): void {
    assert(this.#known(id).record.kind === "dropped", "only a dropped job is forgotten");
    this.#jobs.delete(id);
  }

  /**
   * Writes the records of a job that are below `lsn` again, at the end. Nobody begins a write of this
   * job meanwhile; those on their way are waited for, since a copy must lie behind all of them.
   */
  async carry(id: string, lsn: bigint): Promise<void> {
    const job = this.#known(id);
    await job.lastAnswer;
    const old = job.unsettled;
    if (old.some((held) => held.lsn < lsn)) {
      job.unsettled = [];
      try {
        for (const held of old) {
          const { payload } = await this.#journal.read(held.lsn);
          await this.write(id, payload);
        }
      } catch (cause) {
        job.unsettled = old;
        throw cause;
      }
    }
    if (job.recordLsn < lsn) await this.put(job.record);
  }

  /** The LSN of the next record: what lies below is there now. */
  get nextLsn(): bigint {
    return this.#journal.durableLsn + 1n;
  }

  /** Lets go of every record that no job needs any more. */
  async checkpoint(): Promise<void> {
    let needed = this.nextLsn;
    for (const { recordLsn, unsettled } of this.#jobs.values()) {
      for (const lsn of [recordLsn, unsettled[0]?.lsn ?? recordLsn]) if (lsn < needed) needed = lsn;
    }
    this.#bytesSince = 0;
    if (needed <= (this.#journal.checkpointLsn ?? 0n)) return;
    await this.#journal.forgetBefore(needed);
  }

  get bytes(): number {
    return this.#journal.sizes.bytes;
  }

  get poison(): PersisterError | undefined {
    return this.#journal.poison;
  }

  async sync(): Promise<void> {
    await this.#journal.sync();
  }

  async close(): Promise<void> {
    await this.#journal.close();
  }

  /** Reads every record that is held. The newest JOB record of an id may lie behind its writes. */
  async #read(): Promise<void> {
    const writes: (Held & { readonly id: string; readonly life: bigint })[] = [];
    for await (const { lsn, type, payload } of this.#journal.replay()) {
      if (type === types.job) this.#noteRecord(recordFrom(payload, lsn), lsn);
      else writes.push({ ...ownerFrom(payload, lsn), lsn, bytes: payload.length });
    }
    for (const { id, life, lsn, bytes } of writes) {
      const known = this.#jobs.get(id);
      // Writes of a life that is over are of no use.
      const isOf = known?.record.life === life && known.record.kind !== "dropped";
      if (isOf) known.unsettled.push({ lsn, bytes });
    }
  }

  #noteRecord(record: JobRecord, recordLsn: bigint): void {
    const known = this.#jobs.get(record.id);
    if (known?.record.life === record.life && record.kind !== "dropped") {
      Object.assign(known, { record, recordLsn });
      return;
    }
    const lastAnswer = Promise.resolve();
    this.#jobs.set(record.id, { record, recordLsn, unsettled: [], lastAnswer });
  }

  #known(id: string): KnownJob {
    const known = this.#jobs.get(id);
    assert(known !== undefined, "a job is on record before anything is written to it");
    return known;
  }

  async #append(type: number, id: string, payload: Uint8Array): Promise<bigint> {
    const lsn = await this.#journal.append({ type, tenant: tagOf(id), payload });
    this.#bytesSince += payload.length;
    return lsn;
  }

  #recordsOf(type: number, id: string, from: bigint) {
    const tenant = tagOf(id);
    const select = (header: { type: number; tenant: number }): boolean =>
      header.type === type && header.tenant === tenant;
    return this.#journal.replay({ from, select });
  }
}

/** Several ids may share a tag: it only saves reading most records of other jobs. */
function tagOf(id: string): number {
  return crc32c(Buffer.from(id, "latin1"));
}

function recordFrom(payload: Uint8Array, lsn: bigint): JobRecord {
  const record = decodeJobRecord(payload);
  if (record) return record;
  throw new PersisterError(
    "FORMAT_TOO_NEW",
    `record ${lsn} of the journal of jobs was not written by this version of Lanekeeper`,
  );
}

function ownerFrom(payload: Uint8Array, lsn: bigint): ReturnType<typeof decodeOwner> {
  try {
    return decodeOwner(payload);
  } catch (cause) {
    if (!(cause instanceof FormatError)) throw cause;
    throw new PersisterError(
      "FORMAT_TOO_NEW",
      `record ${lsn} of the journal of jobs was not written by this version of Lanekeeper`,
      { cause },
    );
  }
}
