/**
 * A store of jobs that has its journal: the jobs that are open, and all that goes on behind them. Each change of
 * one job's state is under its lock.
 */
import { OPENING, type OpeningChoices } from "../../async/opening.js";
import { throwIfAborted, type WaitOptions } from "../../async/signal.js";
import { allEnded, inTurn } from "../../async/all-ended.js";
import type { Key, KeyId } from "../../keys/key.js";
import { type KeyRing, ringOf } from "../../keys/ring.js";
import { keyFrom, type KeySource } from "../../keys/source.js";
import { PersisterError } from "../../types/errors.js";
import type { JobJournal } from "../journal/job-journal.js";
import type { JobStoreSettings } from "../options.js";
import { PLAIN } from "../seal/seal-table.js";
import { Checkpoints } from "./checkpoints.js";
import type { JobLocks } from "./job-locks.js";
import { closeJobIn, contentsIn, type JobSettings, type OpenJob, openJobIn } from "./opening.js";
import { openJournalAt, type RootParts } from "./root.js";
import { JobRotation } from "./rotation.js";

export interface OpenedStoreParts extends RootParts {
  readonly settings: JobStoreSettings;
  readonly locks: JobLocks;
  /** Is told of an error of a job; of the store where `id` is empty. */
  readonly tell: (error: PersisterError, id: string) => void;
}

export class OpenedStore {
  readonly journal: JobJournal;
  readonly checkpoints: Checkpoints;
  /** The jobs that are open. */
  readonly jobs = new Map<string, OpenJob>();
  readonly #parts: OpenedStoreParts;
  readonly #ring: KeyRing | undefined;
  readonly #rotation: JobRotation;

  private constructor(parts: OpenedStoreParts, journal: JobJournal, ring: KeyRing | undefined) {
    const { locks, settings, surroundings, tell } = parts;
    this.#parts = parts;
    this.#ring = ring;
    this.journal = journal;
    const openJobOf = (id: string): OpenJob | undefined => this.jobs.get(id);
    this.checkpoints = new Checkpoints({
      journal,
      locks,
      checkpointBytes: settings.checkpointBytes,
      openJobOf,
      onFailure: (error) => tell(error, ""),
    });
    this.#rotation = new JobRotation({
      locks,
      isForeign: (id) => this.#isForeign(id),
      openJobOf,
      open: (id) => this.openAsFound(id),
      close: (job) => closeJobIn(journal, job),
      pace: surroundings.pace,
    });
  }

  /** Opens the journal, made with the root where there is none, and removes what dropped jobs left. */
  static async open(parts: OpenedStoreParts, opening: OpeningChoices): Promise<OpenedStore> {
    const { keys } = parts.settings;
    const { signal } = opening;
    const ring = keys && (await ringOf(keys, signal));
    try {
      const journal = await openJournalAt(parts, { ...opening, keys: ring?.choices });
      const opened = new OpenedStore(parts, journal, ring);
      try {
        for (const { id, kind } of journal.records) {
          throwIfAborted(signal, OPENING);
          if (kind === "dropped") await opened.removeDropped(id);
        }
      } catch (cause) {
        await Promise.allSettled([journal.close()]);
        throw cause;
      }
      opened.#rotation.look(opened.ids());
      return opened;
    } catch (cause) {
      ring?.close();
      throw cause;
    }
  }

  /** The ids of all jobs, open or not, sorted. */
  ids(): readonly string[] {
    const held = this.journal.records.filter(({ kind }) => kind !== "dropped");
    return held.map(({ id }) => id).sort();
  }

  /** Opens a job that is not open, for its user. Under its lock. */
  async openFor(id: string, chosen: JobSettings): Promise<OpenJob> {
    const opened = await this.#openIn(id, chosen);
    this.jobs.set(id, opened);
    opened.writer.settledByCheckpoints(true);
    this.#rotation.look([id]);
    return opened;
  }

  /** Opens a job that is not open, whatever its schema is, without giving it to anybody. Under its lock. */
  async openAsFound(id: string): Promise<OpenJob> {
    return await this.#openIn(id, { schemaVersion: this.journal.recordOf(id)?.schema ?? 1 });
  }

  /** Lets go of a job that is open. Under its lock. */
  async closeJob(id: string): Promise<void> {
    const open = this.jobs.get(id);
    if (!open) return;
    this.jobs.delete(id);
    open.writer.settledByCheckpoints(false);
    await closeJobIn(this.journal, open);
  }

  /** Puts on record that a job is gone, and removes it. Under its lock. */
  async dropJob(id: string): Promise<void> {
    const state = this.journal.recordOf(id);
    if (!state) return;
    const open = this.jobs.get(id);
    if (open) {
      open.job.end();
      open.writer.settledByCheckpoints(false);
      this.jobs.delete(id);
      await Promise.allSettled([open.writer.applied()]);
      await open.values.close();
    }
    const { life, schema } = state;
    await this.journal.put({ id, life, schema, kind: "dropped" });
    await this.removeDropped(id);
  }

  async removeDropped(id: string): Promise<void> {
    await this.#parts.homes.of(id, this.journal.recordOf(id)?.life ?? 0n).remove();
    await this.journal.forget(id);
  }

  /** The ids of the keys that the values of a job may need, and "plain". */
  contentsOf(id: string): readonly string[] {
    const record = this.journal.recordOf(id);
    return record ? contentsIn(record) : [];
  }

  /**
   * Seals everything that is written from now on with another key; durable when resolved.
   *
   * @throws {PersisterError} KEY_REFUSED, CALLBACK_FAILED for the key; USAGE where no key writes; DISK_FULL: the key
   * before goes on; POISONED, CLOSED.
   */
  async rotateKey(source: KeySource): Promise<void> {
    const key = await keyFrom(source);
    if (!this.#ring?.writing) {
      key.close();
      const text = "a store that writes plain has no key to rotate: open it with keys first";
      throw new PersisterError("USAGE", text);
    }
    try {
      await this.journal.sealing.rotateKey(() => copyOf(key));
    } catch (cause) {
      key.close();
      throw cause;
    }
    this.#ring.rotate(key);
    const { locks } = this.#parts;
    const switched = [...this.jobs.keys()].map((id) =>
      locks.exclusive(id, async () => await this.#useWriting(id)),
    );
    // One that LevelDB has failed takes no writes: it hears of the key when it is opened again.
    await allEnded(switched).finally(() => this.#rotation.look(this.ids()));
  }

  /** Resolves when nothing on disk is plain, or needs another key than the one that writes. */
  async rotated(options: WaitOptions): Promise<void> {
    await this.journal.sealing.waitForRotation(options);
    await this.#rotation.finished(options);
  }

  /** Ends what goes on behind the jobs, and lets go of the journal and the keys. Every job is closed before. */
  async close(): Promise<void> {
    await inTurn([
      async () => await this.checkpoints.ended(),
      async () => await this.journal.checkpoint(),
      async () => await this.journal.close(),
    ]).finally(() => this.#ring?.close());
  }

  /** Moves nothing to another key any more. */
  async endRotation(cause: PersisterError): Promise<void> {
    await this.#rotation.end(cause);
  }

  async #useWriting(id: string): Promise<void> {
    const open = this.jobs.get(id);
    if (!open || open.writer.failure) return;
    await open.values.seals?.announce();
    await open.writer.between(async () => await open.values.seals?.useWriting());
  }

  /** Whether a kind of bytes is what is written now, or one before it, or one whose key is not there. */
  stateOf(content: string): "writing" | "older" | "missing" {
    if (content === (this.#ring?.writing?.id ?? PLAIN)) return "writing";
    const isHeld = content === PLAIN || this.#ring?.find(content) !== undefined;
    return isHeld ? "older" : "missing";
  }

  #isForeign(id: string): boolean {
    const writing: KeyId | undefined = this.#ring?.writing?.id;
    return writing !== undefined && this.contentsOf(id).some((content) => content !== writing);
  }

  async #openIn(id: string, chosen: JobSettings): Promise<OpenJob> {
    const { homes, settings, surroundings, tell } = this.#parts;
    const parts = {
      journal: this.journal,
      homes,
      settings,
      ring: this.#ring,
      randomBytes: surroundings.randomBytes,
      later: surroundings.later,
      onDurable: () => this.checkpoints.lookAtBytes(),
      onLost: (error: PersisterError) => tell(error, id),
    };
    return await openJobIn(parts, id, chosen);
  }
}

/** A copy for another ring, which zeroes its own. */
function copyOf(key: Key): Uint8Array {
  return key.lend((bytes) => Uint8Array.from(bytes));
}
