/**
 * The lanes: one log per lane, made by the first write to it. Contiguous, parent-linked, and at a
 * pinned number only the pinned block (D2, D6).
 */
import type { Entry, Settled } from "../journal/group/group.js";
import type { LogEngine } from "../journal/log-engine.js";
import type { Pin } from "../journal/form/mark.js";
import type { LaneLog } from "../log/lane-log.js";
import type { NewRecord } from "../log/turn.js";
import type { LogSet } from "../log/log-set.js";
import { isLaneId, type LaneId } from "../types/lane.js";
import { PersisterError } from "../types/errors.js";
import { headerHash, sameBytes } from "../wire/hash.js";
import type { BlockHeader } from "../wire/messages.js";
import { allEnded } from "../async/all-ended.js";
import { blockKind } from "./kinds.js";

/** A block as it is to be stored: its payload is the encoded SignedBlock, as received. */
export interface NewBlock extends NewRecord {
  /** The header hash. */
  readonly hash: Uint8Array;
  readonly parentHash: Uint8Array;
}

/** One turn of a lane: a start that a durable anchor allows (D3), then blocks. */
export interface LaneTurn {
  readonly start?: bigint;
  readonly blocks?: readonly NewBlock[];
  /** Asked when the new start is queued: see `PruneTurn`. */
  readonly lazily?: () => boolean;
  readonly onDurable?: (next: bigint) => void;
}

/** The header hashes of the blocks that are held, by lane and number. */
export type LaneHashes = Map<LaneId, Map<bigint, Uint8Array>>;

export class BlockPersister {
  readonly #journal: LogEngine;
  readonly #logs: LogSet;
  readonly #lanes = new Map<LaneId, LaneLog<BlockHeader>>();
  /** Of the blocks that are held or on their way to disk: what parents and read-back blocks must have. */
  readonly #hashes: LaneHashes;

  constructor(journal: LogEngine, logs: LogSet, hashes: LaneHashes) {
    this.#journal = journal;
    this.#logs = logs;
    this.#hashes = hashes;
    for (const name of logs.recoveredNames()) {
      if (isLaneId(name)) this.#lanes.set(name, logs.open(name, blockKind(name)));
    }
  }

  /** Every lane with a log, and the log. */
  get lanes(): ReadonlyMap<LaneId, LaneLog<BlockHeader>> {
    return this.#lanes;
  }

  /** The pins of all lanes (D6). */
  get pins(): readonly Pin[] {
    return this.#journal.mark.pins;
  }

  /** The encoded block, from disk. Throws OUT_OF_SEQUENCE where it is not held. */
  async readBytes(lane: LaneId, number: bigint): Promise<Uint8Array> {
    const log = this.#lanes.get(lane);
    if (log) return await log.readBytes(number);
    throw new PersisterError("OUT_OF_SEQUENCE", `lane ${lane} holds no block ${number}`, {
      lane,
      blockNumber: number,
    });
  }

  /** The pins, with the lane's own name. */
  pinned(): { lane: LaneId; number: bigint; headerHash: Uint8Array }[] {
    return this.pins.flatMap(({ name, number, hash }) =>
      isLaneId(name) ? [{ lane: name, number, headerHash: hash }] : [],
    );
  }

  /** The header hash to which a number is pinned, if it is. */
  pinOf(lane: LaneId, number: bigint): Uint8Array | undefined {
    return this.pins.find((pin) => pin.name === lane && pin.number === number)?.hash;
  }

  /** The header hash of a block that is held or on its way to disk. */
  hashOf(lane: LaneId, number: bigint): Uint8Array | undefined {
    return this.#hashes.get(lane)?.get(number);
  }

  /** The header hash of the lane's last block, where it is known. */
  tipHash(lane: LaneId): Uint8Array | undefined {
    const { next = 0n } = this.#lanes.get(lane) ?? {};
    return this.#hashes.get(lane)?.get(next - 1n);
  }

  /** Makes the lane's log where there is none; durable when resolved. */
  async openLane(lane: LaneId): Promise<void> {
    this.#lane(lane);
    await this.#order((settled) => ({ type: "open", name: lane, first: 0n, settled }));
  }

  /**
   * Truncates and appends in one group; durable when resolved.
   *
   * @throws {PersisterError} OUT_OF_SEQUENCE, DUPLICATE, CONFLICT (D2), INVALID for a wrong parent,
   * PINNED (D6), VERIFY_MISMATCH (D4): nothing of the turn was taken; DISK_FULL, POISONED, CLOSED.
   */
  async write(lane: LaneId, turn: LaneTurn): Promise<void> {
    const { start, blocks = [] } = turn;
    const log = this.#lane(lane);
    const hashes = this.#hashesOf(lane);
    try {
      const { lazily, onDurable } = turn;
      const verify = (first: BlockHeader): void => verifyFirst(lane, start, first, hashes);
      const admit = (): void => {
        // A block that is let go of is no parent any more, also while its truncation waits for a group (S5).
        if (start !== undefined) forgetBelow(start, hashes);
        this.#admit(lane, start ?? log.first, blocks);
      };
      await log.write({
        ...(start === undefined ? {} : { prune: { start, verify, lazily } }),
        append: { records: blocks, admit, onDurable },
      });
    } catch (cause) {
      // A block that was admitted and did not reach the disk is no parent of anything.
      for (const { number } of blocks) if (number >= log.appendNext) hashes.delete(number);
      throw cause;
    }
    forgetBelow(log.first, hashes);
  }

  /** The largest encoded block that the store's segments hold. */
  get blockBytesMax(): number {
    return this.#journal.payloadBytesMax;
  }

  /**
   * Forgets every lane that is not in `keep`, with its log; durable when resolved. The only way that
   * a lane ends; calling it again is fine.
   *
   * @throws {PersisterError} DISK_FULL: the lanes that could not be dropped go on as they were;
   * POISONED, CLOSED.
   */
  async dropLanesExcept(keep: ReadonlySet<LaneId>): Promise<void> {
    const gone = [...this.#lanes].filter(([lane]) => !keep.has(lane));
    await allEnded(gone.map(([lane, log]) => this.#drop(lane, log)));
  }

  /**
   * Lifts every pin that a lane QC, a commit QC or an anchor covers: those of each lane below its
   * `next`. Durable when resolved.
   */
  async liftPins(
    covered: readonly { readonly lane: LaneId; readonly next: bigint }[],
  ): Promise<void> {
    if (this.pins.length === 0) return;
    const nexts = new Map<string, bigint>(covered.map(({ lane, next }) => [lane, next]));
    await this.#keepPins(({ name, number }) => number >= (nexts.get(name) ?? 0n));
  }

  /** Lifts the pin of one number by an operator's decision; durable when resolved. */
  async releasePin(lane: LaneId, number: bigint): Promise<void> {
    await this.#keepPins((pin) => pin.name !== lane || pin.number !== number);
  }

  async #keepPins(stays: (pin: Pin) => boolean): Promise<void> {
    const pins = this.pins.filter(stays);
    if (pins.length < this.pins.length) await this.#journal.writeMark({ pins });
  }

  /** A crash before the drop is durable leaves the lane as it was. */
  async #drop(lane: LaneId, log: LaneLog<BlockHeader>): Promise<void> {
    log.close();
    try {
      await this.#order((settled) => ({ type: "drop", name: lane, settled }));
    } catch (refusal) {
      log.reopen();
      throw refusal;
    }
    this.#lanes.delete(lane);
    this.#hashes.delete(lane);
    this.#logs.close(lane);
  }

  #lane(lane: LaneId): LaneLog<BlockHeader> {
    const known = this.#lanes.get(lane);
    if (known) return known;
    const log = this.#logs.open(lane, blockKind(lane));
    this.#lanes.set(lane, log);
    return log;
  }

  /** Parents and pins, looked at in the same step as the submission. Below `first` nothing is held (S5). */
  #admit(lane: LaneId, first: bigint, blocks: readonly NewBlock[]): void {
    const hashes = this.#hashesOf(lane);
    for (const block of blocks) {
      refusePinned(lane, block, this.pins);
      const parent = block.number > first ? hashes.get(block.number - 1n) : undefined;
      if (parent) refuseWrongParent(lane, block, parent);
      hashes.set(block.number, block.hash);
    }
  }

  #hashesOf(lane: LaneId): Map<bigint, Uint8Array> {
    const known = this.#hashes.get(lane);
    if (known) return known;
    const made = new Map<bigint, Uint8Array>();
    this.#hashes.set(lane, made);
    return made;
  }

  #order(order: (settled: Settled) => Entry): Promise<void> {
    return new Promise((resolve, reject) => {
      const entry = order((error) => {
        if (error) reject(error);
        else resolve();
      });
      this.#journal.submit([entry]);
    });
  }
}

/**
 * D4: the record that becomes the first is this lane's, at this number. Its header hash covers lane,
 * number, parent and payload: it is the one of the block that was written here.
 */
function verifyFirst(
  lane: LaneId,
  start: bigint | undefined,
  header: BlockHeader,
  hashes: ReadonlyMap<bigint, Uint8Array>,
): void {
  const known = hashes.get(header.blockNumber);
  const isOther = known !== undefined && !sameBytes(known, headerHash(header));
  if (header.lane === lane && header.blockNumber === start && !isOther) return;
  throw new PersisterError(
    "VERIFY_MISMATCH",
    `lane ${lane}: the record that would become the first, ${start}, says lane ${header.lane}, ` +
      `block ${header.blockNumber}${isOther ? ", and is not the block that was written" : ""}; ` +
      "nothing was truncated",
    { lane, blockNumber: header.blockNumber },
  );
}

/** Numbers rise from entry to entry: the look ends at the first that stays. */
function forgetBelow(first: bigint, hashes: Map<bigint, Uint8Array>): void {
  for (const number of hashes.keys()) {
    if (number >= first) return;
    hashes.delete(number);
  }
}

function refusePinned(lane: LaneId, block: NewBlock, pins: readonly Pin[]): void {
  const pin = pins.find((each) => each.name === lane && each.number === block.number);
  if (!pin || sameBytes(pin.hash, block.hash)) return;
  throw new PersisterError(
    "PINNED",
    `lane ${lane}: block ${block.number} was lost while it was being written, and only the block with ` +
      `header ${Buffer.from(pin.hash).toString("hex")} may stand there. Push that block (a peer may ` +
      "hold it), or a lane QC, commit QC or anchor that covers the number, or lift the pin with release()",
    { lane, blockNumber: block.number },
  );
}

function refuseWrongParent(lane: LaneId, block: NewBlock, parent: Uint8Array): void {
  if (sameBytes(block.parentHash, parent)) return;
  const { number } = block;
  throw new PersisterError(
    "INVALID",
    `lane ${lane}: block ${number} names another parent than block ${number - 1n} here`,
    { lane, blockNumber: number },
  );
}
