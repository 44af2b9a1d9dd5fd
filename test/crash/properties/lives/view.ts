/**
 * One look at a running store: what it publishes and what was admitted before, and so what a call
 * must come to, by the contract alone.
 */
import type { Status } from "../../../../src/node/status.js";
import type { LaneId } from "../../../../src/types/lane.js";
import type { OfferedAnchor } from "../../../model/reference-model.js";
import type { Ledger } from "./ledger.js";
import type { Outcome } from "./outcome.js";
import { hex } from "../../history/session.js";
import {
  BLOCK_BYTES_MAX,
  type BlockForm,
  blockOn,
  type MadeBlock,
  type MadeQC,
  NO_PARENT,
  qcAt,
  STRANGER,
} from "../commands/traffic.js";

/** D9: blocks of a lane above the durable anchor's start. */
const LANE_BLOCKS_MAX = 30n;

export interface Range {
  readonly first: bigint;
  readonly next: bigint;
}

export class View {
  readonly status: Status;
  readonly #ledger: Ledger;
  readonly #anchor: OfferedAnchor | undefined;

  /** `anchor` is the one that is durable. */
  constructor(status: Status, ledger: Ledger, anchor: OfferedAnchor | undefined) {
    this.status = status;
    this.#ledger = ledger;
    this.#anchor = anchor;
  }

  get road(): Range {
    return this.status.road;
  }

  /** A lane that was dropped, or never written, is empty where the durable anchor lets it start. */
  range(lane: LaneId): Range {
    const start = this.#anchor?.starts.get(lane) ?? 0n;
    return this.status.lanes.get(lane) ?? { first: start, next: start };
  }

  /** How far the lane is durable. */
  durable(lane: LaneId): Range {
    const { first, next } = this.range(lane);
    return { first, next: this.status.lanes.get(lane)?.durable ?? next };
  }

  isFull(lane: LaneId): boolean {
    const { first, next } = this.range(lane);
    return next >= first + LANE_BLOCKS_MAX;
  }

  held(lane: LaneId, number: bigint): MadeBlock | undefined {
    const { first, next } = this.range(lane);
    const isHeld = number >= first && number < next;
    return isHeld ? this.#ledger.admitted(lane, number) : undefined;
  }

  /** The parent hash that the next block of the lane must name. */
  parentOf(lane: LaneId): string {
    const { next } = this.range(lane);
    if (next === 0n) return NO_PARENT;
    return this.#ledger.admitted(lane, next - 1n)?.hash ?? STRANGER;
  }

  /** The block that the lane wants next: where a pin stands the pinned one, unless a form is asked. */
  nextBlock(lane: LaneId, form: BlockForm = {}): MadeBlock {
    const number = this.range(lane).next;
    const pin = this.#pinOf(lane, number);
    const isAny = !form.fork && !form.size;
    const pinned = pin === undefined || !isAny ? undefined : this.#ledger.offered(pin);
    return pinned ?? blockOn({ lane, number, parent: this.parentOf(lane), ...form });
  }

  /** Lanes whose next number is pinned. */
  get pinnedLanes(): readonly LaneId[] {
    const { pins } = this.status;
    return pins
      .filter(({ lane, number }) => number === this.range(lane).next)
      .map(({ lane }) => lane);
  }

  /** D2, D6, D7, D9, S5, S8. */
  block({ lane, number, bytes, hash, parent }: MadeBlock): Outcome {
    const { poison, stalled } = this.status;
    const { first, next } = this.range(lane);
    if (poison) return "POISONED";
    if (number >= first && number < next) {
      return same(bytes, this.held(lane, number)?.bytes) ? "DUPLICATE" : "CONFLICT";
    }
    if (bytes.length > BLOCK_BYTES_MAX) return "INVALID";
    if (number < next) return "OUT_OF_SEQUENCE";
    if (number >= first + LANE_BLOCKS_MAX) return "waits";
    if (number > next) return "OUT_OF_SEQUENCE";
    if (stalled) return "DISK_FULL";
    const pin = this.#pinOf(lane, number);
    if (pin !== undefined && pin !== hash) return "PINNED";
    return next === first || parent === this.parentOf(lane) ? "taken" : "dropped";
  }

  /** D2, C5: one that is held with the same proposal, or was pruned, is taken and changes nothing. */
  qc(made: MadeQC): Outcome {
    const { poison, stalled, road } = this.status;
    if (poison) return "POISONED";
    if (stalled) return "DISK_FULL";
    if (made.index > road.next) return "OUT_OF_SEQUENCE";
    return this.#isOther(made) ? "CONFLICT" : "taken";
  }

  /** One of a proposal that is held, or of an index below all that is held, is taken, new or not. */
  anchor(made: MadeQC): Outcome {
    if (this.status.poison) return "POISONED";
    return this.#isOther(made) ? "CONFLICT" : "taken";
  }

  /** Whether a QC of another proposal is held at its index. */
  #isOther(made: MadeQC): boolean {
    const { first, next } = this.road;
    return made.index >= first && made.index < next && made !== qcAt(made.index);
  }

  #pinOf(lane: LaneId, number: bigint): string | undefined {
    const pin = this.status.pins.find((each) => each.lane === lane && each.number === number);
    return pin && hex(pin.headerHash);
  }
}

export function same(one: Uint8Array | undefined, other: Uint8Array | undefined): boolean {
  return one !== undefined && other !== undefined && Buffer.compare(one, other) === 0;
}
