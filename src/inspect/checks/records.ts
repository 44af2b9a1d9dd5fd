/**
 * Reads every segment that must be there by the base head, past all damage, and checks each live record.
 * The rehearsal decides whether open would refuse, and not this check.
 */
import { acknowledgedCaseOf } from "../../journal/recovery/damaged-record.js";
import { applyRecord, type Manifest } from "../../journal/recovery/apply.js";
import { findFooters } from "../../journal/recovery/footers.js";
import { isOfLog, type RecordHeader, recordType, slotName } from "../../journal/form/records.js";
import type { SealedSegment } from "../../journal/form/head.js";
import { LogTable } from "../../journal/form/log-table.js";
import type { Mark } from "../../journal/form/mark.js";
import { endsAsListed, firstPlace, type Slot } from "../../journal/segment/segment.js";
import type { FoundHead } from "../../journal/recovery/start.js";
import { JOURNAL_DIRECTORY } from "../../journal/form/store.js";
import { attempted, type Finding, findingOf, type Place } from "../finding.js";
import { LiveRecords, type Progress } from "../walk/live-records.js";
import type { RecordJudge } from "../walk/judge.js";
import type { RecordProver } from "../walk/proof.js";
import { type SealedPayloads, WRONG_TAG } from "../walk/sealed.js";
import { walkPastDamage, type WalkStep } from "../walk/segment-walk.js";
import { type Damage, ofNewest, ofRetained, ofSealed, RETAINED_MISSING } from "./damage.js";
import type { BaseHead, SlotsSeen } from "./slots.js";

/** The segments to be read, and the facts by which they are checked. */
export interface RecordCheckParts {
  readonly directory: string;
  readonly base: BaseHead;
  readonly seen: Pick<SlotsSeen, "slots" | "heads" | "headless" | "unread">;
  /** The store is as its backup left it: slots of segments that were only retained are not there. */
  readonly isCopy: boolean;
  readonly mark: Mark | undefined;
  /** Proves each live record, if that is wanted. */
  readonly prover: RecordProver | undefined;
  readonly progress: Progress;
  readonly payloads: SealedPayloads;
  readonly judge: RecordJudge;
}

const NOTHING = new Uint8Array(0);

/** A step over records that are lost. */
type LostStep = Extract<WalkStep, { kind: "damaged" | "gap" }>;

export class RecordCheck {
  readonly live: LiveRecords;
  readonly #parts: RecordCheckParts;
  readonly #manifest: Manifest;
  /** Some segment that must be there could not be read. */
  #isPartlyUnread = false;
  /** The last LSN that a footer behind the newest segment's records proves to be acknowledged. */
  #acknowledgedBehind = 0n;

  constructor(parts: RecordCheckParts) {
    this.#parts = parts;
    const { head } = parts.base;
    const table = new LogTable(head.logs, head.nextLog);
    this.#manifest = { head, table, released: new Map() };
    this.live = new LiveRecords({ ...parts, head, table });
  }

  /** The logs as the base head and its segment's own records say. */
  get table(): LogTable {
    return this.#manifest.table;
  }

  /** The sealed segments that must be there: those that the newest one's records released need not. */
  get sealed(): readonly SealedSegment[] {
    const { head, released } = this.#manifest;
    return head.sealed.filter(({ sequence }) => !released.has(sequence));
  }

  /** The slots of the segments that are retained for what was pruned. */
  get retainedSlots(): readonly number[] {
    const released = new Set(this.#manifest.released.values());
    return this.#manifest.head.retainedSlots.filter((slot) => !released.has(slot));
  }

  async *findings(): AsyncGenerator<Finding, void, void> {
    const { base } = this.#parts;
    const own = yield* this.#read(base.slot, base.slot.bytes);
    if (own) await this.#lookBehind(own);
    if (own) yield* this.#applyOwn(own);
    this.#expectBytes();
    for (const segment of this.sealed) yield* this.#sealed(segment);
    if (own) yield* this.#takeOwn(own);
    for (const slot of this.retainedSlots) yield* this.#retained(slot);
    const live = [base.slot.slot, ...this.sealed.map(({ slot }) => slot)];
    yield* this.#parts.payloads.lockedFindings(
      [...live, ...this.retainedSlots],
      (slot) => slot === base.slot.slot || this.live.lockedIn([slot]) > 0,
    );
    const file = base.slot.file.path;
    // Records that could not be read are not known to be missing.
    if (base.isNewest && !this.#isPartlyUnread) yield* this.live.missing(file);
    yield* this.live.unlinked(file);
  }

  /** The last LSN of the newest segment that must be there; behind it the first break is the end. */
  get #through(): bigint {
    const { base, mark } = this.#parts;
    const before = base.head.firstLsn - 1n;
    const acked = base.isNewest && mark && mark.acked > before ? mark.acked : before;
    return this.#acknowledgedBehind > acked ? this.#acknowledgedBehind : acked;
  }

  /** D6: every group before one that was begun was acknowledged, and the footer of that one may tell. */
  async #lookBehind(own: Uint8Array): Promise<void> {
    const { base } = this.#parts;
    if (!base.isNewest) return;
    let end = firstPlace(base.head, base.headBytes);
    for (const step of walkPastDamage(own, end, end.nextLsn - 1n)) {
      if (step.kind === "end") end = step.place;
    }
    const { salt, sequence } = base.head;
    const { file, bytes } = base.slot;
    const footers = await findFooters({ file, salt, sequence, from: end.offset, to: bytes });
    for (const { firstLsn } of footers) {
      if (firstLsn > end.nextLsn) this.#acknowledgedBehind = firstLsn - 1n;
    }
  }

  /** Applies the newest segment's own records. Tells of their damage once it is known what is live. */
  *#applyOwn(bytes: Uint8Array): Generator<Finding, void, void> {
    const { base } = this.#parts;
    const file = base.slot.file.path;
    const lost: LostStep[] = [];
    for (const step of walkPastDamage(
      bytes,
      firstPlace(base.head, base.headBytes),
      this.#through,
    )) {
      if (step.kind === "record") {
        const refusal = applyRecord(step.record, this.#manifest);
        if (refusal === undefined) continue;
        // Behind damage a refusal only says what the damage has cost.
        if (lost.length > 0) this.#catchUp(step.record);
        else yield this.#finding(ofSealed, file, step.record, refusal);
      } else if (step.kind !== "end") {
        lost.push(step);
        if (step.kind === "damaged") {
          applyRecord({ ...step.header, payload: NOTHING }, this.#manifest);
        }
      }
    }
    for (const step of lost) yield this.#lost(ofNewest, file, step);
  }

  /** A record that was lost before this one has raised the log's next all the same. */
  #catchUp({ type, log, number }: RecordHeader): void {
    const state = this.table.byLog(log);
    if (type === recordType.append && state && number >= state.next) state.next = number + 1n;
  }

  async *#takeOwn(bytes: Uint8Array): AsyncGenerator<Finding, void, void> {
    const { base } = this.#parts;
    for (const step of walkPastDamage(
      bytes,
      firstPlace(base.head, base.headBytes),
      this.#through,
    )) {
      if (step.kind === "record") yield* this.live.take(step.record, base.slot);
    }
  }

  async *#sealed(segment: SealedSegment): AsyncGenerator<Finding, void, void> {
    const found = this.#find(segment);
    if (found === "unread") this.#isPartlyUnread = true;
    else if ("slot" in found) yield* this.#walk(segment, found, ofSealed);
    // If a newer head is missing, it may have set the slot free.
    else if (this.#parts.base.isNewest) yield this.#finding(ofSealed, found.file, START, found.why);
  }

  /** A retained segment lies in this slot. Its end is known if some head lists it. */
  async *#retained(slot: number): AsyncGenerator<Finding, void, void> {
    const { base, seen, isCopy } = this.#parts;
    const isLeftOut = isCopy && !seen.slots.some((each) => each.slot === slot);
    if (seen.unread.has(slot) || isLeftOut) return;
    const found = seen.heads.find((each) => each.slot.slot === slot);
    if (!found || found.head.sequence >= base.head.sequence) {
      yield this.#finding(ofRetained, this.#fileOf(slot), START, RETAINED_MISSING);
      return;
    }
    const ends = seen.heads.flatMap(({ head }) => [...head.sealed, ...head.ended]);
    const end = ends.find((each) => each.sequence === found.head.sequence);
    yield* this.#walk(end, found, ofRetained);
  }

  #fileOf(slot: number): string {
    const { directory, seen } = this.#parts;
    const there = seen.slots.find((each) => each.slot === slot);
    return there?.file.path ?? `${directory}/${JOURNAL_DIRECTORY}/${slotName(slot)}`;
  }

  /** A segment that is listed; or that it could not be read, which was told; or why it is not there. */
  #find(
    segment: SealedSegment,
  ): FoundHead | "unread" | { readonly file: string; readonly why: string } {
    const { seen } = this.#parts;
    if (seen.unread.has(segment.slot)) return "unread";
    const head = seen.heads.find((each) => each.slot.slot === segment.slot);
    if (head?.head.sequence === segment.sequence) return head;
    const slot = seen.slots.find((each) => each.slot === segment.slot);
    const file = this.#fileOf(segment.slot);
    const there = head ? `it is segment ${head.head.sequence}` : seen.headless.get(segment.slot);
    const why = slot
      ? `it is not segment ${segment.sequence}, which the newest head lists: ${there}`
      : `segment ${segment.sequence}, which the newest head lists, is missing`;
    return { file, why };
  }

  /** Walks a segment to its end or, if that is not known, as far as its records go. */
  async *#walk(
    segment: SealedSegment | undefined,
    found: FoundHead,
    damage: Damage,
  ): AsyncGenerator<Finding, void, void> {
    const { slot } = found;
    const bytes = yield* this.#read(slot, segment?.endOffset ?? slot.bytes);
    if (!bytes) return;
    let isDamaged = false;
    const nextLsn = segment?.nextLsn ?? found.head.firstLsn;
    for (const step of walkPastDamage(
      bytes,
      firstPlace(found.head, found.headBytes),
      nextLsn - 1n,
    )) {
      if (step.kind === "record") {
        if (damage !== ofRetained) yield* this.live.take(step.record, slot);
        else if (this.#parts.payloads.isDamaged(step.record, slot)) {
          yield this.#finding(ofRetained, slot.file.path, step.record, WRONG_TAG);
        }
      } else if (step.kind !== "end") {
        isDamaged = true;
        yield this.#lost(damage, slot.file.path, step);
      } else if (segment && !isDamaged && !endsAsListed(step.place, segment)) {
        const why = "its records end elsewhere than the newest head says";
        yield this.#finding(damage, slot.file.path, step.place, why);
      }
    }
  }

  async *#read(slot: Slot, length: number): AsyncGenerator<Finding, Uint8Array | undefined, void> {
    const read = await attempted(() => slot.file.read(0, length));
    if ("value" in read) return read.value;
    this.#isPartlyUnread = true;
    yield findingOf(read.error, "error", { file: slot.file.path });
    return undefined;
  }

  #lost(damage: Damage, file: string, step: LostStep): Finding {
    const { at } = step;
    const place = at.suspect ? { ...at.suspect, offset: at.offset } : { offset: at.offset };
    if (step.kind === "damaged") {
      // The header is proven: this record is damaged, and no other.
      const row = acknowledgedCaseOf(step.header, this.table);
      if (row.action === "pass") {
        return this.#finding(ofRetained, file, place, `${at.reason}: ${row.say}`);
      }
      return this.#finding(damage, file, place, at.reason);
    }
    const after = step.resumed
      ? `the chain goes on with LSN ${step.resumed.nextLsn} at byte ${step.resumed.offset}`
      : "nothing that follows can be read";
    const message = `${at.reason}: LSN ${at.nextLsn} is lost, ${after}`;
    return this.#finding(damage, file, place, message);
  }

  #finding(
    damage: Damage,
    file: string,
    at: { readonly offset: number } & Partial<RecordHeader>,
    message: string,
  ): Finding {
    const place: Place = { offset: at.offset, ...this.#named(at) };
    return { class: damage.code, severity: damage.severity, file, ...place, message };
  }

  /** The log and number that a header names, which need not be proven. */
  #named(header: Partial<RecordHeader>): Place {
    const { log, number } = header;
    const state = log === undefined ? undefined : this.table.byLog(log);
    if (!state || number === undefined || !isOfLog(header)) return {};
    this.live.lost(state.name, number);
    return { lane: state.name, number };
  }

  /** Expects the bytes that are left: the segments here, and the live ones once more in the rehearsal. */
  #expectBytes(): void {
    const { progress, base, seen } = this.#parts;
    const slots = new Set(this.retainedSlots);
    const retained = seen.slots.filter(({ slot }) => slots.has(slot));
    const live = this.sealed.reduce((sum, { endOffset }) => sum + endOffset, base.slot.bytes);
    const left = retained.reduce((sum, { bytes }) => sum + bytes, live);
    progress.bytesExpected = progress.bytesRead + left + live;
  }
}

const START = { offset: 0 };
