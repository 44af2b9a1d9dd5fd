/** Each strike: the damage that it did, and the recovery of its validator. */
import type { Recovered, Served } from "../judge/report.js";
import type { PowerCut } from "./power-cut.js";
import type { StoreAfter, Struck } from "./strikes.js";

/** A validator that was struck and has recovered. */
export interface Comeback {
  readonly validator: number;
  /** The second machine of the validator. */
  readonly isStandby: boolean;
  /** When it was struck, since all validators were live for the first time. */
  readonly atMs: number;
  /** The processes that were struck. */
  readonly struck: Struck;
  /** The power was cut; else it was killed. */
  readonly cutsPower: boolean;
  readonly store: StoreAfter;
  /** The number of further strikes while it recovered. */
  readonly again: number;
  /** The fate of writes that were under way, not acknowledged, when the power was cut. */
  readonly writes: PowerCut;
  /** From the start of its process until its store was open. */
  readonly backMs: number;
  /** Blocks and commit QCs that its recovery returned, and that the judge compared. */
  readonly compared: number;
  /** Blocks that were in flight and are lost, each with a pin at its number. */
  readonly pins: number;
  /**
   * A vote was in flight and is lost: the validator does not vote until others have gone past it.
   */
  readonly abstains: boolean;
  /** The warnings of the recovery. */
  readonly warnings: readonly string[];
}

const nothingCompared: Pick<Recovered, "lanes" | "road"> = { lanes: [], road: [] };

type Blow = Pick<
  Comeback,
  "validator" | "atMs" | "struck" | "cutsPower" | "store" | "again" | "writes"
>;

export class Comebacks {
  /** The strikes whose validators are not back yet, by validator. */
  readonly #blows = new Map<number, Blow>();
  readonly #startedMs = new Map<number, number>();

  /** A validator is gone, and its disk is settled. */
  struck(validator: number, blow: Omit<Blow, "validator" | "again">): void {
    const { atMs, struck, cutsPower, store, writes } = blow;
    const first = this.#blows.get(validator);
    this.#blows.set(validator, {
      validator,
      atMs: first?.atMs ?? atMs,
      struck,
      cutsPower,
      store,
      again: first === undefined ? 0 : first.again + 1,
      writes: first === undefined ? writes : sumOf(first.writes, writes),
    });
  }

  /** A validator that was struck comes back from an old backup. */
  restored(validator: number): void {
    const blow = this.#blows.get(validator);
    if (blow) this.#blows.set(validator, { ...blow, store: "backup" });
  }

  started(validator: number, nowMs: number): void {
    this.#startedMs.set(validator, nowMs);
  }

  /** A validator has recovered, or its service alone has; undefined where neither had been struck. */
  recovered(
    validator: number,
    report: Recovered | Served,
    nowMs: number,
  ): Omit<Comeback, "isStandby"> | undefined {
    const blow = this.#blows.get(validator);
    const isLast = (blow?.struck === "service") === (report.kind === "served");
    if (blow === undefined || !isLast) return undefined;
    this.#blows.delete(validator);
    const { pins, abstains, warnings } = report;
    const { lanes, road } = report.kind === "served" ? nothingCompared : report;
    return {
      ...blow,
      backMs: nowMs - (this.#startedMs.get(validator) ?? nowMs),
      compared: road.length + lanes.reduce((sum, { blocks }) => sum + blocks.length, 0),
      pins,
      abstains,
      warnings,
    };
  }
}

export function sumOf(one: PowerCut, other: PowerCut): PowerCut {
  return {
    lost: one.lost + other.lost,
    torn: one.torn + other.torn,
    kept: one.kept + other.kept,
  };
}
