/**
 * Opens everything that persists: owns the store, recovers, checks, writes again, begins. The order
 * is the contract's: nothing is written before all was read and checked (D5), bytes that were only seen are
 * written again before anything else (D1), and the durable anchor is applied before anything is
 * published (D4).
 */
import { inTurn } from "../async/all-ended.js";
import type { Disk } from "../disk/disk.js";
import type { Flush, WayOf } from "../disk/surroundings.js";
import { unpadded } from "../disk/slots/form.js";
import { createSlots } from "../disk/slots/slots.js";
import { beginJournal, unprovenBytes, writeAgain } from "../journal/begin.js";
import { endUnfinishedInit, type InitOptions, initStore } from "../journal/init.js";
import type { ReleaseGate } from "../journal/space/release-gate.js";
import type { LogEngine } from "../journal/log-engine.js";
import type { LogTable } from "../journal/form/log-table.js";
import type { Pin } from "../journal/form/mark.js";
import { type OwnedStore, ownStore, soughtIn, type StoreIdentity } from "../journal/form/store.js";
import type { LogMap } from "../log/map/log-map.js";
import type { JournalEnd } from "../log/map/seal.js";
import { LogSet } from "../log/log-set.js";
import type { KeyRing } from "../keys/ring.js";
import { assert } from "../types/assert.js";
import { isLaneId, type LaneId } from "../types/lane.js";
import type { Observe } from "../types/measures.js";
import type { CommitQC, PruneAnchor } from "../wire/messages.js";
import { BlockPersister, type LaneHashes } from "./block-persister.js";
import { CommitQCPersister } from "./commit-qc-persister.js";
import { type CheckedStore, checkStore, pairFiles } from "./checked-store.js";
import { ANCHOR_NAME, PairPersister, VOTE_NAME, writePairAgain } from "./pair-persister.js";
import { Guards } from "./guards/guards.js";
import { readRestored, type Restored } from "../journal/form/restored.js";
import { type Notes, openNotes } from "./note-log.js";
import { AnchorPersister, proveAnchor, startsByLog } from "./anchor.js";
import { Opening } from "../journal/recovery/opening.js";
import type { OpeningChoices, RecoveryStep } from "../async/opening.js";
import type { RecordChecks } from "./record-checks.js";

/** The options with which a store's parts are opened. All are required here: defaults live at the edge. */
export interface PersistOptions extends OpeningChoices {
  readonly disk: Disk;
  readonly directory: string;
  readonly chainId: string;
  readonly segmentBytes: number;
  /** Bytes of what was pruned that stay readable; 0 for none. */
  readonly retainBytes: number;
  /** Holds back segments whose records are not archived. */
  readonly gate?: ReleaseGate | undefined;
  /** The caller's word that the store may have been copied or moved. */
  readonly moved: boolean;
  /** Opens a retired store, too: for its last backup. */
  readonly evenRetired?: boolean;
  /** Proves the anchor that is recovered; rejects with `VerifyError` as `verifyAnchor` does. */
  readonly verifyAnchor: (anchor: PruneAnchor) => Promise<void>;
  /** The keys of the store; taken over. Without it nothing is sealed, and nothing sealed can be read. */
  readonly ring?: KeyRing | undefined;
  /** Opens the map as it was sealed when the journal ended at `end`; asked only if anything is retained. */
  readonly openMap: (end: JournalEnd) => Promise<LogMap>;
  readonly randomBytes: (count: number) => Uint8Array;
  readonly whenIdle: (task: () => void) => void;
  /** Calls `task` a little later; a timer of its own where it is left out. */
  readonly later?: (task: () => void) => void;
  /** Calls `task` when `ms` are over; a timer of its own where it is left out. */
  readonly pace?: (task: () => void, ms: number) => void;
  readonly flush?: Flush | WayOf;
  readonly observe?: Observe | undefined;
  readonly nowMs: () => number;
}

/** The findings and the work of recovery. */
export interface RecoveryReport {
  readonly recordsRead: number;
  readonly generation: bigint;
  readonly pins: readonly Pin[];
  /** Names in the state directory that are not ours: left alone. */
  readonly foreign: readonly string[];
  readonly warnings: readonly string[];
  readonly steps: readonly RecoveryStep[];
  /** Bytes written again in place because they were seen and not known to be durable. */
  readonly bytesWrittenAgain: number;
}

/** The open persisters of one store. */
export interface Persisters {
  /** As STORE has it; every head has its store id. */
  readonly identity: StoreIdentity;
  readonly journal: LogEngine;
  readonly blocks: BlockPersister;
  readonly road: CommitQCPersister;
  readonly anchor: AnchorPersister;
  readonly votes: PairPersister;
  readonly notes: Notes;
  readonly guards: Guards;
  readonly logs: LogSet;
  close(): Promise<void>;
}

/** Persisters just opened, with what was found: to be let go once the state above has begun from it. */
export interface OpenedPersisters extends Persisters {
  readonly report: RecoveryReport;
  /** The anchor that was durable at open. */
  readonly recoveredAnchor: PruneAnchor | undefined;
  /** The commit QCs that are held, by road index, as recovered (below the anchor's they are gone). */
  readonly recoveredRoad: ReadonlyMap<bigint, CommitQC>;
  /** The vote state that was durable at open, as it was written. */
  readonly recoveredVote: Uint8Array | undefined;
  /** D6: abstain at every road index up to this one until a commit QC covers it. */
  readonly abstainThrough: bigint | undefined;
}

/** The parts alone: QCs that were found and pruned since are not kept in memory with them. */
export function withoutFound(opened: OpenedPersisters): Persisters {
  const { identity, journal, blocks, road, anchor, votes, notes, guards, logs } = opened;
  const close = (): Promise<void> => journal.close();
  return { identity, journal, blocks, road, anchor, votes, notes, guards, logs, close };
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
 * @throws {PersisterError} as `ownStore`, `checkStore` and `proveAnchor` say; DISK_FULL, IO.
 */
export async function openPersisters(options: PersistOptions): Promise<OpenedPersisters> {
  const { disk, directory, ring } = options;
  const opening = new Opening(options);
  // Every file is closed and the lock is let go, whatever fails, and the keys are zeroed.
  const undo: (() => Promise<void>)[] = [async () => ring?.close()];
  try {
    opening.begin("own");
    const store = await ownStore(disk, directory, options);
    undo.unshift(() => store.file.close());
    opening.end();
    opening.begin("judge");
    const restored = await readRestored(disk, directory);
    const moved = options.moved || restored !== undefined;
    const { passed } = opening;
    const sought = { ...(await soughtIn(store, { ...options, moved })), passed };
    const checked = await checkStore(disk, directory, sought, (message, file) =>
      proveAnchor(message, file, options.verifyAnchor),
    );
    undo.unshift(() => checked.close());
    opening.end();
    return await begin(options, { store, checked, opening, restored });
  } catch (cause) {
    // The failure itself is told; a second one, in closing, would add nothing.
    await inTurn(undo).catch(() => {});
    throw cause;
  }
}

/** A store that is owned, read and checked, and the way that this went. */
interface Found {
  readonly store: OwnedStore;
  readonly checked: CheckedStore;
  readonly opening: Opening;
  /** The record of a restore whose guard is not set yet. */
  readonly restored: Restored | undefined;
}

/** From here on bytes are written: everything was read and checked. */
async function begin(options: PersistOptions, found: Found): Promise<OpenedPersisters> {
  const { store, checked, opening } = found;
  const { recovered, anchorPair, votePair } = checked;
  opening.begin("write again", unprovenBytes(recovered));
  const proven = await writeAgain(options.disk, options.directory, store, recovered);
  await writePairAgain(anchorPair);
  await writePairAgain(votePair);
  opening.end();
  opening.begin("begin");
  const voteRoadIndex = recovered.mark.voteRoadIndex;
  // Closed when the journal has drained, before the lock is let go.
  const closing: (() => Promise<void>)[] = [];
  const beforeRelease = (): Promise<void> => inTurn(closing);
  const files = [...anchorPair.pair.files, ...votePair.pair.files];
  const journal = await beginJournal({ ...options, files, beforeRelease }, store, proven, {
    starts: { truncate: startsByLog(checked.starts) },
    named: { anchor: anchorPair.named, vote: votePair.named, voteRoadIndex },
  });
  try {
    opening.end();
    opening.begin("map");
    return await beginParts(options, found, { journal, closing });
  } catch (cause) {
    // The store did not open, and `cause` says why. Closing may fail too; that would add nothing.
    await journal.close().catch(() => {});
    throw cause;
  }
}

/** The parts above a journal at work. Each part that it pushes to `closing` is closed with the journal. */
async function beginParts(
  options: PersistOptions,
  found: Found,
  { journal, closing }: { readonly journal: LogEngine; readonly closing: (() => Promise<void>)[] },
): Promise<OpenedPersisters> {
  const { checked, opening } = found;
  const { recovered, checks, anchorPair, votePair, anchor } = checked;
  await endUnfinishedInit(options.disk, options.directory);
  const map = options.retainBytes > 0 ? await options.openMap(endOf(found)) : undefined;
  if (map) closing.push(() => map.close(undefined));
  const logs = new LogSet({ engine: journal, table: recovered.table, map });
  const blocks = new BlockPersister(journal, logs, heldHashes(checks, recovered.table));
  const road = new CommitQCPersister(logs);
  await logs.startMap();
  if (anchor) await road.startAt(anchor.commitQC);
  opening.end();
  const notes = openNotes(logs);
  const ends = new Map([...blocks.lanes].map(([lane, { next }]) => [lane, next]));
  const guards = await Guards.open(notes.guards, { ...options, restored: found.restored, ends });
  const anchors = new PairPersister(anchorPair, journal, options.observe);
  const votes = new PairPersister(votePair, journal, options.observe);
  closing.splice(0, closing.length);
  closing.push(
    () => anchors.close(),
    () => votes.close(),
    () => logs.closeMap(),
  );
  return {
    identity: found.store.identity,
    journal,
    blocks,
    road,
    anchor: new AnchorPersister(anchors),
    votes,
    notes,
    guards,
    logs,
    report: { ...reportOf(checked, journal, logs), steps: opening.steps },
    recoveredAnchor: anchor,
    recoveredRoad: checks.road,
    recoveredVote: votePair.message && unpadded(votePair.message),
    abstainThrough: votePair.inFlightLost ? recovered.mark.voteRoadIndex : undefined,
    close: () => journal.close(),
  };
}

/** The end of the journal when it was opened: a map that was sealed at this end holds all of it. */
function endOf({ store, checked }: Found): JournalEnd {
  const last = checked.recovered.segments.at(-1);
  assert(last !== undefined, "a journal has a newest segment");
  return { ...last, storeId: store.identity.storeId };
}

/** A function of its own: a closure beside those that stay would keep all that was recovered. */
function heldHashes(checks: RecordChecks, table: LogTable): LaneHashes {
  const lanes = new Map<LaneId, Map<bigint, Uint8Array>>();
  for (const state of table.states()) {
    const { name } = state;
    if (isLaneId(name)) lanes.set(name, checks.hashesOf(name, state));
  }
  return lanes;
}

function reportOf(
  checked: CheckedStore,
  journal: LogEngine,
  logs: LogSet,
): Omit<RecoveryReport, "steps"> {
  const { recovered, anchorPair, votePair } = checked;
  const warnings = [
    ...recovered.warnings,
    ...journal.warnings,
    ...[anchorPair.warning, votePair.warning].filter((warning) => warning !== undefined),
    ...logs.mapWarnings,
  ];
  return {
    recordsRead: recovered.recordsRead,
    generation: journal.mark.generation,
    pins: journal.mark.pins,
    foreign: checked.foreign,
    warnings,
    bytesWrittenAgain: unprovenBytes(recovered),
  };
}
