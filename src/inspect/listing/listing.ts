/**
 * Lists what a journal holds: its segments, and every record in them in the order of their LSNs. It only reads,
 * takes no lock, and goes on behind damage: a record that is lost is listed as lost. A file that cannot be read is
 * in `unread`, and what it holds is not lost. A listing judges nothing: `inspect` does.
 */
import type { Disk } from "../../disk/disk.js";
import { ReadOnlyDisk } from "../../disk/read-only.js";
import type { SealedSegment } from "../../journal/form/head.js";
import { LogTable } from "../../journal/form/log-table.js";
import { type RecordHeader, recordType } from "../../journal/form/records.js";
import { identityIn, type StoreIdentity } from "../../journal/form/store.js";
import { applyRecord, type Manifest } from "../../journal/recovery/apply.js";
import type { FoundHead } from "../../journal/recovery/start.js";
import { firstPlace, type Slot, type WalkedRecord } from "../../journal/segment/segment.js";
import { hex } from "../../codec/hex.js";
import { KeyRing } from "../../keys/ring.js";
import type { KeySource } from "../../keys/source.js";
import { PersisterError } from "../../types/errors.js";
import { checkMark, type MarkSeen } from "../checks/mark.js";
import { checkSlots, type SlotsSeen } from "../checks/slots.js";
import { errorBy, type Finding } from "../finding.js";
import { type PayloadSeen, SealedPayloads } from "../walk/sealed.js";
import { walkPastDamage } from "../walk/segment-walk.js";
import type { ListedRecord, ListedSegment, LostRecord, LsnRange, SegmentState } from "./listed.js";

/** A segment that is walked, and its end as far as a head says it. */
interface Walked {
  readonly state: SegmentState;
  readonly found: FoundHead;
  readonly end: SealedSegment | undefined;
}

/** The segment with the newest head that was found. */
interface Newest {
  readonly state: "current" | "sealed";
  /** It must hold the records through this LSN; behind it the first break is its end. */
  readonly acked: bigint;
}

const kinds = new Map(
  Object.entries(recordType).map(([name, type]) => [type as number, name as ListedRecord["kind"]]),
);

export class StoreListing {
  readonly identity: StoreIdentity;
  /** The files that could not be read, and why. Nothing is known of what they hold. */
  readonly unread: readonly Finding[];
  readonly #slots: SlotsSeen;
  readonly #payloads: SealedPayloads;
  readonly #newest: Newest;
  /** The logs as they stand at the end of the journal. */
  readonly table: LogTable;
  readonly #released: ReadonlyMap<bigint, number>;
  /** The name of each log that any head or record gives, dropped ones too. */
  readonly #names = new Map<number, string>();

  private constructor(parts: {
    readonly identity: StoreIdentity;
    readonly slots: SlotsSeen;
    readonly payloads: SealedPayloads;
    readonly newest: Newest;
    readonly manifest: Manifest;
    readonly unread: readonly Finding[];
  }) {
    this.identity = parts.identity;
    this.unread = parts.unread;
    this.#slots = parts.slots;
    this.#payloads = parts.payloads;
    this.#newest = parts.newest;
    this.table = parts.manifest.table;
    this.#released = parts.manifest.released;
    for (const { head } of parts.slots.heads) {
      for (const { log, name } of head.logs) this.#names.set(log, name);
    }
    for (const { log, name } of this.table.states()) this.#names.set(log, name);
  }

  /**
   * Opens a listing of the store or journal in `directory`; close it.
   *
   * @throws {PersisterError} NOT_A_STORE, FORMAT_TOO_NEW; READ_ONLY, IO where no head can be read; JOURNAL_CORRUPT
   * where none can be used; KEY_REFUSED.
   */
  static async open(
    real: Disk,
    directory: string,
    keys: readonly KeySource[] = [],
  ): Promise<StoreListing> {
    const disk = new ReadOnlyDisk(real, () => undefined);
    const identity = await identityIn(disk, directory, { evenRetired: true });
    const { storeId } = identity;
    const seen = await checkMark(disk, directory, storeId);
    const { mark } = seen;
    const ring = await KeyRing.from({ write: "plain", read: keys });
    try {
      const slots = await checkSlots(disk, directory, { storeId, mark });
      try {
        const payloads = new SealedPayloads(ring, slots.heads);
        const newest = newestOf(slots, seen);
        const manifest = await manifestOf(slots, directory, newest.acked);
        const unread = [...(seen.unread ? [seen.unread] : []), ...slots.unread.values()];
        return new StoreListing({ identity, slots, payloads, newest, manifest, unread });
      } catch (cause) {
        await slots.close();
        throw cause;
      }
    } catch (cause) {
      ring.close();
      throw cause;
    }
  }

  /** Every slot, in the order of the names. */
  get segments(): readonly ListedSegment[] {
    const { slots, unread, heads } = this.#slots;
    const walked = new Map(this.#walked().map((each) => [each.found.slot.slot, each.state]));
    const read = slots
      .filter(({ slot }) => !unread.has(slot))
      .map(({ slot, file, bytes }): ListedSegment => {
        const head = heads.find((each) => each.slot.slot === slot)?.head;
        return {
          slot,
          file: file.path,
          bytes,
          state: walked.get(slot) ?? "free",
          sequence: head?.sequence,
          firstLsn: head?.firstLsn,
          keyId: head?.seal && hex(head.seal.keyId),
        };
      });
    const others = [...unread].map(([slot, { file }]): ListedSegment => {
      const bytes = slots.find((each) => each.slot === slot)?.bytes;
      const unknown = { sequence: undefined, firstLsn: undefined, keyId: undefined };
      return { slot, file, bytes, state: "unread", ...unknown };
    });
    return [...read, ...others].sort((one, other) => one.slot - other.slot);
  }

  /** The records with LSNs in a range, in their order. A payload is a view of the segment that was read. */
  async *records(range: LsnRange = {}): AsyncGenerator<ListedRecord | LostRecord> {
    const { from = 0n, next } = range;
    for (const { found, end } of this.#walked()) {
      const isBehind = next !== undefined && found.head.firstLsn >= next;
      if (isBehind || (end !== undefined && end.nextLsn <= from)) continue;
      for await (const each of this.#recordsOf(found, end)) {
        if (each.lsn >= from && (next === undefined || each.lsn < next)) yield each;
      }
    }
  }

  async close(): Promise<void> {
    this.#payloads.close();
    await this.#slots.close();
  }

  /** The segments that hold something, in the order of their sequences. */
  #walked(): readonly Walked[] {
    const { base, heads } = this.#slots;
    if (!base) return [];
    const ends = heads.flatMap(({ head }) => [...head.sealed, ...head.ended]);
    const sealed = new Map(base.head.sealed.map((each) => [each.slot, each]));
    const retained = new Set(base.head.retainedSlots);
    return heads
      .flatMap((found): Walked[] => {
        const { slot } = found.slot;
        const { sequence } = found.head;
        if (found.slot === base.slot) {
          return [{ state: this.#newest.state, found, end: undefined }];
        }
        if (this.#released.has(sequence)) return [];
        if (sealed.get(slot)?.sequence === sequence) {
          return [{ state: "sealed", found, end: sealed.get(slot) }];
        }
        if (!retained.has(slot)) return [];
        return [{ state: "retained", found, end: ends.find((each) => each.sequence === sequence) }];
      })
      .toSorted((one, other) => (one.found.head.sequence < other.found.head.sequence ? -1 : 1));
  }

  async *#recordsOf(
    { slot, head, headBytes }: FoundHead,
    end: SealedSegment | undefined,
  ): AsyncGenerator<ListedRecord | LostRecord> {
    const bytes = await slot.file.read(0, end?.endOffset ?? slot.bytes);
    const isBase = slot === this.#slots.base?.slot;
    const through = end ? end.nextLsn - 1n : isBase ? this.#newest.acked : head.firstLsn - 1n;
    for (const step of walkPastDamage(bytes, firstPlace(head, headBytes), through)) {
      if (step.kind === "record") {
        const listed = this.#listed(step.record, slot);
        if (listed) yield listed;
      } else if (step.kind !== "end") {
        const { nextLsn, offset, reason } = step.at;
        yield { kind: "lost", lsn: nextLsn, file: slot.file.path, offset, reason };
      }
    }
  }

  #listed(record: WalkedRecord, slot: Slot): ListedRecord | undefined {
    const { type, log, lsn, number, offset } = record;
    if (type === recordType.pad || type === recordType.footer) return undefined;
    if (type === recordType.open)
      this.#names.set(log, Buffer.from(record.payload).toString("latin1"));
    const isData = type === recordType.append || type === recordType.copy;
    const state = this.table.byLog(log);
    return {
      kind: kinds.get(type) ?? "optional",
      lsn,
      log: type === recordType.release ? undefined : this.#names.get(log),
      number,
      isLive: isData ? state !== undefined && number >= state.first : undefined,
      file: slot.file.path,
      offset,
      payload: isData ? this.#payloads.read(record, slot) : plain(record),
    };
  }
}

/** The segment of the base head is the current one, unless the mark names a newer head. */
function newestOf({ base, unread }: SlotsSeen, { mark }: MarkSeen): Newest {
  const isOlder =
    base !== undefined && mark !== undefined && base.head.sequence < mark.headSequence;
  // The newer head may be in a segment that was not read, and the acknowledged records with it.
  const acked = isOlder && unread.size > 0 ? 0n : (mark?.acked ?? 0n);
  return { state: isOlder ? "sealed" : "current", acked };
}

function plain({ payload }: { readonly payload: Uint8Array }): PayloadSeen {
  return { status: "readable", payload };
}

/** The logs, and the released segments, as the newest head and the records behind it say. */
async function manifestOf(
  { base, unread }: SlotsSeen,
  directory: string,
  acked: bigint,
): Promise<Manifest> {
  if (!base) {
    const [first] = unread.values();
    if (first) throw errorBy(first);
    const text = `${directory}: no segment has a head that can be used: run lanekeeper inspect on it`;
    throw new PersisterError("JOURNAL_CORRUPT", text, { file: directory });
  }
  const { head, headBytes, slot } = base;
  const manifest = { head, table: new LogTable(head.logs, head.nextLog), released: new Map() };
  const bytes = await slot.file.read(0, slot.bytes);
  for (const step of walkPastDamage(bytes, firstPlace(head, headBytes), acked)) {
    if (step.kind === "record") applied(step.record, manifest);
  }
  return manifest;
}

/** Behind damage a record may not fit: its log goes on with it all the same. */
function applied(
  record: RecordHeader & { readonly payload: Uint8Array },
  manifest: Manifest,
): void {
  if (applyRecord(record, manifest) === undefined) return;
  const state = manifest.table.byLog(record.log);
  const isAppend = record.type === recordType.append;
  if (isAppend && state && record.number >= state.next) state.next = record.number + 1n;
}
