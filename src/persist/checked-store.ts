/**
 * Everything that open reads and checks before it writes a byte (D5): the journal, the A/B pairs, the
 * anchor's proof, and whether they contradict each other. It changes nothing, so that it can be
 * rehearsed.
 */
import { inTurn } from "../async/all-ended.js";
import type { Disk } from "../disk/disk.js";
import { MARK_FILE } from "../journal/form/mark.js";
import { type Recovered, recoverJournal } from "../journal/recovery/recovery.js";
import {
  INIT_FILE,
  JOURNAL_DIRECTORY,
  RESTORED_FILE,
  RETIRED_FILE,
  SOCKET_FILE,
  type SoughtStore,
  STORE_FILE,
} from "../journal/form/store.js";
import { INDEX_DIRECTORY } from "../log/map/log-map.js";
import type { PruneAnchor } from "../wire/messages.js";
import { ANCHOR_NAME, type RecoveredPair, recoverPair, VOTE_NAME } from "./pair-persister.js";
import { type AnchorStarts, refuseContradictions, startsOf } from "./anchor.js";
import { RecordChecks } from "./record-checks.js";

/** A store that was read and found to be whole. Its files are open. */
export interface CheckedStore {
  readonly recovered: Recovered;
  readonly checks: RecordChecks;
  readonly anchorPair: RecoveredPair;
  readonly votePair: RecoveredPair;
  readonly anchor: PruneAnchor | undefined;
  /** The first number that the durable anchor lets each log keep. */
  readonly starts: AnchorStarts | undefined;
  readonly foreign: readonly string[];
  close(): Promise<void>;
}

/** Decodes and proves the anchor that `file` holds, or refuses it. */
export type ProveAnchor = (message: Uint8Array, file: string) => Promise<PruneAnchor>;

/**
 * Reads and checks the store that is sought in `directory`.
 *
 * @throws {PersisterError} as `recoverJournal`, `recoverPair`, `prove` and `refuseContradictions` say; IO.
 */
export async function checkStore(
  disk: Disk,
  directory: string,
  sought: SoughtStore,
  prove: ProveAnchor,
): Promise<CheckedStore> {
  const undo: (() => Promise<void>)[] = [];
  const close = (): Promise<void> => inTurn([...undo].reverse());
  try {
    const checks = new RecordChecks();
    const recovered = await recoverJournal(disk, directory, sought, checks.visit);
    undo.push(() => recovered.close());
    checks.checkLinks();
    const { mark, head } = recovered;
    const anchorPair = await recoverPair(disk, directory, "anchor", { mark, head });
    undo.push(() => anchorPair.pair.close());
    const votePair = await recoverPair(disk, directory, "vote", { mark, head });
    undo.push(() => votePair.pair.close());
    const anchor = anchorPair.message
      ? await prove(anchorPair.message, anchorPair.file)
      : undefined;
    refuseContradictions(recovered.table, checks.road, anchor);
    const starts = anchor && startsOf(anchor);
    const foreign = [...(await foreignNames(disk, directory)), ...recovered.foreign];
    return { recovered, checks, anchorPair, votePair, anchor, starts, foreign, close };
  } catch (cause) {
    await close().catch(() => {}); // The refusal is told by `cause` alone: nothing was written.
    throw cause;
  }
}

/** The files of both A/B pairs, by name. */
export function pairFiles(): string[] {
  return [ANCHOR_NAME, VOTE_NAME].flatMap((name) => [`${name}_a.pb`, `${name}_b.pb`]);
}

/** Every name in a state directory that is ours. */
const OWN_NAMES = new Set([
  STORE_FILE,
  INIT_FILE,
  RESTORED_FILE,
  RETIRED_FILE,
  MARK_FILE,
  JOURNAL_DIRECTORY,
  INDEX_DIRECTORY,
  "jobs",
  SOCKET_FILE,
  // The lock of the service that listens there.
  `${SOCKET_FILE}.lock`,
  ...pairFiles(),
]);

/** The foreign files of the state directory: they are reported, and left alone. */
export async function foreignNames(disk: Disk, directory: string): Promise<string[]> {
  const entries = (await disk.list(directory)) ?? [];
  return entries
    .filter(({ name }) => !OWN_NAMES.has(name))
    .map(({ name }) => `${directory}/${name}`);
}
