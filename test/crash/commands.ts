/**
 * Commands that a property draws, and what each must do to a store: the ones that break a rule are
 * refused with their own code and change nothing, the others go on in the background.
 */
import * as fc from "fast-check";
import { PersisterError } from "../../src/types/errors.js";
import type { LaneId } from "../../src/types/lane.js";
import { chain, hex, offeredAnchor, type Session, voteOf } from "./session.js";
import type { RecoveredLog, RecoveredStore } from "../model/reference-model.js";

const LANE_BLOCKS_MAX = 30n;

export type Command =
  | { readonly do: "push"; readonly lane: number }
  | { readonly do: "push badly"; readonly lane: number; readonly as: BadBlock }
  | { readonly do: "qc" }
  | { readonly do: "qc badly"; readonly as: BadQC }
  | { readonly do: "anchor"; readonly by: number }
  | { readonly do: "vote" | "settle" | "reopen" | "kill" }
  | { readonly do: "power cut"; readonly seed: number; readonly pick: number };

const badBlocks = ["duplicate", "gap", "wrong parent", "conflict"] as const;
const badQCs = ["same", "gap", "conflict"] as const;
type BadBlock = (typeof badBlocks)[number];
type BadQC = (typeof badQCs)[number];

const lane = fc.nat({ max: chain.lanes.length - 1 });
/** Weighted so that a run writes more than it breaks. */
export const commands: fc.Arbitrary<readonly Command[]> = fc.array(
  fc.oneof(
    { weight: 10, arbitrary: lane.map((at): Command => ({ do: "push", lane: at })) },
    {
      weight: 3,
      arbitrary: fc
        .record({ lane, as: fc.constantFrom(...badBlocks) })
        .map((drawn): Command => ({ do: "push badly", ...drawn })),
    },
    { weight: 5, arbitrary: fc.constant<Command>({ do: "qc" }) },
    {
      weight: 2,
      arbitrary: fc.constantFrom(...badQCs).map((as): Command => ({ do: "qc badly", as })),
    },
    {
      weight: 3,
      arbitrary: fc.integer({ min: -6, max: 4 }).map((by): Command => ({ do: "anchor", by })),
    },
    {
      weight: 6,
      arbitrary: fc.constantFrom<Command>(
        { do: "vote" },
        { do: "settle" },
        { do: "reopen" },
        { do: "kill" },
      ),
    },
    {
      weight: 3,
      arbitrary: fc
        .record({ seed: fc.nat(), pick: fc.nat({ max: 11 }) })
        .map((drawn): Command => ({ do: "power cut", ...drawn })),
    },
  ),
  { maxLength: 40, size: "max" },
);

/** Does what a command asks of an open store; what went wrong, in words. */
export class Hand {
  readonly session: Session;
  #newestAnchor: bigint;
  #vote: bigint;

  constructor(session: Session, newestVote: bigint) {
    this.session = session;
    const { anchor } = session.keeper.recovery;
    this.#newestAnchor = anchor?.commitQC.vote.view.index ?? -1n;
    this.#vote = newestVote;
  }

  get newestVote(): bigint {
    return this.#vote;
  }

  async do(command: Command): Promise<string[]> {
    if (command.do === "push") await this.#pushNext(laneAt(command.lane));
    else if (command.do === "push badly")
      return await this.#pushBad(laneAt(command.lane), command.as);
    else if (command.do === "qc") await this.session.qc(this.#road.next);
    else if (command.do === "qc badly") return await this.#qcBad(command.as);
    else if (command.do === "anchor") await this.#anchor(this.#road.next + BigInt(command.by));
    else if (command.do === "vote") this.session.vote((this.#vote += 1n));
    else if (command.do === "settle") await this.session.settled();
    return [];
  }

  /** What the running store says that it holds: judged like a recovery. */
  async held(): Promise<RecoveredStore> {
    const { keeper } = this.session;
    const lanes = new Map<string, RecoveredLog>();
    const status = keeper.status();
    for (const [at, { first, next }] of status.lanes) {
      const records: Uint8Array[] = [];
      for (let each = first; each < next; each++) records.push(await keeper.readBlock(at, each));
      lanes.set(at, { first, next, records });
    }
    const { first, next } = status.road;
    const records: Uint8Array[] = [];
    for (let each = first; each < next; each++) records.push(await keeper.readCommitQC(each));
    const index = status.anchorRoadIndex;
    return {
      lanes,
      road: { first, next, records },
      anchor: index === undefined ? undefined : offeredAnchor(chain.qc(index).anchor).bytes,
      pins: status.pins.map((pin) => ({ ...pin, hash: hex(pin.headerHash) })),
      vote: this.#vote > 0n ? voteOf(this.#vote) : undefined,
      abstainThrough: undefined,
    };
  }

  get #road() {
    return this.session.keeper.status().road;
  }

  #range(at: LaneId): { readonly first: bigint; readonly next: bigint } {
    return this.session.keeper.status().lanes.get(at) ?? { first: 0n, next: 0n };
  }

  async #pushNext(at: LaneId): Promise<void> {
    const { first, next } = this.#range(at);
    if (next - first >= LANE_BLOCKS_MAX) return;
    const pin = this.session.keeper
      .status()
      .pins.find((each) => each.lane === at && each.number === next);
    const pinned = pin && hex(pin.headerHash) === hex(chain.block(at, next, 1).hash);
    await this.session.push(at, next, pinned ? 1 : 0);
  }

  async #pushBad(at: LaneId, form: BadBlock): Promise<string[]> {
    await this.session.settled();
    const { keeper } = this.session;
    const { first, next } = this.#range(at);
    if (next - first + 1n >= LANE_BLOCKS_MAX) return [];
    if (form === "gap") {
      return await refused("OUT_OF_SEQUENCE", keeper.pushBlock(chain.block(at, next + 1n).bytes));
    }
    if (next === first) return [];
    if (form === "wrong parent") {
      const pins = keeper.status().pins.some((pin) => pin.lane === at && pin.number === next);
      const admission = keeper.pushBlock(chain.orphan(at, next).bytes);
      if (pins) return await refused("PINNED", admission);
      const { status } = await admission;
      return status === "dropped" ? [] : ["a block with a wrong parent was admitted"];
    }
    const held = await keeper.readBlock(at, next - 1n);
    const forks = [0, 1].map((fork) => chain.block(at, next - 1n, fork).bytes);
    const fork = forks.findIndex((bytes) => (hex(bytes) === hex(held)) === (form === "duplicate"));
    const code = form === "duplicate" ? "DUPLICATE" : "CONFLICT";
    return await refused(code, keeper.pushBlock(forks[fork]!));
  }

  async #qcBad(as: BadQC): Promise<string[]> {
    await this.session.settled();
    const { keeper } = this.session;
    const { first, next } = this.#road;
    if (as === "gap") {
      return await refused("OUT_OF_SEQUENCE", keeper.pushCommitQC(chain.qc(next + 1n).bytes));
    }
    if (next === first) return [];
    if (as === "conflict") {
      return await refused("CONFLICT", keeper.pushCommitQC(chain.qc(next - 1n, 1).bytes));
    }
    await keeper.pushCommitQC(chain.qc(next - 1n).bytes);
    return this.#road.next === next ? [] : ["a commit QC that was held already moved the road"];
  }

  /** A backward anchor is ignored, whatever it says: the model is not even told. */
  async #anchor(index: bigint): Promise<void> {
    if (index < 0n) return;
    if (index <= this.#newestAnchor) {
      await this.session.keeper.pushAnchor(chain.qc(index).anchor);
      return;
    }
    this.#newestAnchor = index;
    await this.session.anchor(index);
  }
}

async function refused(code: string, work: Promise<unknown>): Promise<string[]> {
  try {
    await work;
  } catch (cause) {
    if (!(cause instanceof PersisterError)) throw cause;
    return cause.code === code ? [] : [`refused with ${cause.code} where ${code} is due`];
  }
  return [`accepted where ${code} is due`];
}

function laneAt(at: number): LaneId {
  return chain.lanes[at]!;
}
