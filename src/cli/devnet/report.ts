/** What a devnet ends with: a table for people, or one JSON object. */
import { rules } from "../../devnet/judge/judge.js";
import type { Network } from "../../devnet/network/network.js";
import type { Seat } from "../../devnet/network/seat.js";
import { formatSize } from "../terminal/sizes.js";

/** Violations that the table spells out. */
const SHOWN_MAX = 10;

export interface DevnetResult {
  readonly network: Network;
  readonly wasInterrupted: boolean;
}

/** The result as plain values; sizes in bytes, times in milliseconds. */
export function devnetSummary({ network, wasInterrupted }: DevnetResult) {
  const { options, judge, seats, counts, writes, executedNext, elapsedMs } = network;
  const { violations } = judge;
  return {
    ok: violations.length === 0,
    interrupted: wasInterrupted,
    seed: options.seed,
    validators: options.validators,
    payloadBytes: options.payload,
    seconds: rounded(elapsedMs / 1000),
    roadsExecuted: String(executedNext),
    roadsPerSecond: rounded(Number(executedNext) / options.seconds),
    ...counts,
    unackedWrites: writes,
    judged: judge.counts,
    perValidator: seats.map(seatSummary),
    violations,
  };
}

function seatSummary({ index, lane, stats, starts, kills, cpuMsBefore, recoveryMsMax }: Seat) {
  return {
    index,
    lane,
    starts,
    kills,
    laneNext: String(stats?.laneNext ?? 0),
    road: String(stats?.road ?? 0),
    anchor: stats?.anchor === undefined ? null : String(stats.anchor),
    diskBytes: stats?.diskBytes ?? 0,
    rssBytes: stats?.rssBytes ?? 0,
    cpuMs: rounded(cpuMsBefore + (stats?.cpuMs ?? 0)),
    recoveryMsMax: rounded(recoveryMsMax),
    verified: stats?.verified ?? null,
    durableMsP50: rounded(stats?.durableMsP50 ?? 0),
    voteMsP50: rounded(stats?.voteMsP50 ?? 0),
    voteStateMsP50: rounded(stats?.voteStateMsP50 ?? 0),
  };
}

export type DevnetSummary = ReturnType<typeof devnetSummary>;

/** The summary as lines of two columns, the violations below it. */
export function devnetTable(summary: DevnetSummary): string {
  const { judged, perValidator, unackedWrites: writes, violations } = summary;
  const rows: readonly (readonly [string, string])[] = [
    ["seed", `${summary.seed}`],
    ["committee", `${summary.validators} validators, ${formatSize(summary.payloadBytes)} a block`],
    ["time", `${summary.seconds.toFixed(1)} s${summary.interrupted ? ", interrupted" : ""}`],
    ["roads", `${summary.roadsExecuted} executed, ${summary.roadsPerSecond}/s`],
    [
      "kills",
      `${summary.kills}, power cuts ${summary.powerCuts}, ${summary.whileOpening} recoveries cut short`,
    ],
    ["unacked writes", `${writes.lost} lost, ${writes.torn} torn, ${writes.kept} kept`],
    ["recoveries", `${summary.recoveries} compared, ${judged.compared} records`],
    [
      "after a loss",
      `${summary.pins} pins, ${summary.released} released, ${summary.abstentions} abstained`,
    ],
    [
      "heard",
      `${judged.acknowledged} acknowledged, ${judged.said} said, ${judged.executed} executed`,
    ],
    ...perValidator.map(seatRow),
    ["violations", `${violations.length}`],
  ];
  const width = Math.max(...rows.map(([name]) => name.length)) + 2;
  const lines = rows.map(([name, value]) => name.padEnd(width) + value);
  for (const { rule, validator, where } of violations.slice(0, SHOWN_MAX)) {
    lines.push(`${rule}: validator ${validator}, ${where} (${rules[rule]})`);
  }
  return `${lines.join("\n")}\n`;
}

function seatRow(seat: DevnetSummary["perValidator"][number]): readonly [string, string] {
  const { starts, kills, laneNext, road, diskBytes, recoveryMsMax } = seat;
  const blocks = `${laneNext} blocks, road ${road}, anchor ${seat.anchor ?? "none"}`;
  const life = `${starts} starts, ${kills} ended by force, recovery <= ${recoveryMsMax} ms`;
  return [`validator ${seat.index}`, `${blocks}; ${formatSize(diskBytes)}; ${life}`];
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
