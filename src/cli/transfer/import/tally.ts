/** The findings of an import: the records that it takes, and the objections against the whole. */
import type { Range } from "../../../node/start.js";
import type { ImportItem } from "../../../sei/import/import.js";
import type { ImportRefusal, ImportRefusalReason } from "../../../sei/import/import-refusal.js";
import type { LaneId } from "../../../types/lane.js";

/** Something that is there and is not taken. The cause is left out: the detail tells it. */
export interface Objection extends Omit<ImportRefusal, "reason" | "cause"> {
  readonly reason:
    | ImportRefusalReason
    /** An older revision of sei-chain wrote it, in a form that has no counterpart here. */
    | "older_revision"
    /** The other slot of the votes is damaged, and may have held newer votes. */
    | "damaged_slot";
}

export class ImportTally {
  readonly lanes = new Map<LaneId, Range>();
  road: Range | undefined;
  /** The road index that the votes are about. */
  votes: bigint | undefined;
  refused = 0;
  /** Below the start, or below a gap that sei-chain takes for the end of what was pruned. */
  below = 0;
  /** Torn tails of files that were being written. */
  cuts = 0;
  /** Names that sei-chain does not use. */
  readonly foreign: string[] = [];
  /** Ordinary states that are worth a line. */
  readonly notes: string[] = [];
  /** Blocks and commit QCs that are taken. */
  records = 0;

  /** Counts `item`; returns the objection that it is, if it is one. */
  take(item: ImportItem): Objection | undefined {
    if (item.kind === "block") {
      this.lanes.set(item.lane, grown(this.lanes.get(item.lane), item.number));
      this.records += 1;
    } else if (item.kind === "commitQC") {
      this.road = grown(this.road, item.index);
      this.records += 1;
    } else if (item.kind === "votes") {
      this.votes = item.roadIndex;
    } else if (item.kind === "log") {
      this.below += item.summary.below + item.summary.discarded;
      this.cuts += item.summary.cuts.length;
    } else if (item.kind === "foreign" && !item.entry.older) {
      this.foreign.push(item.entry.path);
    }
    const note = noteOf(item);
    if (note !== undefined) this.notes.push(note);
    const objection = objectionOf(item);
    if (objection) this.refused += 1;
    return objection;
  }

  /** Whether `other` counted the same: the directory was not changed between the two. */
  isSameAs(other: ImportTally): boolean {
    return this.#text() === other.#text();
  }

  #text(): string {
    const lanes = [...this.lanes].map(([lane, range]) => `${lane} ${textOf(range)}`);
    const rest = [textOf(this.road), this.votes, this.refused, this.records, this.below, this.cuts];
    return [...lanes, ...rest].join(",");
  }
}

/** States that an ordinary node leaves, and that a reader of the report may wonder about. */
function noteOf(item: ImportItem): string | undefined {
  if (item.kind === "votes" && item.damaged?.mayBeNewer === false) {
    const { slot, reason } = item.damaged;
    return `slot ${slot} of the votes is torn (${reason}); the other slot is newer, and counts`;
  }
  if (item.kind === "log" && item.summary.pastEpoch !== undefined && item.summary.taken > 0) {
    const { lane, pastEpoch } = item.summary;
    return `lane ${lane} ended with epoch ${pastEpoch}: its blocks are kept, and not served`;
  }
  return undefined;
}

function objectionOf(item: ImportItem): Objection | undefined {
  const nowhere = { lane: undefined, number: undefined, index: undefined, offset: undefined };
  if (item.kind === "refused") {
    const { cause: _, ...refusal } = item.refusal;
    return refusal;
  }
  if (item.kind === "foreign" && item.entry.older) {
    const detail = "an older revision of sei-chain wrote it; what it holds cannot be carried on";
    return { ...nowhere, reason: "older_revision", detail, file: item.entry.path };
  }
  if (item.kind === "votes" && item.damaged?.mayBeNewer === true) {
    const { slot, reason } = item.damaged;
    const detail = `slot ${slot} of the votes is damaged (${reason}): it may have held newer votes`;
    return { ...nowhere, reason: "damaged_slot", detail, file: undefined };
  }
  return undefined;
}

function grown(range: Range | undefined, number: bigint): Range {
  return { first: range?.first ?? number, next: number + 1n };
}

function textOf(range: Range | undefined): string {
  return range === undefined ? "none" : `${range.first}-${range.next}`;
}
