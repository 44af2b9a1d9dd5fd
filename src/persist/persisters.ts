/**
 * Opens everything that persists: owns the store, recovers, checks, writes again, begins. The order
 * is the contract's: nothing is written before all was read and judged (D5), what was only seen is
 * written again before anything else (D1), and the durable anchor is applied before anything is
 * published (D4).
 */
import type { Disk } from "../disk/disk.js";
import { createSlots } from "../disk/slots.js";
import { beginJournal, writeAgain } from "../journal/begin.js";
import { type InitOptions, initStore } from "../journal/init.js";
import type { Journal } from "../journal/journal.js";
import { type Recovered, recoverJournal } from "../journal/recovery.js";
import type { LogState } from "../journal/log-table.js";
import { MARK_FILE, type Pin } from "../journal/mark.js";
import {
  INIT_FILE,
  JOURNAL_DIRECTORY,
  type OwnedStore,
  ownStore,
  STORE_FILE,
} from "../journal/store.js";
import { INDEX_DIRECTORY, type LogMap } from "../log/log-map.js";
import { LogSet } from "../log/log-set.js";
import type { CommitQC, PruneAnchor } from "../wire/messages.js";
import { encodePruneAnchor } from "../wire/encode.js";
import { BlockPersister } from "./block-persister.js";
import { CommitQCPersister } from "./commit-qc-persister.js";
import {
  ANCHOR_NAME,
  PairPersister,
  type RecoveredPair,
  recoverPair,
  VOTE_NAME,
  writePairAgain,
} from "./pair-persister.js";
import { type EpochOf, proveAnchor, RecordJudge, startsByAnchor } from "./recovery.js";

/** What a store's parts are opened with. All values are required here: defaults live at the edge. */
export interface PersistOptions {
  readonly disk: Disk;
  readonly directory: string;
  readonly chainId: string;
  readonly segmentBytes: number;
  readonly epochOf: EpochOf;
  readonly openMap: () => Promise<LogMap>;
  readonly randomBytes: (count: number) => Uint8Array;
  readonly whenIdle: (task: () => void) => void;
}

/** What recovery found and did. */
export interface RecoveryReport {
  readonly recordsRead: number;
  readonly generation: bigint;
  readonly pins: readonly Pin[];
  /** Names in the state directory that are not ours: left alone. */
  readonly foreign: readonly string[];
  readonly warnings: readonly string[];
  /** Bytes written again in place because they were seen and not known to be durable. */
  readonly bytesWrittenAgain: number;
}

/** The open persisters of one store. */
export interface Persisters {
  readonly journal: Journal;
  readonly blocks: BlockPersister;
  readonly road: CommitQCPersister;
  readonly anchor: AnchorPersister;
  readonly votes: PairPersister;
  readonly logs: LogSet;
  readonly report: RecoveryReport;
  /** The anchor that was durable at open. */
  readonly recoveredAnchor: PruneAnchor | undefined;
  /** The commit QCs that are held, by road index, as recovered (below the anchor's they are gone). */
  readonly recoveredRoad: ReadonlyMap<bigint, CommitQC>;
  /** The vote state that was durable at open, with its slot's padding. */
  readonly recoveredVote: Uint8Array | undefined;
  /** D6: abstain at every road index up to this one until a commit QC covers it. */
  readonly abstainThrough: bigint | undefined;
  close(): Promise<void>;
}

/** The prune anchor's A/B pair. */
export class AnchorPersister {
  readonly #pair: PairPersister;

  constructor(pair: PairPersister) {
    this.#pair = pair;
  }

  /** Durable when resolved; only then may anything be pruned by it (D3). */
  async write(anchor: PruneAnchor): Promise<void> {
    await this.#pair.write(encodePruneAnchor(anchor));
  }
}

/** Makes a store in a directory that is missing or empty (D10); durable when resolved. */
export async function initPersisters(options: InitOptions): Promise<void> {
  const { disk } = options;
  await initStore(options, {
    files: pairFiles(),
    make: async (directory) => {
      for (const name of [ANCHOR_NAME, VOTE_NAME]) await createSlots(disk, directory, name);
    },
  });
}

/**
 * Opens the store: everything acknowledged is there, or it is refused and no byte was changed (D5).
 *
 * @throws {PersisterError} as `ownStore`, `recoverJournal`, `recoverPair`, `proveAnchor` and
 * `startsByAnchor` say; DISK_FULL, IO.
 */
export async function openPersisters(options: PersistOptions): Promise<Persisters> {
  const { disk, directory } = options;
  const store = await ownStore(disk, directory, options.chainId);
  const undo: (() => Promise<void>)[] = [() => store.file.close()];
  try {
    const judge = new RecordJudge();
    const recovered = await recoverJournal(disk, directory, store.identity.storeId, judge.visit);
    undo.push(() => recovered.close());
    const headSeq = recovered.head.anchorSeq;
    const anchorPair = await recoverPair(disk, directory, "anchor", {
      mark: recovered.mark,
      headSeq,
    });
    undo.push(() => anchorPair.pair.close());
    const votePair = await recoverPair(disk, directory, "vote", {
      mark: recovered.mark,
      headSeq: 0n,
    });
    undo.push(() => votePair.pair.close());
    const anchor = anchorPair.message
      ? await proveAnchor(anchorPair.message, anchorPair.file, options.epochOf)
      : undefined;
    const starts = startsByAnchor(recovered.table, judge.road, anchor);
    const foreign = [...(await foreignNames(disk, directory)), ...recovered.foreign];
    const found = { store, recovered, judge, anchorPair, votePair };
    return await begin(options, { ...found, anchor, starts, foreign });
  } catch (error) {
    for (const step of undo.reverse()) await step();
    throw error;
  }
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

function pairFiles(): string[] {
  return [ANCHOR_NAME, VOTE_NAME].flatMap((name) => [`${name}_a.pb`, `${name}_b.pb`]);
}

/** What stands in the state directory and is not ours: reported, and left alone. */
async function foreignNames(disk: Disk, directory: string): Promise<string[]> {
  const entries = (await disk.list(directory)) ?? [];
  return entries
    .filter(({ name }) => !OWN_NAMES.has(name))
    .map(({ name }) => `${directory}/${name}`);
}

interface Judged {
  readonly store: OwnedStore;
  readonly recovered: Recovered;
  readonly judge: RecordJudge;
  readonly anchorPair: RecoveredPair;
  readonly votePair: RecoveredPair;
  readonly anchor: PruneAnchor | undefined;
  readonly starts: ReadonlyMap<string, bigint>;
  readonly foreign: readonly string[];
}

/** From here on bytes are written: everything was read and judged. */
async function begin(options: PersistOptions, judged: Judged): Promise<Persisters> {
  const { store, recovered, judge, anchorPair, votePair, anchor } = judged;
  const proven = await writeAgain(options.disk, options.directory, store, recovered);
  await writePairAgain(anchorPair);
  await writePairAgain(votePair);
  const firsts = new Map([...recovered.table.states()].map(({ name, first }) => [name, first]));
  const voteRoadIndex = recovered.mark.voteRoadIndex;
  // Closed when the journal has drained, before the lock is let go.
  const closing: (() => Promise<void>)[] = [];
  const beforeRelease = async (): Promise<void> => {
    for (const close of closing) await close();
  };
  const journal = await beginJournal({ ...options, beforeRelease }, store, proven, {
    starts: { truncate: judged.starts },
    named: { anchor: anchorPair.named, vote: votePair.named, voteRoadIndex },
  });
  await endUnfinishedInit(options.disk, options.directory);
  const map = await options.openMap();
  const logs = new LogSet({
    journal,
    table: recovered.table,
    pointers: recovered.pointers,
    recoveredFirsts: firsts,
    map,
  });
  const tips = new Map(
    [...judge.tips].filter(([lane, tip]) => isHeld(recovered.table.byName(lane), tip.number)),
  );
  const blocks = new BlockPersister(journal, logs, tips);
  const road = new CommitQCPersister(logs);
  await logs.rebuildMap();
  if (anchor) await road.prune(anchor.commitQC);
  const anchors = new PairPersister(anchorPair, journal);
  const votes = new PairPersister(votePair, journal);
  closing.push(
    () => anchors.close(),
    () => votes.close(),
    () => logs.closeMap(),
  );
  return {
    journal,
    blocks,
    road,
    anchor: new AnchorPersister(anchors),
    votes,
    logs,
    report: reportOf(judged, journal, logs),
    recoveredAnchor: anchor,
    recoveredRoad: judge.road,
    recoveredVote: votePair.message,
    abstainThrough: votePair.inFlightLost ? voteRoadIndex : undefined,
    close: () => journal.close(),
  };
}

function isHeld(state: LogState | undefined, number: bigint): boolean {
  return state !== undefined && number >= state.first && number < state.next;
}

/** An init that was stopped after its last flush left INIT: the store is whole, and it goes now. */
async function endUnfinishedInit(disk: Disk, directory: string): Promise<void> {
  const path = `${directory}/${INIT_FILE}`;
  if ((await disk.kind(path)) === undefined) return;
  await disk.remove(path);
  await disk.syncDirectory(directory);
}

function reportOf(judged: Judged, journal: Journal, logs: LogSet): RecoveryReport {
  const { recovered, anchorPair, votePair } = judged;
  const warnings = [
    ...recovered.warnings,
    ...[anchorPair.warning, votePair.warning].filter((warning) => warning !== undefined),
    ...logs.mapWarnings,
  ];
  return {
    recordsRead: recovered.recordsRead,
    generation: journal.mark.generation,
    pins: journal.mark.pins,
    foreign: judged.foreign,
    warnings,
    bytesWrittenAgain: recovered.unproven.reduce((sum, each) => sum + each.bytes.length, 0),
  };
}
