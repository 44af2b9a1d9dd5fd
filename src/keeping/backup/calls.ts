/** Backups as a user asks for them: of a closed store, and of a running one, which end before it closes. */
import { z } from "zod";
import { setTimeout } from "node:timers";
import { listenerSchema, signalSchema, tellProgress } from "../../async/opening.js";
import { absolutePath, type PathInput } from "../../disk/path.js";
import { realSurroundings, type Surroundings } from "../../disk/surroundings.js";
import { checkChoices } from "../../types/choices.js";
import { PersisterError } from "../../types/errors.js";
import { type BackupProgress, backUp } from "./backup.js";
import { cutOfClosed } from "./closed-cut.js";
import { type CutParts, cutOfRunning, type StoreCut } from "./cut.js";
import { Pace } from "./pace.js";

const MIB = 1024 * 1024;

/** All defaults. */
export const backupDefaults = {
  /** Less than a tenth of what a disk of a validator can do. */
  bytesPerSecond: 16 * MIB,
  /** A week of nightly ones. */
  keep: 7,
} as const;

export interface BackupOptions {
  /** Ends the backup with ABORTED; the next one goes on with the segments that are there. */
  readonly signal?: AbortSignal | undefined;
  /** Called behind each file. */
  readonly onProgress?: ((progress: BackupProgress) => void) | undefined;
  /**
   * Bytes that are read or written in a second.
   *
   * @defaultValue 16 MiB
   */
  readonly bytesPerSecond?: number | undefined;
  /**
   * Backups that stay in the directory, this one included; older ones are removed behind it.
   *
   * @defaultValue 7
   */
  readonly keep?: number | undefined;
}

/** A backup that was made. */
export interface BackupDone {
  /** The backup directory, an absolute path. */
  readonly directory: string;
  /** Counts the backups in it. */
  readonly number: number;
  /** Everything up to this LSN is in it. */
  readonly lsn: bigint;
  /** Bytes of its files, and how many of them were copied: the rest was there. */
  readonly bytes: number;
  readonly copiedBytes: number;
  /** The last one of a retired store: a restore of it sets no guard, once. */
  readonly isLast: boolean;
  /** Milliseconds since 1970: the moment that it shows. */
  readonly takenAtMs: number;
  readonly durationMs: number;
}

const schema = z.strictObject({
  signal: signalSchema,
  onProgress: listenerSchema<BackupProgress>(),
  bytesPerSecond: z.number().int().safe().min(MIB).default(backupDefaults.bytesPerSecond),
  keep: z.number().int().min(1).max(9999).default(backupDefaults.keep),
});

/** @throws {PersisterError} USAGE naming the first wrong option. */
export function checkBackupOptions(options: unknown): z.output<typeof schema> {
  return checkChoices(schema, options);
}

export interface RunningParts extends CutParts {
  readonly surroundings: Pick<Surroundings, "disk" | "nowMs" | "pace" | "durable">;
  /** The state directory. */
  readonly directory: string;
}

/**
 * Makes a backup of the store in `directory`, which nobody has open, in the directory `to`. Otherwise as
 * `Lanekeeper.backup`. It needs no key and no committee. The first directory that takes a backup of a retired store
 * holds its last one; a restore of a backup in any other is guarded.
 *
 * @example
 * await backupStore("state", "/mnt/other-disk/validator-3");
 *
 * @throws {PersisterError} as `Lanekeeper.backup`; STORE_LOCKED while somebody has the store open; NOT_A_STORE,
 * and all with which an open would refuse the journal.
 */
export async function backupStore(
  directory: PathInput,
  to: PathInput,
  options: BackupOptions = {},
): Promise<BackupDone> {
  const surroundings = realSurroundings();
  const store = absolutePath(directory);
  const from = (): Promise<StoreCut> => cutOfClosed(surroundings.disk, store);
  return await made(
    surroundings,
    { store, from, to: absolutePath(to) },
    checkBackupOptions(options),
  );
}

/** Makes a backup of the store in `store`, whose cut comes `from` a function. */
async function made(
  surroundings: Pick<Surroundings, "disk" | "nowMs" | "pace">,
  way: {
    readonly store: string;
    readonly from: () => StoreCut | Promise<StoreCut>;
    readonly to: string;
  },
  { signal, onProgress, bytesPerSecond, keep }: z.output<typeof schema>,
): Promise<BackupDone> {
  const { disk, nowMs } = surroundings;
  const { store, from, to } = way;
  refuseInside(store, to);
  const began = nowMs();
  const { manifest, ...bytes } = await backUp({
    disk,
    directory: to,
    cut: from,
    pace: paceIn(surroundings, bytesPerSecond),
    nowMs,
    keep,
    signal,
    onProgress: (progress) => tellProgress(onProgress, progress),
  });
  const { number, lsn, takenAtMs, retired } = manifest;
  const isLast = retired !== null;
  return { directory: to, number, lsn, ...bytes, isLast, takenAtMs, durationMs: nowMs() - began };
}

export class RunningBackups {
  readonly #parts: RunningParts;
  readonly #closing = new AbortController();
  readonly #running = new Set<Promise<unknown>>();
  #last: BackupDone | undefined;

  constructor(parts: RunningParts) {
    this.#parts = parts;
  }

  /** The last one that was made since the store was opened. */
  get last(): BackupDone | undefined {
    return this.#last;
  }

  /** As `Lanekeeper.backup`. */
  async make(to: PathInput, options: BackupOptions): Promise<BackupDone> {
    const directory = absolutePath(to);
    const settings = checkBackupOptions(options);
    if (this.#closing.signal.aborted) throw closedError();
    if (!this.#parts.surroundings.durable) {
      throw new PersisterError(
        "USAGE",
        "a store without a disk has no backup: nothing of it lasts",
      );
    }
    const making = this.#make(directory, settings);
    const ended = making.catch(() => {}).finally(() => this.#running.delete(ended));
    this.#running.add(ended);
    return await making;
  }

  /** Ends those that are being made, with CLOSED. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#running);
  }

  async #make(to: string, settings: z.output<typeof schema>): Promise<BackupDone> {
    const { surroundings, directory: store, ...parts } = this.#parts;
    const closing = this.#closing.signal;
    const signal = settings.signal ? AbortSignal.any([settings.signal, closing]) : closing;
    try {
      const way = { store, from: () => cutOfRunning(parts), to };
      this.#last = await made(surroundings, way, { ...settings, signal });
      return this.#last;
    } catch (cause) {
      throw closing.aborted ? closedError(cause) : cause;
    }
  }
}

function closedError(cause?: unknown): PersisterError {
  const text = "the store was closed, and the backup is not made: open it, and begin again";
  return new PersisterError("CLOSED", text, { cause });
}

/** A pace in these surroundings; a timer where they have none. */
function paceIn(
  { nowMs, pace }: Pick<Surroundings, "nowMs" | "pace">,
  bytesPerSecond: number,
): Pace {
  const wait = pace ?? ((task, ms) => void setTimeout(task, ms));
  return new Pace({ bytesPerSecond, nowMs, wait });
}

/** @throws {PersisterError} USAGE where the backup would be in the store: it goes with the store's disk. */
function refuseInside(store: string, backup: string): void {
  if (backup !== store && !backup.startsWith(`${store}/`)) return;
  const text = `${backup} is in the store itself: name a directory outside of it, best on another disk`;
  throw new PersisterError("USAGE", text, { file: backup });
}
