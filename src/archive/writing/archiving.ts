/**
 * The archive of a store: starts the archiver over its persisters, and holds back what it has not
 * archived yet.
 */
import { clearTimeout, setTimeout } from "node:timers";
import { ReleaseGate } from "../../journal/space/release-gate.js";
import type { SlotsInState } from "../../journal/space/segments.js";
import type { KeyRing } from "../../keys/ring.js";
import type { ArchivedPosition } from "../../persist/archived-note.js";
import { ROAD } from "../../persist/kinds.js";
import type { Persisters } from "../../persist/persisters.js";
import { hasCode, PersisterError } from "../../types/errors.js";
import { isLaneId, type LaneId } from "../../types/lane.js";
import type { Observe } from "../../types/measures.js";
import { probe } from "../bucket/probe.js";
import type { Packing } from "../form/builder.js";
import type { ArchivedLog } from "../form/names.js";
import { bestCompression } from "../form/packing.js";
import { Archiver } from "./archiver.js";
import type { ArchiverParts, ArchiveTeller } from "./archiver-parts.js";
import type { ArchiveCounts } from "./counts.js";
import type { ArchiveSettings } from "./options.js";
import type { LogState } from "./source.js";

/** How the archive of a store stands. */
export interface ArchiveStatus {
  /** The bucket, without secrets. */
  readonly bucket: string;
  readonly gate: "strict" | "best effort";
  /** Every record below is archived: durable in the journal. */
  readonly through: { readonly lanes: ReadonlyMap<LaneId, bigint>; readonly road: bigint };
  /** Records that have left the live window and are not archived yet. */
  readonly pendingRecords: bigint;
  readonly oldestPendingMs: number;
  /** Segments with such records, their bytes, and how many bytes there may be. */
  readonly heldSegments: number;
  readonly heldBytes: number;
  readonly heldBytesMax: number;
  /** Blocks are refused: what is held back has reached its bound. */
  readonly isBehind: boolean;
  readonly counts: ArchiveCounts;
  /** Why the last step failed. It is taken again. */
  readonly failing: PersisterError | undefined;
  /** Logs that are archived no further, and why. */
  readonly refused: ReadonlyMap<LaneId | "road", PersisterError>;
}

export interface ArchivingParts {
  readonly persisters: Persisters;
  readonly settings: ArchiveSettings;
  readonly chainId: string;
  readonly retainBytes: number;
  /** There is one if the archive is to be strict. */
  readonly gate: ReleaseGate | undefined;
  readonly ring: KeyRing | undefined;
  readonly tell: ArchiveTeller;
  readonly nowMs: () => number;
  readonly observe: Observe | undefined;
}

export class Archiving {
  readonly #parts: ArchivingParts;
  readonly #bucket: string;
  readonly #archiver: Archiver;
  /** How far the logs are archived, as far as that is durable; `undefined` until it is known what is retained. */
  #positions: ReadonlyMap<string, ArchivedPosition> | undefined;
  /** The answer of `#oldest`, until something has moved. */
  #oldestKnown: bigint | undefined;

  private constructor(
    parts: ArchivingParts,
    bucket: string,
    start: (of: Pick<ArchiverParts, "ready" | "save" | "isPressed">) => Archiver,
  ) {
    this.#parts = parts;
    this.#bucket = bucket;
    this.#archiver = start({
      ready: async (positions) => {
        await parts.persisters.logs.mapMended();
        this.#moved(positions);
      },
      save: (positions) => this.#save(positions),
      isPressed: () => this.heldBytes > this.#heldBytesMax / 2,
    });
    parts.persisters.logs.onRetained = () => {
      this.#oldestKnown = undefined;
      this.#archiver.look();
    };
    if (parts.gate) parts.gate.oldest = () => this.#oldest;
  }

  /** Asks nothing of the bucket yet: a store opens whether its bucket can be reached or not. */
  static async start(parts: ArchivingParts): Promise<Archiving> {
    const { persisters, settings, ring, observe, tell, nowMs } = parts;
    const { to, compress, encrypt, objectBytes, ageMs } = settings;
    // The library loads no HTTP client for those who do not archive.
    const { openBucket } = await import("../open-bucket.js");
    const bucket = typeof to === "string" ? await openBucket(to, settings) : to;
    const note = await persisters.notes.archived.last();
    const packing = (): Packing => ({
      compression: compress ? bestCompression : "none",
      key: encrypt ? ring?.writing : undefined,
    });
    return new Archiving(parts, bucket.url, (of) => {
      return new Archiver({
        ...of,
        source: sourceOf(parts),
        bucket,
        ring,
        packing,
        objectBytes,
        ageMs,
        // Another bucket has nothing of this one.
        positions: note?.bucket === bucket.url ? note.positions : new Map(),
        probe: (signal) => probe(bucket, "create", { signal }),
        tell,
        observe,
        nowMs,
        after: (ms, task) => {
          const timer = setTimeout(task, ms).unref();
          return () => clearTimeout(timer);
        },
        random: Math.random,
      });
    });
  }

  /** Bytes of retained segments from the oldest on that is not archived as a whole; 0 until that is known. */
  get heldBytes(): number {
    return this.#held.bytes;
  }

  get #held(): SlotsInState {
    const { journal } = this.#parts.persisters;
    return this.#positions ? journal.retainedFrom(this.#oldest) : { slots: 0, bytes: 0 };
  }

  /** @throws {PersisterError} ARCHIVE_BEHIND where nothing more may be held back. */
  admit(lane?: LaneId): void {
    if (!this.#isBehind) return;
    const { failing } = this.#archiver;
    const why = failing ? `: ${failing.message}` : "";
    const text = `the archive is behind: ${this.heldBytes} bytes are held back for it, of ${this.#heldBytesMax}${why}`;
    throw new PersisterError("ARCHIVE_BEHIND", text, lane === undefined ? {} : { lane });
  }

  /**
   * Before lanes are dropped under a strict gate: resolves when they are archived as far as they are pruned.
   * Under the other one there is nothing to wait for.
   */
  beforeDrop(lanes: ReadonlySet<LaneId>): Promise<void> | undefined {
    return this.#parts.gate ? this.#archiver.drain(lanes) : undefined;
  }

  status(): ArchiveStatus {
    const { settings } = this.#parts;
    const { positions, refused, counts, failing, pending } = this.#archiver;
    const held = this.#held;
    const lanes = new Map<LaneId, bigint>();
    for (const [log, through] of positions) if (isLaneId(log)) lanes.set(log, through);
    return {
      bucket: this.#bucket,
      gate: settings.gate,
      through: { lanes, road: positions.get(ROAD) ?? 0n },
      pendingRecords: pending.records,
      oldestPendingMs: pending.oldestMs,
      heldSegments: held.slots,
      heldBytes: held.bytes,
      heldBytesMax: this.#heldBytesMax,
      isBehind: this.#isBehind,
      counts,
      failing,
      refused,
    };
  }

  async close(): Promise<void> {
    this.#parts.persisters.logs.onRetained = undefined;
    await this.#archiver.close();
  }

  get #heldBytesMax(): number {
    const { settings, retainBytes } = this.#parts;
    return settings.gate === "strict" ? settings.heldBytes : retainBytes;
  }

  get #isBehind(): boolean {
    return this.#parts.gate !== undefined && this.heldBytes >= this.#heldBytesMax;
  }

  async #save(positions: ReadonlyMap<string, ArchivedPosition>): Promise<void> {
    const { archived } = this.#parts.persisters.notes;
    const note = { bucket: this.#bucket, positions };
    try {
      await archived.append(note);
    } catch (cause) {
      if (!this.#parts.gate || !hasCode(cause, "DISK_FULL")) throw cause;
      // All that fills the disk may be held for the lack of this note. It takes the room of the oldest of that, which
      // has its links and receipts in the bucket. If we stop before it is durable, the next open finds those there, as
      // it finds the links of other writers, and goes on behind them.
      this.#moved(positions);
      await archived.append(note);
    }
    this.#moved(positions);
  }

  /** `positions` are durable: what was pruned below them may be given back. */
  #moved(positions: ReadonlyMap<string, ArchivedPosition>): void {
    this.#positions = positions;
    this.#oldestKnown = undefined;
  }

  /** The oldest segment with records that were pruned and are not archived. */
  get #oldest(): bigint {
    const positions = this.#positions;
    if (!positions) return 0n;
    this.#oldestKnown ??= this.#parts.persisters.logs.heldFrom((name) => {
      return isLaneId(name) || name === ROAD ? (positions.get(name)?.through ?? 0n) : undefined;
    });
    return this.#oldestKnown;
  }
}

function sourceOf({ persisters, chainId }: ArchivingParts): ArchiverParts["source"] {
  const { blocks, road, logs } = persisters;
  const stateOf = (log: ArchivedLog, first: bigint): LogState => ({
    log,
    first,
    retained: () => logs.retainedRuns(log),
  });
  return {
    chainId,
    logs: () => [
      ...[...blocks.lanes].map(([lane, { first }]) => stateOf(lane, first)),
      stateOf(ROAD, road.log.first),
    ],
    read: (log, range) => logs.readRetainedRuns(log, range),
  };
}

/**
 * A gate that holds back what is not archived, where it is to be strict. Blocks are refused at half of its
 * bound: those that were admitted before still pass.
 */
export function gateOf(settings: ArchiveSettings | undefined): ReleaseGate | undefined {
  return settings?.gate === "strict" ? new ReleaseGate(2 * settings.heldBytes) : undefined;
}
