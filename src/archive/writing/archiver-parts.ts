/** The parts of an archiver, and those whom it tells. */
import type { KeyRing } from "../../keys/ring.js";
import type { ArchivedPosition } from "../../persist/archived-note.js";
import type { PersisterError } from "../../types/errors.js";
import type { Observe } from "../../types/measures.js";
import type { Bucket } from "../bucket/bucket.js";
import type { Packing } from "../form/builder.js";
import type { ArchivedLog } from "../form/names.js";
import type { ArchiveSource } from "./source.js";

/** Told by the archiver, each as it happens. */
export interface ArchiveTeller {
  /** There are two truths in a log, or it cannot go on for another lasting reason. */
  readonly refused: (log: ArchivedLog, error: PersisterError) => void;
  /** A step failed; it is taken again. */
  readonly failing: (error: PersisterError) => void;
  /** Records were given up before they were archived. */
  readonly missed: (log: ArchivedLog, records: bigint) => void;
}

export interface ArchiverParts {
  readonly source: ArchiveSource;
  readonly bucket: Bucket;
  readonly ring: KeyRing | undefined;
  /** Asked for each object: a key may be rotated. */
  readonly packing: () => Packing;
  readonly objectBytes: number;
  /** A record waits so long at most for others to fill its object. */
  readonly ageMs: number;
  readonly positions: ReadonlyMap<string, ArchivedPosition>;
  /** Resolves when it is known what is retained. `positions` are those that were durable before. */
  readonly ready: (positions: ReadonlyMap<string, ArchivedPosition>) => Promise<void>;
  /** Makes the positions durable; resolves when they are, and the gate has heard of them. */
  readonly save: (positions: ReadonlyMap<string, ArchivedPosition>) => Promise<void>;
  /** The first call of the bucket: asks whether it keeps conditions. */
  readonly probe: (signal: AbortSignal) => Promise<void>;
  /** Half of the bytes that may be held back are: nothing waits any longer. */
  readonly isPressed: () => boolean;
  readonly tell: ArchiveTeller;
  readonly observe: Observe | undefined;
  readonly nowMs: () => number;
  /** Calls `task` when `ms` are over, unless it is called off by what is returned. */
  readonly after: (ms: number, task: () => void) => () => void;
  readonly random: () => number;
}
