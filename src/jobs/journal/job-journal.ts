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
 * - Of each job every write is held that is not settled: not proven to be in a table of LevelDB.
 * - Doing all held writes of a job again, in their order, gives the job's state, whatever LevelDB kept
 *   of them: the last operation on a key decides, and each is there.
 *
 * # Crash safety
 *
 * A checkpoint names the lowest LSN that is still needed, and all records below it go. A job that cannot
 * settle its writes now has them carried over it (`carry`):
 *
 * 1. Every held write of the job is appended again, at the end, under a new series.
 * 2. The job's JOB record is appended again, and names the new series.
 *
 * Only writes of the series that the newest JOB record names count. If the power fails before step 2 is
 * durable, the copies do not count, and what they were copied from does; behind it the copies alone do.
 * So an early write never comes twice, a second time behind a later one.
 */
import { join } from "node:path";
import { ahead } from "../../async/ahead.js";
import type { FlushStatus, Surroundings } from "../../disk/surroundings.js";
import { REQUIRED_TYPE } from "../../records/log/envelope.js";
import { Journal } from "../../records/journal.js";
import type { JournalChoices, JournalInitChoices } from "../../records/options.js";
import type { JournalRecord } from "../../records/replay.js";
import { assert } from "../../types/assert.js";
import { hasCode, type PersisterError } from "../../types/errors.js";
import { encodeJobRecord, jobRecordIn, type JobState } from "./job-record.js";
import { type Held, KnownJob, tagOf } from "./known-job.js";
import { decodeWrite, inSeries, type Operation, seriesIn } from "./write.js";

/** No job has this name: ids do not begin with a dot. */
export const JOURNAL_FOLDER = ".journal";

const types = { job: REQUIRED_TYPE | 1, write: REQUIRED_TYPE | 2 } as const;
/** Bytes of copies that are on their way at once. */
const CARRIED_BYTES = 1024 * 1024;

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
    settings: Omit<JournalChoices, "types"> & Required<JournalInitChoices>,
    mayMake: boolean,
  ): Promise<JobJournal> {
    const directory = join(root, JOURNAL_FOLDER);
    const options = { ...settings, types: Object.values(types) };
    const open = (): Promise<Journal> => Journal.openOn(surroundings, directory, options);
    const journal = await open().catch(async (cause: unknown) => {
      const isMissing = hasCode(cause, "NOT_A_STORE");
      if (!isMissing || !mayMake) throw cause;
      await Journal.initOn(surroundings, directory, { segmentBytes: settings.segmentBytes });
      return await open();
    });
    const opened = new JobJournal(journal);
    try {
      await opened.#read(settings.signal);
      return opened;
    } catch (cause) {
      await journal.close();
      throw cause;
    }
  }

  /** Every job that is on record, dropped ones whose folder may still be there included. */
  get records(): readonly JobState[] {
    return [...this.#jobs.values()].map(({ record }) => record);
  }

  recordOf(id: string): JobState | undefined {
    return this.#jobs.get(id)?.record;
  }

  /** Bytes of the largest write that a record can hold. */
  get writeBytesMax(): number {
    return this.#journal.payloadBytesMax;
  }

  /** Bytes of the writes that came since the last checkpoint began. Copies do not count. */
  get bytesSinceCheckpoint(): number {
    return this.#bytesSince;
  }

  /** Bytes of a job's writes that are not settled. */
  heldBytes(id: string): number {
    return this.#jobs.get(id)?.heldBytes ?? 0;
  }

  /** Puts the state of a job on record; durable when resolved. */
  async put(state: JobState): Promise<void> {
    const { id, life } = state;
    const known = this.#jobs.get(id);
    const append = async (): Promise<void> => {
      const isOf = known?.record.life === life;
      // A new life begins a series of its own.
      const series = isOf ? known.series : life;
      const lsn = await this.#append(types.job, id, encodeJobRecord(state, series));
      if (isOf) known.note(state, lsn);
      else this.#jobs.set(id, new KnownJob(state, lsn, series));
    };
    await (known ? known.append(append) : append());
  }

  /**
   * Appends a write (`encodeWrite`); durable when resolved, to the place that it holds. In the order of
   * calls.
   */
  write(id: string, payload: Uint8Array): Promise<Held> {
    const job = this.#known(id);
    this.#bytesSince += payload.length;
    return job.append(() =>
      this.#append(types.write, id, inSeries(payload, job.series)).then((lsn) =>
        job.hold(lsn, payload.length),
      ),
    );
  }

  /** The writes of a job that are not settled, in order. */
  async *unsettled(id: string): AsyncGenerator<readonly Operation[]> {
    for await (const { payload } of this.#heldRecords(this.#known(id))) yield decodeWrite(payload);
  }

  /** The writes of a job up to this one are in tables of LevelDB: they are not needed any more. */
  settled(id: string, last: Held): void {
    this.#known(id).settle(last);
  }

  /** Every write of a job that is held now is in tables of LevelDB. */
  allSettled(id: string): void {
    const job = this.#known(id);
    const last = job.held.at(-1);
    if (last) job.settle(last);
  }

  /** Forgets a job that was dropped, once its folder is gone. */
  async forget(id: string): Promise<void> {
    const job = this.#known(id);
    assert(job.record.kind === "dropped", "only a dropped job is forgotten");
    // Not under a carry: its record would come behind that of the next life.
    await job.whileHalted(() => Promise.resolve(this.#jobs.delete(id)));
  }

  /**
   * Appends the records of a job that are below `lsn` again, at the end, whatever else happens to the
   * job meanwhile. Its new writes wait until that is done, a few milliseconds.
   */
  async carry(id: string, lsn: bigint): Promise<void> {
    const job = this.#jobs.get(id);
    if (!job) return;
    await job.whileHalted(async () => {
      // It may have been forgotten, and made again.
      if (this.#jobs.get(id) !== job) return;
      const old = [...job.held];
      const isBelow = old.some((held) => held.lsn < lsn);
      if (!isBelow && job.recordLsn >= lsn) return;
      // An LSN is given once: no copy that an earlier attempt left is of this series.
      const series = isBelow ? this.nextLsn : job.series;
      const places = isBelow ? await this.#copied(job, series) : [];
      const record = encodeJobRecord(job.record, series);
      job.note(job.record, await this.#append(types.job, id, record));
      job.series = series;
      for (const [at, place] of places.entries()) (old[at] as Held).lsn = place;
    });
  }

  /** The LSN of the next record: what lies below is there now. */
  get nextLsn(): bigint {
    return this.#journal.durableLsn + 1n;
  }

  /** A checkpoint begins: writes that come now count for the next one. */
  beginCheckpoint(): void {
    this.#bytesSince = 0;
  }

  /** Lets go of every record that no job needs any more. */
  async checkpoint(): Promise<void> {
    let needed = this.nextLsn;
    for (const job of this.#jobs.values()) if (job.neededLsn < needed) needed = job.neededLsn;
    if (needed <= (this.#journal.checkpointLsn ?? 0n)) return;
    await this.#journal.forgetBefore(needed);
  }

  /** Bytes of the journal's files. */
  get bytes(): number {
    return this.#journal.sizes.bytes;
  }

  /** The way that small groups of records are written now. */
  get flush(): FlushStatus {
    return this.#journal.flush;
  }

  get poison(): PersisterError | undefined {
    return this.#journal.poison;
  }

  /** The keys that its records are sealed with. */
  get sealing(): Pick<Journal, "keys" | "rotateKey" | "waitForRotation"> {
    return this.#journal;
  }

  async close(): Promise<void> {
    await this.#journal.close();
  }

  /** Reads every record that is held. The newest JOB record of an id may lie behind its writes. */
  async #read(signal: AbortSignal | undefined): Promise<void> {
    const writes: { readonly id: string; series: bigint; lsn: bigint; bytes: number }[] = [];
    for await (const { lsn, type, payload } of this.#journal.replay({ signal })) {
      if (type === types.job) {
        const { state, series } = jobRecordIn(payload, lsn);
        this.#jobs.set(state.id, new KnownJob(state, lsn, series));
      } else writes.push({ ...seriesIn(payload, lsn), lsn, bytes: payload.length });
    }
    for (const { id, series, lsn, bytes } of writes) {
      const job = this.#jobs.get(id);
      if (job?.series === series && job.record.kind !== "dropped") job.hold(lsn, bytes);
    }
  }

  /** Appends every held write again under `series`, and returns their new places, in order. */
  async #copied(job: KnownJob, series: bigint): Promise<readonly bigint[]> {
    const places: Promise<bigint>[] = [];
    let bytes = 0;
    try {
      for await (const { payload } of this.#heldRecords(job)) {
        bytes += payload.length;
        places.push(ahead(this.#append(types.write, job.record.id, inSeries(payload, series))));
        if (bytes < CARRIED_BYTES) continue;
        await places.at(-1);
        bytes = 0;
      }
      return await Promise.all(places);
    } finally {
      // None is on its way any more when the next attempt looks for a series.
      await Promise.allSettled(places);
    }
  }

  /** The records of a job's held writes, in order, also if they are carried away meanwhile. */
  async *#heldRecords(job: KnownJob): AsyncGenerator<JournalRecord> {
    const held = [...job.held];
    const tenant = job.tag;
    const select = (header: { readonly tenant: number }): boolean => header.tenant === tenant;
    for (let at = 0; at < held.length; ) {
      const from = (held[at] as Held).lsn;
      try {
        for await (const record of this.#journal.replay({ from, select })) {
          if (record.lsn !== held[at]?.lsn) continue;
          yield record;
          at += 1;
          if (at === held.length) break;
        }
      } catch (cause) {
        const isGone = hasCode(cause, "OUT_OF_SEQUENCE");
        if (!isGone || held[at]?.lsn === from) throw cause;
      }
      assert(at === held.length || held[at]?.lsn !== from, "a held write is in the journal");
    }
  }

  #known(id: string): KnownJob {
    const known = this.#jobs.get(id);
    assert(known !== undefined, "a job is on record before anything is written to it");
    return known;
  }

  #append(type: number, id: string, payload: Uint8Array): Promise<bigint> {
    const tenant = this.#jobs.get(id)?.tag ?? tagOf(id);
    return this.#journal.append({ type, tenant, payload });
  }
}
