/**
 * Watches the published state of a running store: durable cursors are acknowledgements (D1), starts rise under
 * a durable anchor alone (D3), and behind a failure nothing moves (D7).
 */
import type { Lanekeeper } from "../../../../src/node/lanekeeper.js";
import type { QueueStatus } from "../../../../src/node/status.js";
import type { OfferedAnchor } from "../../../model/reference-model.js";
import type { Fault, Ground } from "./ground.js";

export class Watch {
  readonly #keeper: Lanekeeper;
  readonly #ground: Ground;
  readonly #fault: Fault;
  /** Durable cursors, by log. */
  #atPoison: ReadonlyMap<string, bigint> | undefined;

  constructor(keeper: Lanekeeper, ground: Ground, fault: Fault) {
    this.#keeper = keeper;
    this.#ground = ground;
    this.#fault = fault;
  }

  /** Tells the model what is acknowledged; `anchors` are the recovered one and those pushed. */
  look(anchors: readonly OfferedAnchor[]): void {
    const { lanes, road, anchorRoadIndex, poison } = this.#keeper.status();
    const { model, mayFail } = this.#ground;
    this.#judgeStarts(anchors);
    if (anchorRoadIndex !== undefined) model.anchorAcknowledged(anchorRoadIndex);
    for (const [lane, { durable }] of lanes) {
      if (durable > 0n) model.blockAcknowledged(lane, durable - 1n);
    }
    if (road.durable > 0n) model.qcAcknowledged(road.durable - 1n);
    if (!poison) return;
    if (!mayFail()) this.#fault("poisoned, and no write had failed", poison);
    const logs: readonly (readonly [string, QueueStatus])[] = [...lanes, ["road", road]];
    const cursors = logs.map(([log, { durable }]) => [log, durable] as const);
    this.#atPoison ??= new Map(cursors);
    for (const [log, durable] of cursors) {
      const before = this.#atPoison.get(log);
      if (before === undefined || durable <= before) continue;
      this.#fault(`${log.slice(0, 6)}: ${durable} is acknowledged behind a failure`);
    }
  }

  /** With room on the disk, and nothing failed, all that was taken is durable in the end. */
  judgeRest(stalled: readonly string[]): void {
    const { lanes, road } = this.#keeper.status();
    for (const [log, { durable, next }] of [...lanes, ["the road", road] as const]) {
      if (durable < next) this.#fault(`${log.slice(0, 8)}: only ${durable} of ${next} is durable`);
    }
    for (const [lane, { refused }] of lanes) {
      if (refused) this.#fault(`${lane.slice(0, 6)} is stopped`, refused);
    }
    for (const what of stalled) this.#fault(`${what} is refused with room on the disk`);
  }

  #judgeStarts(anchors: readonly OfferedAnchor[]): void {
    const { lanes, road, anchorRoadIndex = -1n } = this.#keeper.status();
    const { recovery } = this.#keeper;
    const durable = anchors.filter(({ index }) => index <= anchorRoadIndex);
    for (const [lane, { first }] of lanes) {
      const starts = durable.map((anchor) => anchor.starts.get(lane) ?? 0n);
      if ([recovery.lanes.get(lane)?.first ?? 0n, ...starts].some((start) => start >= first))
        continue;
      this.#fault(`${lane.slice(0, 6)} starts at ${first}, above the durable anchor`);
    }
    if (road.first <= recovery.road.first || road.first <= anchorRoadIndex) return;
    this.#fault(`the road starts at ${road.first}, above the durable anchor`);
  }
}
