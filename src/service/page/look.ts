/**
 * One look at a service: the document that `/api/status` and `/events` give, and that the page draws.
 * Numbers of 64 bits are decimal strings. It has no key, no token and no payload.
 */

/** `danger`: an operator must act now. `warning`: soon. `waiting`: nothing is wrong, and nothing is taken. */
export type Level = "safe" | "waiting" | "warning" | "danger";

/** A sentence about the service, and the advice that belongs to it. */
export interface Finding {
  readonly level: Level;
  readonly title: string;
  /** The facts of this case: lane, number, file. */
  readonly detail?: string;
  /** The error code whose advice this is. */
  readonly code?: string;
  readonly remedy?: string;
  /** The mistake that would make it worse. */
  readonly never?: string;
}

export interface LaneLook {
  /** The index in the committee, or `left-N`. */
  readonly label: string;
  readonly id: string;
  readonly first: string;
  readonly next: string;
  readonly durable: string;
  /** Blocks of [first, durable), and of [durable, next). */
  readonly durableBlocks: number;
  readonly lag: number;
  readonly capacityLeft: number;
  readonly oldestWaitingMs: number;
  /** Pruned blocks that can still be read. */
  readonly retained: number;
  /** Pinned numbers, counted from `first`. */
  readonly pinned: readonly number[];
  readonly refused?: { readonly code: string; readonly message: string };
}

export interface RoadLook {
  readonly first: string;
  readonly next: string;
  readonly durable: string;
  readonly lag: number;
  readonly retained: number;
  readonly anchor: string | undefined;
  readonly anchorAgeSeconds: number;
}

/** Durations of the last minute; `undefined` where nothing happened. */
export interface Latency {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export interface DiskLook {
  readonly liveBytes: number;
  readonly retainedBytes: number;
  readonly freeSlotBytes: number;
  readonly journalBytes: number;
  readonly reclaimableBytes: number;
  /** Of the file system. */
  readonly freeBytes: number | undefined;
  readonly sizeBytes: number | undefined;
  /** At the pace of the last minutes; `undefined` while the disk does not fill. */
  readonly fullInSeconds: number | undefined;
}

/** The last backup since the store was opened. */
export interface BackupLook {
  readonly ageSeconds: number;
  readonly lsn: string;
  readonly directory: string;
}

/** The archive: how far history is kept beyond this machine. */
export interface ArchiveLook {
  readonly bucket: string;
  readonly gate: string;
  readonly pendingRecords: string;
  readonly oldestPendingSeconds: number;
  readonly heldBytes: number;
  readonly heldBytesMax: number;
  readonly objects: string;
  readonly bytes: string;
  /** The code of the error that the last step met. */
  readonly failing: string | undefined;
}

/** The places that this machine may sign, in one series. */
export interface ReservedLook {
  readonly next: string;
  /** From the first place that is not taken yet; 0 where the machine has none left. */
  readonly left: number;
}

/** Whether this machine signs for the validator, and how far. */
export interface ReservationsLook {
  readonly at: string;
  readonly state: "opening" | "holding" | "standing by";
  readonly holder: string | undefined;
  readonly road: ReservedLook | undefined;
  readonly own: ReservedLook | undefined;
  /** Lanes for whose blocks it may vote, and the one with the fewest places left. */
  readonly votedLanes: number;
  readonly votes: ReservedLook | undefined;
  readonly puts: number;
  /** The code of the error for which nothing more can be reserved. */
  readonly failing: string | undefined;
}

/** The bytes on disk of one kind: under a key, by its id, or plain. */
export interface KeyLook {
  readonly content: string;
  readonly state: "writing" | "older" | "missing";
  readonly bytes: number;
}

export interface RecoveryLook {
  readonly durationMs: number;
  readonly steps: readonly { readonly name: string; readonly ms: number }[];
  readonly recordsRead: number;
  readonly bytesWrittenAgain: number;
  readonly generation: string;
  readonly pins: number;
  readonly abstainThrough: string | undefined;
  readonly warnings: readonly string[];
}

export interface ReleaseLook {
  readonly lane: string;
  readonly number: string;
  readonly reason: string;
  readonly atMs: number;
}

export interface RefusalLook {
  readonly atMs: number;
  readonly code: string;
  readonly kind: string;
  readonly message: string;
}

/** The part of a look that there is once the store is open. */
export interface StoreLook {
  readonly chainId: string;
  readonly storeId: string;
  readonly mode: "disk" | "memory";
  readonly epochIndex: string;
  readonly lanes: readonly LaneLook[];
  readonly road: RoadLook;
  readonly latencies: Readonly<Record<"flush" | "block" | "vote" | "anchor", Latency | undefined>>;
  readonly disk: DiskLook;
  readonly keys: readonly KeyLook[];
  readonly backup: BackupLook | undefined;
  readonly archive: ArchiveLook | undefined;
  readonly reservations: ReservationsLook | undefined;
  readonly recovery: RecoveryLook;
  readonly releases: readonly ReleaseLook[];
}

export interface Look {
  /** The one that counts first, and all others, the worst first. */
  readonly verdict: Finding;
  readonly findings: readonly Finding[];
  readonly service: {
    readonly version: string;
    readonly directory: string;
    readonly startedAtMs: number;
    readonly writer:
      | { readonly name: string; readonly fence: string; readonly isConnected: boolean }
      | undefined;
    readonly calls: { readonly started: number; readonly ok: number; readonly failed: number };
    readonly refused: number;
    readonly refusals: readonly RefusalLook[];
  };
  readonly store: StoreLook | undefined;
}

/** A moment of the plots. A duration is `null` where nothing was flushed. */
export interface Sample {
  readonly atMs: number;
  /** The largest lag of a lane. */
  readonly lag: number;
  readonly flushP50Ms: number | null;
  readonly flushP99Ms: number | null;
  readonly blocksPerSecond: number;
  readonly bytesPerSecond: number;
}
