/**
 * One life of a store, from an open to its end, under the eye of the reference model: it is told what
 * is begun before it is begun, and what is acknowledged the moment that it is. Every call must come
 * to what a view of the store says.
 */
import { inspect } from "node:util";
import type { Lanekeeper } from "../../../../src/node/lanekeeper.js";
import type { LaneId } from "../../../../src/types/lane.js";
import type { OfferedAnchor, RecoveredStore } from "../../../model/reference-model.js";
import type { Ground } from "./ground.js";
import { type Came, cameTo } from "./outcome.js";
import { contentsOf, type LogName, readBack } from "./read-back.js";
import { hex, voteOf } from "../../history/session.js";
import { laneQCOf, lanes, type MadeBlock, type MadeQC, qcAt } from "../commands/traffic.js";
import { same, View } from "./view.js";
import { Waits } from "./waits.js";
import { Watch } from "./watch.js";

export class Life {
  readonly keeper: Lanekeeper;
  readonly faults: string[] = [];
  readonly #ground: Ground;
  readonly #waits: Waits;
  readonly #watch: Watch;
  /** The recovered anchor and those pushed, in order. */
  readonly #anchors: OfferedAnchor[] = [];
  readonly #dropping = new Set<LaneId>();
  /** Lanes with a push that waits for capacity. */
  readonly #crowded = new Set<LaneId>();
  #vote: Uint8Array | undefined;
  #abstain: bigint | undefined;

  constructor(keeper: Lanekeeper, ground: Ground) {
    this.keeper = keeper;
    this.#ground = ground;
    const fault = (text: string, cause?: unknown): void => this.#fault(text, cause);
    this.#waits = new Waits(keeper, ground, fault);
    this.#watch = new Watch(keeper, ground, fault);
    const { anchor, voteState, abstainThrough, pins } = keeper.recovery;
    if (anchor) this.#anchors.push(qcAt(anchor.commitQC.vote.view.index).offered);
    this.#vote = voteState;
    this.#abstain = abstainThrough;
    ground.tally.see("a pin at an open", pins.length);
    ground.tally.see("a vote to abstain from", abstainThrough === undefined ? 0 : 1);
    this.#awaitOwed();
  }

  get isOver(): boolean {
    return this.#waits.isOver;
  }

  get view(): View {
    const status = this.keeper.status();
    const index = status.anchorRoadIndex;
    const anchor = this.#anchors.find((each) => each.index === index);
    return new View(status, this.#ground.ledger, anchor);
  }

  /** A lane that is being dropped, or has a push that waits: its next number is anybody's guess. */
  isBusy(lane: LaneId): boolean {
    return this.#dropping.has(lane) || this.#crowded.has(lane);
  }

  /** Whether the lane takes its next block at once. */
  hasRoom(lane: LaneId): boolean {
    return !this.isBusy(lane) && !this.view.isFull(lane);
  }

  async push(block: MadeBlock): Promise<void> {
    if (this.isOver) return;
    const { model, ledger, tally } = this.#ground;
    const { lane, number } = block;
    const what = `block ${number} of ${lane.slice(0, 6)}`;
    const { view } = this;
    const wanted = view.block(block);
    tally.see(wanted as "taken");
    if (wanted === "taken" || wanted === "waits") {
      model.blockBegun(lane, number, offerOf(block));
      ledger.offer(block);
    }
    // Copied by the store, so that it may be overwritten as soon as the call returned.
    const lent = Uint8Array.from(block.bytes);
    const pushed = cameTo(this.keeper.pushBlock(lent));
    if (wanted === "waits") {
      this.#waits.beside(this.#pushLater(block, what, pushed));
      return;
    }
    const { outcome, error } = await pushed;
    lent.fill(0xee);
    if (this.isOver) return;
    if (outcome !== wanted) this.#fault(`${what}: ${outcome} where ${wanted} is due`, error);
    if (outcome === "taken") this.#admitted(block, what);
    const { droppedBlocks } = this.keeper.status().counters;
    const dropped = droppedBlocks - view.status.counters.droppedBlocks;
    if (dropped !== (outcome === "dropped" ? 1 : 0)) this.#fault(`${what}: ${dropped} dropped`);
    if (outcome !== "DUPLICATE" && outcome !== "CONFLICT") return;
    const isHeld = same(error?.held, ledger.admitted(lane, number)?.bytes);
    if (isHeld && same(error?.offered, block.bytes)) return;
    this.#fault(`${what}: ${outcome} without both blocks as evidence`, error);
  }

  async qc(made: MadeQC): Promise<void> {
    if (this.isOver) return;
    const { index, bytes } = made;
    const before = this.view;
    const wanted = before.qc(made);
    const isNew = wanted === "taken" && index === before.road.next;
    if (isNew) this.#ground.model.qcBegun(index, bytes, made.covers);
    const lent = Uint8Array.from(bytes);
    const { outcome, error } = await cameTo(this.keeper.pushCommitQC(lent));
    lent.fill(0xee);
    if (this.isOver) return;
    // It was verified in between: by then an anchor may be durable, or the disk full, or broken.
    const after = this.view;
    const mayBe = [wanted, after.qc(made), ...(this.#ground.mayLackSpace() ? ["DISK_FULL"] : [])];
    if (!mayBe.includes(outcome)) {
      this.#fault(`commit QC ${index}: ${outcome} where ${wanted} is due`, error);
    }
    if (outcome === "taken" && isNew) this.#qcTaken(index);
    const next = outcome === "taken" && isNew ? index + 1n : before.road.next;
    if (after.road.first === before.road.first && after.road.next !== next) {
      this.#fault(`commit QC ${index}: the road's next is ${after.road.next}, not ${next}`);
    }
  }

  /** Takes the anchor's half of the QC; one of another proposal is never new. */
  async anchor(made: MadeQC): Promise<void> {
    if (this.isOver) return;
    const { index, offered } = made;
    const newest = this.#anchors.at(-1)?.index ?? -1n;
    const before = this.view;
    const wanted = before.anchor(made);
    const isNew = wanted === "taken" && index > newest;
    if (isNew) {
      this.#ground.model.anchorBegun(offered);
      this.#anchors.push(offered);
    }
    const { outcome, error } = await cameTo(this.keeper.pushAnchor(made.anchor));
    if (this.isOver) return;
    if (outcome !== wanted && outcome !== this.view.anchor(made)) {
      this.#fault(`anchor ${index}: ${outcome} where ${wanted} is due`, error);
    }
    if (outcome !== "taken" || !isNew) return;
    const isPastAll = lanes.every((lane) => before.range(lane).next < index);
    if (isPastAll && before.road.next < index) this.#ground.tally.see("an anchor past everything");
    this.#waits.begin({
      what: `anchor ${index}`,
      needsNoRoom: true,
      wait: () => this.keeper.waitForAnchor(index),
      // This one, or one above it that came first: `status` says which.
      told: () => this.observe(),
    });
    // Its own QC comes with it, whatever the road held.
    this.#qcTaken(index);
  }

  vote(): void {
    const roadIndex = this.#ground.ledger.nextVote();
    const bytes = voteOf(roadIndex);
    this.#ground.model.voteBegun(roadIndex, bytes);
    this.#waits.begin({
      what: `vote ${roadIndex}`,
      needsNoRoom: true,
      wait: () => this.keeper.writeVoteState(bytes, roadIndex),
      told: () => {
        this.#ground.model.voteAcknowledged(roadIndex);
        this.#vote = bytes;
        this.#abstain = undefined;
      },
    });
  }

  drop(lane: LaneId): void {
    const { model, ledger, tally } = this.#ground;
    model.dropBegun(lane);
    this.#dropping.add(lane);
    this.#crowded.delete(lane);
    this.#waits.dropped(lane);
    this.#waits.begin({
      what: `drop of ${lane.slice(0, 6)}`,
      wait: () => {
        const keep = new Set(lanes.filter((each) => each !== lane));
        return this.keeper.dropLanesExcept(keep, { dropAll: true });
      },
      told: () => {
        model.dropAcknowledged(lane);
        ledger.forget(lane);
        this.#dropping.delete(lane);
        tally.see("a drop acknowledged");
      },
    });
  }

  /** Lifts the first pin that stands, by an operator's decision or by a lane QC. */
  lift(by: "release" | "lane QC"): void {
    const { model } = this.#ground;
    const { pins } = this.keeper.status();
    const [pin] = pins;
    if (!pin) return;
    const { lane, number } = pin;
    const isLifted = (each: typeof pin): boolean =>
      each.lane === lane && (by === "release" ? each.number === number : each.number <= number);
    const lifted = pins.filter(isLifted);
    for (const each of lifted) model.pinReleased(lane, each.number);
    this.#waits.begin({
      what: `lifting the pin ${lane.slice(0, 6)} ${number}`,
      wait: () =>
        by === "release"
          ? this.keeper.release(lane, number, "drawn")
          : this.keeper.pushLaneQC(laneQCOf(lane, number)),
      told: () => {
        for (const each of lifted) model.pinGone(lane, each.number);
        if (this.keeper.status().pins.some(isLifted)) this.#fault("a lifted pin stands");
      },
    });
  }

  /** Begins to read everything of a log that can be read. */
  readBack(name: LogName): void {
    if (name !== "road" && this.#dropping.has(name)) return;
    const { ledger, tally } = this.#ground;
    const drops = this.#waits.dropsOf(name);
    const reads = readBack(name, {
      keeper: this.keeper,
      ledger,
      tally,
      isOver: () => this.#waits.isClosing || this.#waits.dropsOf(name) !== drops,
      fault: (text, cause) => this.#fault(text, cause),
    });
    for (const read of reads) this.#waits.beside(read);
  }

  /** Resolves when all that was begun is acknowledged or refused; judges what is held then. */
  async settle(): Promise<void> {
    this.#ground.release();
    await this.#waits.settled();
    if (this.isOver) return;
    this.observe();
    if (this.keeper.status().poison) return;
    if (!this.#ground.isFull()) this.#watch.judgeRest(this.#waits.stalled);
    const held = await this.#held();
    if (!this.isOver) this.faults.push(...this.#ground.model.judge(held));
  }

  async close(): Promise<void> {
    this.#ground.release();
    this.#waits.closing();
    const { outcome, error } = await cameTo(this.keeper.close());
    const { poison, counters } = this.keeper.status();
    const wanted = poison ? "POISONED" : "taken";
    const isUnwritten = outcome === "DISK_FULL" && this.#ground.mayLackSpace();
    if (outcome !== wanted && !isUnwritten)
      this.#fault(`close: ${outcome} where ${wanted} is due`, error);
    this.#ground.tally.see("a relocated record", counters.relocated);
    await this.#waits.ended();
    if (!poison && !this.#ground.mayLackSpace()) this.#watch.judgeRest(this.#waits.stalled);
    this.end();
  }

  /** Nothing is told of this life any more. */
  end(): void {
    this.observe();
    this.#waits.over();
  }

  /** Takes down what is acknowledged by now. */
  observe(): void {
    if (!this.isOver) this.#watch.look(this.#anchors);
  }

  /** The records that the running store says it holds, in the form of a recovery. */
  async #held(): Promise<RecoveredStore> {
    const { view } = this;
    const { road, pins, anchorRoadIndex } = view.status;
    const ranges = new Map(lanes.map((lane) => [lane, view.durable(lane)]));
    const onRoad = { first: road.first, next: road.durable };
    const contents = await contentsOf(this.keeper, ranges, onRoad);
    const anchor = this.#anchors.find(({ index }) => index === anchorRoadIndex);
    // On a full disk the anchor's own QC may be durable in the anchor alone.
    const isOwed = anchor?.index === onRoad.next;
    const owed = { first: road.first, next: onRoad.next + 1n, records: [anchor?.qc] };
    return {
      lanes: contents.lanes,
      road: isOwed ? (owed as RecoveredStore["road"]) : contents.road,
      anchor: anchor?.bytes,
      pins: pins.map((pin) => ({ ...pin, hash: hex(pin.headerHash) })),
      vote: this.#vote,
      abstainThrough: this.#abstain,
    };
  }

  #admitted(block: MadeBlock, what: string): void {
    const { lane, number } = block;
    this.#ground.ledger.admit(block);
    this.#waits.begin({
      what,
      log: lane,
      wait: () => this.keeper.waitForBlock(lane, number),
      told: () => this.#ground.model.blockAcknowledged(lane, number),
    });
  }

  /**
   * A life also waits for the work that open itself begins: 1. Every segment is full, and the disk.
   * 2. An anchor comes; its slot has room, its QC has none in the journal. 3. The next life opens with
   * that QC as its work.
   */
  #awaitOwed(): void {
    const { durable, next } = this.keeper.status().road;
    if (durable < next) this.#qcTaken(durable);
  }

  #qcTaken(index: bigint): void {
    this.#waits.begin({
      what: `commit QC ${index}`,
      wait: () => this.keeper.waitForCommitQC(index),
      told: () => this.#ground.model.qcAcknowledged(index),
    });
  }

  /** S8: it is let in once an anchor that makes room is durable; unless something else came first. */
  async #pushLater(block: MadeBlock, what: string, pushed: Promise<Came>): Promise<void> {
    const { lane } = block;
    const drops = this.#waits.dropsOf(lane);
    this.#crowded.add(lane);
    const came = await pushed;
    if (this.isOver) return;
    const isDropped = this.#waits.dropsOf(lane) !== drops;
    if (!isDropped) this.#crowded.delete(lane);
    if (came.outcome === "taken" && !isDropped) {
      this.#admitted(block, what);
      this.#ground.tally.see("let in once there was room");
    } else if (came.outcome !== "OUT_OF_SEQUENCE") this.#waits.refused(came, what, isDropped);
  }

  #fault(text: string, cause?: unknown): void {
    const why = cause instanceof Error ? cause.message : inspect(cause);
    this.faults.push(cause === undefined ? text : `${text}: ${why}`);
  }
}

function offerOf({ number, bytes, hash, parent }: MadeBlock) {
  return { bytes, hash, parent: number === 0n ? "" : parent };
}
