/**
 * A store that is read beside its owner, or without one: the facts of one moment, and the records of that moment
 * as long as they are there. It takes no lock and writes nothing, and it does not look into the map.
 *
 * # A store that goes on meanwhile
 *
 * 1. Recovery reads the mark first, then the heads, then the records: what the mark calls acknowledged is there.
 * 2. The owner may give up a segment between the heads and its records, and write another one in its place.
 *    Then a checksum does not fit, and the recovery refuses. The mark has moved by then, and all is read again.
 * 3. A record that is read later may have been given up since. The same checksum tells it, and the mark, too.
 *
 * The newest group may be seen before its flush returns: a snapshot says what an open would find if the owner
 * were killed now, and not what is durable.
 */
import type { Disk } from "../../disk/disk.js";
import { ReadOnlyDisk } from "../../disk/read-only.js";
import { unpadded } from "../../disk/slots/form.js";
import { hex } from "../../codec/hex.js";
import { markSequence } from "../../inspect/checks/mark.js";
import { type Owner, ownerOf } from "../../inspect/owner.js";
import { readAnchor } from "../../inspect/walk/proof.js";
import { applyOpening, standingPins } from "../../journal/begin.js";
import { identityIn, STORE_FILE, type StoreIdentity } from "../../journal/form/store.js";
import { RecordReader } from "../../journal/segment/reader.js";
import { KeyRing } from "../../keys/ring.js";
import type { KeySource } from "../../keys/source.js";
import type { RetainedRange, RetainedRecord } from "../../log/retained-range.js";
import { startsByLog } from "../../persist/anchor.js";
import { type CheckedStore, checkStore } from "../../persist/checked-store.js";
import { ROAD } from "../../persist/kinds.js";
import {
  optionsArgument,
  signalArgument,
  u64Argument,
  wrongArgument,
} from "../../types/arguments.js";
import { throwIfAborted } from "../../async/signal.js";
import { hasCode, PersisterError } from "../../types/errors.js";
import { isLaneId, type LaneId } from "../../types/lane.js";
import { max, min } from "../../types/numbers.js";
import { withJson } from "../../types/json.js";
import type { PruneAnchor } from "../../wire/messages.js";

/** A store gives up a segment now and then. */
const ATTEMPTS_MAX = 20;

export interface SnapshotRange {
  readonly first: bigint;
  readonly next: bigint;
}

/** The facts of a store at one moment: what an open would have found. */
export interface SnapshotFacts {
  readonly directory: string;
  readonly chainId: string;
  /** The store's own identity, in hexadecimal digits. */
  readonly storeId: string;
  /** Milliseconds since 1970. */
  readonly takenAtMs: number;
  /** Whether somebody has the store open, as far as that is known. */
  readonly inUse: "open" | "not seen" | "unknown";
  readonly lanes: ReadonlyMap<LaneId, SnapshotRange>;
  readonly road: SnapshotRange;
  /** Decoded; nobody has verified its signatures. */
  readonly anchor: PruneAnchor | undefined;
  /** The vote state, as it was written. */
  readonly voteState: Uint8Array | undefined;
  /** Numbers at which only one block may be signed (D6). Those of a group that is being written are not among them. */
  readonly pins: readonly {
    readonly lane: string;
    readonly number: bigint;
    readonly headerHash: Uint8Array;
  }[];
  readonly warnings: readonly string[];
}

export interface SnapshotParts {
  readonly disk: Disk;
  readonly directory: string;
  readonly keys: readonly KeySource[];
  readonly signal?: AbortSignal | undefined;
  readonly nowMs: () => number;
}

/** A store that was read. `before`: the sequence of the mark that was read before anything else. */
interface Taken {
  readonly disk: Disk;
  readonly checked: CheckedStore;
  readonly ring: KeyRing;
  readonly facts: SnapshotFacts;
  readonly before: bigint | undefined;
}

/**
 * A store as it was at one moment. The records stay where they are: one that the owner has given up since is
 * refused, and another one is never returned in its place. Close it: it holds the files open.
 */
export class StoreSnapshot implements AsyncDisposable {
  readonly facts: SnapshotFacts;
  readonly #disk: Disk;
  readonly #checked: CheckedStore;
  readonly #ring: KeyRing;
  readonly #reader: RecordReader;
  /** Of the mark that was read before anything else. */
  readonly #markSequence: bigint | undefined;
  #isClosed = false;

  private constructor({ disk, checked, ring, facts, before }: Taken) {
    const { slots, seals } = checked.recovered;
    const bySlot = new Map(slots.map((each) => [each.slot, each]));
    this.facts = withJson(facts);
    this.#disk = disk;
    this.#checked = checked;
    this.#ring = ring;
    this.#reader = new RecordReader((slot) => bySlot.get(slot), seals);
    this.#markSequence = before;
  }

  /** As `readStore`, on a given disk. @internal */
  static async take(parts: SnapshotParts): Promise<StoreSnapshot> {
    const { directory, signal } = parts;
    const disk = new ReadOnlyDisk(parts.disk, () => undefined);
    for (let attempt = 1; ; attempt += 1) {
      throwIfAborted(signal, "the reading of the store");
      const identity = await identityIn(disk, directory, { evenRetired: true });
      const before = await markSequence(disk, directory);
      try {
        return await StoreSnapshot.#taken(parts, disk, { identity, before });
      } catch (cause) {
        if (!(cause instanceof PersisterError) || cause.code === "ABORTED") throw cause;
        if ((await markSequence(disk, directory)) === before) throw cause;
        if (attempt === ATTEMPTS_MAX) throw wentOn(directory, cause);
      }
    }
  }

  static async #taken(
    { directory, keys, signal, nowMs }: SnapshotParts,
    disk: Disk,
    { identity, before }: { readonly identity: StoreIdentity; readonly before: bigint | undefined },
  ): Promise<StoreSnapshot> {
    const ring = await KeyRing.from({ write: "plain", read: keys });
    const passed = (): void => throwIfAborted(signal, "the reading of the store");
    const sought = { storeId: identity.storeId, origin: undefined, ring, passed };
    let checked: CheckedStore;
    try {
      checked = await checkStore(disk, directory, sought, (message, file) =>
        readAnchor(message, file, { kind: "forms" }),
      );
    } catch (cause) {
      ring.close();
      throw cause;
    }
    const inUse = await ownerOf(disk, `${directory}/${STORE_FILE}`);
    const facts = factsOf(checked, { directory, identity, inUse, takenAtMs: nowMs() });
    return new StoreSnapshot({ disk, checked, ring, facts, before });
  }

  /** True from the call of `close` on. */
  get closed(): boolean {
    return this.#isClosed;
  }

  /**
   * The encoded block as it was received, from disk.
   *
   * @throws {PersisterError} OUT_OF_SEQUENCE where it is not in the snapshot, or its owner has given it up since;
   * JOURNAL_CORRUPT where it is damaged; CLOSED, IO, USAGE.
   */
  async readBlock(lane: LaneId, number: bigint): Promise<Uint8Array> {
    return await this.#read(laneArgument(lane), u64Argument("the number", number));
  }

  /** As `readBlock`, for a commit QC. */
  async readCommitQC(index: bigint): Promise<Uint8Array> {
    return await this.#read(ROAD, u64Argument("the number", index));
  }

  /**
   * The blocks of a lane in ascending order: those of [from, next) that are in the snapshot.
   *
   * @throws {PersisterError} as `readBlock`; ABORTED by `signal`.
   */
  blocks(lane: LaneId, range: RetainedRange = {}): AsyncGenerator<RetainedRecord> {
    const name = laneArgument(lane);
    return this.#records(name, this.facts.lanes.get(lane), range);
  }

  /** As `blocks`, for commit QCs: `number` is the road index. */
  commitQCs(range: RetainedRange = {}): AsyncGenerator<RetainedRecord> {
    return this.#records(ROAD, this.facts.road, range);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#ring.close();
    await this.#checked.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #records(
    name: string,
    held: SnapshotRange | undefined,
    range: RetainedRange,
  ): AsyncGenerator<RetainedRecord> {
    const { signal, from, next } = optionsArgument("range", range, ["signal", "from", "next"]);
    const stop = signalArgument(signal);
    const { first, next: end } = held ?? { first: 0n, next: 0n };
    const least = from === undefined ? first : u64Argument("from", from);
    const most = next === undefined ? end : u64Argument("next", next);
    return this.#recordsIn(name, [max(least, first), min(most, end)], stop);
  }

  async *#recordsIn(
    name: string,
    [first, next]: readonly [bigint, bigint],
    signal: AbortSignal | undefined,
  ): AsyncGenerator<RetainedRecord> {
    for (let number = first; number < next; number += 1n) {
      throwIfAborted(signal, "the reading of the store");
      yield { number, bytes: await this.#read(name, number) };
    }
  }

  async #read(name: string, number: bigint): Promise<Uint8Array> {
    if (this.#isClosed) throw new PersisterError("CLOSED", "the snapshot was closed");
    const { places, table } = this.#checked.recovered;
    const pointer = places.find(name, number);
    const log = table.byName(name)?.log;
    if (!pointer || log === undefined) throw notHere(name, number, "is not in this snapshot");
    try {
      return Uint8Array.from(await this.#reader.read(pointer, { name, log, number }));
    } catch (cause) {
      if (!hasCode(cause, "JOURNAL_CORRUPT")) throw cause;
      const sequence = await markSequence(this.#disk, this.facts.directory);
      if (sequence === this.#markSequence) throw cause;
      const why = "was given up since this snapshot: read the store anew";
      throw notHere(name, number, why, cause);
    }
  }
}

function factsOf(
  checked: CheckedStore,
  basic: {
    readonly directory: string;
    readonly identity: StoreIdentity;
    readonly inUse: Owner;
    readonly takenAtMs: number;
  },
): SnapshotFacts {
  const { recovered, starts, anchor, votePair } = checked;
  const { identity, ...rest } = basic;
  // An owner writes a group that is not whole at this moment.
  const torn = basic.inUse === "open" ? undefined : recovered.torn;
  const { table, mark } = recovered;
  applyOpening({ ...recovered, torn }, { truncate: startsByLog(starts) });
  const ranges = [...table.states()].map(
    ({ name, first, next }) => [name, { first, next }] as const,
  );
  const lanes = ranges.flatMap(([name, range]) => (isLaneId(name) ? [[name, range] as const] : []));
  return {
    ...rest,
    chainId: identity.chainId,
    storeId: hex(identity.storeId),
    lanes: new Map(lanes),
    road: new Map(ranges).get(ROAD) ?? { first: 0n, next: 0n },
    anchor,
    voteState: votePair.message && Uint8Array.from(unpadded(votePair.message)),
    pins: standingPins({ table, mark, torn }).map(({ name, number, hash }) => {
      return { lane: name, number, headerHash: Uint8Array.from(hash) };
    }),
    warnings: recovered.warnings,
  };
}

function laneArgument(value: unknown): LaneId {
  if (typeof value === "string" && isLaneId(value)) return value;
  throw wrongArgument("lane", "a lane id: 80 lower-case hex digits", value);
}

function notHere(
  name: string,
  number: bigint,
  why: string,
  cause?: PersisterError,
): PersisterError {
  const what = name === ROAD ? `commit QC ${number}` : `lane ${name}: block ${number}`;
  const place = isLaneId(name) ? { lane: name, blockNumber: number } : { roadIndex: number };
  return new PersisterError("OUT_OF_SEQUENCE", `${what} ${why}`, { cause, ...place });
}

function wentOn(directory: string, cause: PersisterError): PersisterError {
  const text = `${directory}: the store went on each of ${ATTEMPTS_MAX} times that it was read: try again`;
  return new PersisterError("OUT_OF_SEQUENCE", text, { cause });
}
