/**
 * Watermarks of a store that nobody has open. They are complete only if the store is whole, and only if its
 * validator signs no more: retire it first.
 *
 * A store knows what it held, and a validator signs only for what is held: so the last block of each lane is a
 * mark of votes, and of blocks in the validator's own lane. A block that was lost while it was being written
 * is one, too, and so is a vote.
 */
import { hex } from "../../codec/hex.js";
import type { Disk } from "../../disk/disk.js";
import { ReadOnlyDisk } from "../../disk/read-only.js";
import { inspecting } from "../../inspect/inspect.js";
import { newProgress } from "../../inspect/walk/live-records.js";
import { standingPins } from "../../journal/begin.js";
import { type OwnedStore, ownStore } from "../../journal/form/store.js";
import { KeyRing } from "../../keys/ring.js";
import type { KeySource } from "../../keys/source.js";
import { type CheckedStore, checkStore } from "../../persist/checked-store.js";
import type { GuardNote } from "../../persist/guards/heights.js";
import { readRestored } from "../../journal/form/restored.js";
import { ROAD } from "../../persist/kinds.js";
import { hasCode, PersisterError } from "../../types/errors.js";
import { isLaneId, type LaneId, laneParts } from "../../types/lane.js";
import { decodePersistedInner, decodePruneAnchor } from "../../wire/codec/decode.js";
import type { PersistedInner, Signature, View } from "../../wire/messages.js";
import { roadAfter } from "../../wire/rules/timeout.js";
import type { LaneMark, VoteMark, Watermarks } from "./document.js";

export interface ExportOptions {
  readonly disk: Disk;
  readonly directory: string;
  /** The keys of sealed payloads. */
  readonly keys: readonly KeySource[];
  /** The validator's key in hex, where the caller knows it. */
  readonly signer: string | undefined;
}

/**
 * Reads the marks of the store in `directory`, which it owns meanwhile. Of a damaged store it takes what can be
 * read, and says what could not.
 *
 * @throws {PersisterError} STORE_LOCKED, NOT_A_STORE, FORMAT_TOO_NEW; KEY_MISSING where a key was not given; IO.
 */
export async function exportWatermarks(options: ExportOptions): Promise<Watermarks> {
  const { disk, directory, signer } = options;
  const store = await ownStore(disk, directory, { evenRetired: true });
  try {
    const marks = await readMarks(options, store);
    const { chainId } = store.identity;
    const own = signer ?? marks.signer ?? null;
    return {
      format: "lanekeeper watermarks",
      version: 1,
      chainId,
      signer: own,
      isComplete: marks.unread.length === 0,
      unread: marks.unread,
      lanes: marks.lanes.flatMap((mark) => withProposed(mark, own)),
      votes: marks.votes,
    };
  } finally {
    await store.file.close();
  }
}

type Place = Omit<LaneMark, "kind">;

interface Marks {
  readonly signer: string | undefined;
  readonly lanes: readonly Place[];
  readonly votes: readonly VoteMark[];
  readonly unread: readonly string[];
}

/** A block of the validator's own lane was proposed, and voted for. Without its key any lane may be its own. */
function withProposed(place: Place, signer: string | null): LaneMark[] {
  const { lane } = place;
  const isOwn = signer === null || lane === null || hex(laneParts(lane).key) === signer;
  const kinds = isOwn ? (["proposed", "voted"] as const) : (["voted"] as const);
  return kinds.map((kind) => ({ ...place, kind }));
}

async function readMarks(options: ExportOptions, store: OwnedStore): Promise<Marks> {
  const { disk, directory, keys } = options;
  const reading = new ReadOnlyDisk(disk, () => undefined);
  const ring = await KeyRing.from({ write: "plain", read: keys });
  try {
    const sought = { storeId: store.identity.storeId, origin: undefined, ring };
    const checked = await checkStore(reading, directory, sought, unproven);
    try {
      const isNew = (await readRestored(reading, directory)) !== undefined;
      return withGuards(marksOf(checked), checked.checks.guards, isNew);
    } finally {
      await checked.close();
    }
  } catch (cause) {
    if (!(cause instanceof PersisterError) || hasCode(cause, "KEY_MISSING", "KEY_WRONG"))
      throw cause;
    return await marksOfDamaged(options, cause);
  } finally {
    ring.close();
  }
}

/** No committee is asked for: who signed the anchor changes nothing about what this validator signed. */
async function unproven(message: Uint8Array) {
  return decodePruneAnchor(message);
}

/** A store that was restored knows only the heights of what its earlier life signed, or not even these. */
function withGuards(marks: Marks, guards: GuardNote | undefined, isNew: boolean): Marks {
  const unread = isNew ? ["the store was restored, and its guard is not set yet"] : [];
  const lanes: Place[] = [];
  const votes: VoteMark[] = [];
  for (const [lane, height] of guards ? [[null, guards.lanes] as const, ...guards.byLane] : []) {
    const what = lane === null ? "its lanes" : `lane ${lane}`;
    if (height === "unknown") unread.push(`the guard of ${what} has no height`);
    else if (height > 0n) lanes.push({ lane, number: height - 1n, headerHash: null });
  }
  if (guards?.votes === "unknown") unread.push("the guard of its votes has no height");
  else if (guards && guards.votes > 0n) votes.push(anyVoteAt(guards.votes - 1n));
  return {
    ...marks,
    lanes: [...marks.lanes, ...lanes],
    votes: [...marks.votes, ...votes],
    unread: [...marks.unread, ...unread],
  };
}

function marksOf({ recovered, checks, votePair, anchor }: CheckedStore): Marks {
  const lanes = new Map<LaneId, Place>();
  for (const { name, next } of recovered.table.states()) {
    if (!isLaneId(name) || next === 0n) continue;
    const hash = checks.hashesOf(name, { first: next - 1n, next }).get(next - 1n);
    lanes.set(name, { lane: name, number: next - 1n, headerHash: hash ? hex(hash) : null });
  }
  for (const { name, number, hash } of standingPins(recovered)) {
    if (!isLaneId(name) || number <= (lanes.get(name)?.number ?? -1n)) continue;
    lanes.set(name, { lane: name, number, headerHash: hex(hash) });
  }
  // An anchor may have gone past blocks that were never here; nobody signs below it.
  for (const { lane, first } of anchor?.commitQC.vote.laneRanges ?? []) {
    const known = lanes.get(lane)?.number ?? -1n;
    if (first - 1n > known) lanes.set(lane, { lane, number: first - 1n, headerHash: null });
  }
  const { mark, table } = recovered;
  const inner = votePair.message && decodePersistedInner(votePair.message);
  const lost = votePair.inFlightLost ? [anyVoteAt(mark.voteRoadIndex)] : [];
  const decided = table.byName(ROAD)?.next ?? 0n;
  const votes = [
    ...(inner ? votesIn(inner, mark.voteRoadIndex) : []),
    ...lost,
    ...appVoteBelow(decided),
  ];
  return { signer: inner && signerOf(inner), lanes: [...lanes.values()], votes, unread: [] };
}

/** Every log that an inspection finds, as far as it goes; a vote state that cannot be read is missed. */
async function marksOfDamaged(
  { disk, directory, keys }: ExportOptions,
  refusal: PersisterError,
): Promise<Marks> {
  const depth = { kind: "forms" } as const;
  const looking = inspecting({
    disk,
    directory,
    depth,
    moved: true,
    keys,
    progress: newProgress(),
  });
  const unread: string[] = [];
  for (;;) {
    const step = await looking.next();
    if (!step.done) {
      const { severity, class: code, message, file } = step.value;
      if (severity === "error") unread.push(`${code}: ${file}: ${message}`);
      continue;
    }
    const { logs, pins, mark } = step.value;
    const lanes = [
      ...logs.map(({ name, next }) => ({ lane: name, number: next - 1n, headerHash: null })),
      ...pins.map(({ name, number, hash }) => ({ lane: name, number, headerHash: hex(hash) })),
    ].flatMap(({ lane, ...rest }) =>
      isLaneId(lane) && rest.number >= 0n ? [{ lane, ...rest }] : [],
    );
    const road = logs.find(({ name }) => name === ROAD)?.next ?? 0n;
    // A validator votes at the road behind its newest commit QC, at the most.
    const votes = [anyVoteAt(road), ...(mark ? [anyVoteAt(mark.voteRoadIndex)] : [])];
    if (unread.length === 0) unread.push(`${refusal.code}: ${refusal.message}`);
    return { signer: undefined, lanes, votes: [...votes, ...appVoteBelow(road)], unread };
  }
}

function votesIn(
  { commitQC, prepareVote, commitVote, timeoutVote }: PersistedInner,
  writtenFor: bigint,
): VoteMark[] {
  const marks: VoteMark[] = [];
  const add = (kind: VoteMark["kind"], view: View | undefined): void => {
    if (view) marks.push({ kind, roadIndex: view.index, view: view.number });
  };
  add("prepare", prepareVote?.msg.view);
  add("commit", commitVote?.msg.view);
  add("timeout", timeoutVote?.vote.msg.view);
  // The state may have left a view before in which it had voted, and may have votes that only its node reads:
  // its road counts as a whole.
  const road = roadAfter(commitQC);
  marks.push(anyVoteAt(road > writtenFor ? road : writtenFor));
  return marks;
}

function anyVoteAt(roadIndex: bigint): VoteMark {
  return { kind: "any", roadIndex, view: null };
}

function appVoteBelow(next: bigint): VoteMark[] {
  return next > 0n ? [{ kind: "app", roadIndex: next - 1n, view: null }] : [];
}

function signerOf({ prepareVote, commitVote, timeoutVote }: PersistedInner): string | undefined {
  const sig: Signature | undefined = (prepareVote ?? commitVote ?? timeoutVote?.vote)?.sig;
  return sig && hex(sig.key);
}
