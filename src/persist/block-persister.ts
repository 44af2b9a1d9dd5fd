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
  /** Nobody waits for this turn: it may ride in the next group that somebody waits for. */
  readonly lazily?: boolean;
  readonly onDurable?: (next: bigint) => void;
}

/** The last block of a lane: the next one must name it as its parent. */
export interface Tip {
  readonly number: bigint;
  readonly hash: Uint8Array;
}

export class BlockPersister {
  readonly #journal: LogEngine;
  readonly #logs: LogSet;
  readonly #lanes = new Map<LaneId, LaneLog<BlockHeader>>();
  readonly #tips = new Map<LaneId, Tip>();

  constructor(journal: LogEngine, logs: LogSet, tips: ReadonlyMap<LaneId, Tip>) {
    this.#journal = journal;
    this.#logs = logs;
    for (const name of logs.recoveredNames()) {
      if (isLaneId(name)) this.#lanes.set(name, logs.open(name, blockKind(name)));
    }
    for (const [lane, tip] of tips) this.#tips.set(lane, tip);
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

  /** The header hash of the lane's last block, where it is known. */
  tipHash(lane: LaneId): Uint8Array | undefined {
    return this.#tips.get(lane)?.hash;
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
    const before = this.#tips.get(lane);
    try {
      const { lazily, onDurable } = turn;
      const verify = (first: BlockHeader): void => verifyFirst(lane, start, first);
      const admit = (): void => this.#admit(lane, start, blocks);
      await log.write({
        ...(start === undefined ? {} : { prune: { start, verify, lazily } }),
        append: { records: blocks, admit, onDurable },
      });
    } catch (cause) {
      // A block that was admitted and did not reach the disk is no parent of anything.
      this.#noteTip(lane, lastBelow(log.appendNext, [...(before ? [before] : []), ...blocks]));
      throw cause;
    }
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
    this.#tips.delete(lane);
    this.#logs.close(lane);
  }

  #lane(lane: LaneId): LaneLog<BlockHeader> {
    const known = this.#lanes.get(lane);
    if (known) return known;
    const log = this.#logs.open(lane, blockKind(lane));
    this.#lanes.set(lane, log);
    return log;
  }

  /** Looked at in the same step as the submission: parents and pins. */
  #admit(lane: LaneId, start: bigint | undefined, blocks: readonly NewBlock[]): void {
    let tip = this.#tips.get(lane);
    // Below the start nothing is held, and a parent that is not held is not looked at (S5).
    if (start !== undefined && tip !== undefined && start > tip.number) tip = undefined;
    for (const block of blocks) {
      refusePinned(lane, block, this.pins);
      if (tip && block.number === tip.number + 1n) refuseWrongParent(lane, block, tip);
      tip = block;
    }
    this.#noteTip(lane, tip);
  }

  #noteTip(lane: LaneId, tip: Tip | undefined): void {
    if (tip) this.#tips.set(lane, { number: tip.number, hash: tip.hash });
    else this.#tips.delete(lane);
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

/** The last of `tips`, which ascend, below `next`. */
function lastBelow(next: bigint, tips: readonly Tip[]): Tip | undefined {
  return tips.findLast(({ number }) => number < next);
}

/** D4: the record that becomes the first is this lane's, at this number. */
function verifyFirst(lane: LaneId, start: bigint | undefined, header: BlockHeader): void {
  if (header.lane === lane && header.blockNumber === start) return;
  throw new PersisterError(
    "VERIFY_MISMATCH",
    `lane ${lane}: the record that would become the first, ${start}, says lane ${header.lane}, ` +
      `block ${header.blockNumber}; nothing was truncated`,
    { lane, blockNumber: header.blockNumber },
  );
}

function refusePinned(lane: LaneId, block: NewBlock, pins: readonly Pin[]): void {
  const pin = pins.find((each) => each.name === lane && each.number === block.number);
  if (!pin || Buffer.compare(pin.hash, block.hash) === 0) return;
  throw new PersisterError(
    "PINNED",
    `lane ${lane}: block ${block.number} was lost while it was being written, and only the block with ` +
      `header ${Buffer.from(pin.hash).toString("hex")} may stand there. Push that block (a peer may ` +
      "hold it), or a lane QC, commit QC or anchor that covers the number, or lift the pin with release()",
    { lane, blockNumber: block.number },
  );
}

function refuseWrongParent(lane: LaneId, block: NewBlock, tip: Tip): void {
  if (Buffer.compare(block.parentHash, tip.hash) === 0) return;
  throw new PersisterError(
    "INVALID",
    `lane ${lane}: block ${block.number} names another parent than block ${tip.number} here`,
    { lane, blockNumber: block.number },
  );
}
