/**
 * Everything that open reads and judges before it writes a byte (D5): the journal, the A/B pairs, the
 * anchor's proof, and what they say of each other. Changes nothing, so that it can be rehearsed.
 */
import type { Disk } from "../disk/disk.js";
import { MARK_FILE } from "../journal/form/mark.js";
import { type Recovered, recoverJournal } from "../journal/recovery/recovery.js";
import { INIT_FILE, JOURNAL_DIRECTORY, STORE_FILE } from "../journal/form/store.js";
import { INDEX_DIRECTORY } from "../log/map/log-map.js";
import type { PruneAnchor } from "../wire/messages.js";
import { ANCHOR_NAME, type RecoveredPair, recoverPair, VOTE_NAME } from "./pair-persister.js";
import { RecordJudge, startsByAnchor } from "./recovery.js";

/** What was read and found to be whole. The files are open. */
export interface JudgedStore {
  readonly recovered: Recovered;
  readonly judge: RecordJudge;
  readonly anchorPair: RecoveredPair;
  readonly votePair: RecoveredPair;
  readonly anchor: PruneAnchor | undefined;
  /** Where the durable anchor lets every log start. */
  readonly starts: ReadonlyMap<string, bigint>;
  readonly foreign: readonly string[];
  close(): Promise<void>;
}

/** Decodes and proves the anchor that `file` holds, or refuses it. */
export type ProveAnchor = (message: Uint8Array, file: string) => Promise<PruneAnchor>;

/**
 * Reads and judges the store with `storeId` in `directory`.
 *
 * @throws {PersisterError} as `recoverJournal`, `recoverPair`, `prove` and `startsByAnchor` say; IO.
 */
export async function judgeStore(
  disk: Disk,
  directory: string,
  storeId: Uint8Array,
  prove: ProveAnchor,
): Promise<JudgedStore> {
  const undo: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (const step of [...undo].reverse()) await step();
  };
  try {
    const judge = new RecordJudge();
    const recovered = await recoverJournal(disk, directory, storeId, judge.visit);
    undo.push(() => recovered.close());
    judge.checkLinks();
    const { mark, head } = recovered;
    const anchorNames = { mark, headSeq: head.anchorSeq };
    const anchorPair = await recoverPair(disk, directory, "anchor", anchorNames);
    undo.push(() => anchorPair.pair.close());
    const votePair = await recoverPair(disk, directory, "vote", { mark, headSeq: 0n });
    undo.push(() => votePair.pair.close());
    const anchor = anchorPair.message
      ? await prove(anchorPair.message, anchorPair.file)
      : undefined;
    const starts = startsByAnchor(recovered.table, judge.road, anchor);
    const foreign = [...(await foreignNames(disk, directory)), ...recovered.foreign];
    return { recovered, judge, anchorPair, votePair, anchor, starts, foreign, close };
  } catch (error) {
    await close();
    throw error;
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
  MARK_FILE,
  JOURNAL_DIRECTORY,
  INDEX_DIRECTORY,
  "jobs",
  ...pairFiles(),
]);

/** What stands in the state directory and is not ours: reported, and left alone. */
export async function foreignNames(disk: Disk, directory: string): Promise<string[]> {
  const entries = (await disk.list(directory)) ?? [];
  return entries
    .filter(({ name }) => !OWN_NAMES.has(name))
    .map(({ name }) => `${directory}/${name}`);
}
