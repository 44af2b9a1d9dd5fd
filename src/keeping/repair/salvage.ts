/** Everything of a damaged store, or of a backup, that can still be read: records on both sides of damage. */
import type { Disk } from "../../disk/disk.js";
import { readSlots, type SlotState, slotPath } from "../../disk/slots/slots.js";
import { checkMark } from "../../inspect/checks/mark.js";
import { StoreListing } from "../../inspect/listing/listing.js";
import type { Mark } from "../../journal/form/mark.js";
import type { StoreIdentity } from "../../journal/form/store.js";
import type { KeySource } from "../../keys/source.js";
import { ANCHOR_NAME, VOTE_NAME } from "../../persist/pair-persister.js";
import { errorBy } from "../../inspect/finding.js";
import { PersisterError } from "../../types/errors.js";

export interface SalvagedLog {
  readonly name: string;
  /** Numbers [first, next) as the journal tells, also where records of them are lost. */
  readonly first: bigint;
  readonly next: bigint;
  readonly records: ReadonlyMap<bigint, Uint8Array>;
}

/** A message of an A/B slot. */
export interface SalvagedMessage {
  readonly sequence: bigint;
  readonly message: Uint8Array;
  readonly file: string;
}

export interface Salvaged {
  readonly identity: StoreIdentity;
  readonly logs: ReadonlyMap<string, SalvagedLog>;
  /** Newest first, each as its slot's checksum proves it. */
  readonly anchors: readonly SalvagedMessage[];
  readonly votes: readonly SalvagedMessage[];
  readonly mark: Mark | undefined;
  /** Bytes of the smallest slot. */
  readonly segmentBytes: number;
}

/**
 * Reads the store in `directory`, and changes nothing. All its live records are in memory then.
 *
 * @throws {PersisterError} KEY_MISSING where a payload is sealed with a key that was not given; READ_ONLY, IO where a
 * file of the journal cannot be read; as `StoreListing.open`.
 */
export async function salvage(
  disk: Disk,
  directory: string,
  keys: readonly KeySource[],
): Promise<Salvaged> {
  const listing = await StoreListing.open(disk, directory, keys);
  try {
    const [unread] = listing.unread;
    // Its records would count as lost.
    if (unread) throw errorBy(unread);
    const { identity } = listing;
    const { mark } = await checkMark(disk, directory, identity.storeId);
    const records = await recordsOf(listing);
    const logs = [...listing.table.states()].map(({ name, first, next }): [string, SalvagedLog] => {
      return [name, { name, first, next, records: records.get(name) ?? new Map() }];
    });
    return {
      identity,
      logs: new Map(logs),
      anchors: await messagesOf(disk, directory, ANCHOR_NAME),
      votes: await messagesOf(disk, directory, VOTE_NAME),
      mark,
      segmentBytes: Math.min(...listing.segments.flatMap(({ bytes }) => bytes ?? [])),
    };
  } finally {
    await listing.close();
  }
}

/** Of two records with one number, the one with the lower LSN counts, as for recovery. */
async function recordsOf(listing: StoreListing): Promise<Map<string, Map<bigint, Uint8Array>>> {
  const found = new Map<string, Map<bigint, Uint8Array>>();
  for await (const each of listing.records()) {
    if (each.kind === "lost" || each.log === undefined || each.isLive !== true) continue;
    const { log, number, payload, file } = each;
    if (payload.status === "sealed") {
      const text = `${file}: it is sealed with a key that was not given`;
      throw new PersisterError("KEY_MISSING", text, { file });
    }
    if (payload.status !== "readable") continue;
    const records = found.get(log) ?? new Map<bigint, Uint8Array>();
    if (!records.has(number)) records.set(number, Uint8Array.from(payload.payload));
    found.set(log, records);
  }
  return found;
}

async function messagesOf(
  disk: Disk,
  directory: string,
  name: string,
): Promise<readonly SalvagedMessage[]> {
  const { a, b } = await readSlots(disk, directory, name);
  const messageOf = (state: SlotState, slot: "a" | "b"): SalvagedMessage[] => {
    if (state.status !== "valid") return [];
    const { seq: sequence, message } = state;
    return [{ sequence, message, file: slotPath(directory, name, slot) }];
  };
  return [...messageOf(a, "a"), ...messageOf(b, "b")].sort((one, other) =>
    one.sequence > other.sequence ? -1 : 1,
  );
}
