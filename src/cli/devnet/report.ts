/** The figures that a devnet ends with: a table for people, or one JSON object. */
import { rules } from "../../devnet/judge/judge.js";
import type { Network } from "../../devnet/network/network.js";
import type { Seat } from "../../devnet/network/seat.js";
import { codeOf, exitCodes } from "../terminal/ending.js";
import { shortLane } from "../terminal/lanes.js";
import { formatSize } from "../terminal/sizes.js";
import { type Row, table } from "../terminal/table.js";

/** Violations that the table spells out. */
const SHOWN_MAX = 10;

/**
 * The result as plain values; sizes in bytes, times in milliseconds, numbers of 64 bits as strings.
 */
export function devnetSummary(network: Network, stop: AbortSignal) {
  const { options, judge, seats, counts, blows, writes, executedNext, elapsedMs } = network;
  const { violations } = judge;
  const ok = violations.length === 0;
  return {
    ok,
    exitCode: codeOf(ok ? exitCodes.ok : exitCodes.violation, stop),
    interrupted: stop.aborted,
    seed: options.seed,
    validators: options.validators,
    payloadBytes: options.payload,
    sabotage: options.sabotage ?? null,
    seconds: rounded(elapsedMs / 1000),
    roadsExecuted: String(executedNext),
    roadsPerSecond: rounded((Number(executedNext) * 1000) / Math.max(1, elapsedMs)),
    ...counts,
    whileOpening: blows.whileOpening,
    ...(options.standby === true ? { failovers: blows.failovers } : {}),
    replays: network.replays.map(({ validator, first, next }) => {
      return { validator, first: String(first), next: String(next) };
    }),
    unackedWrites: writes,
    judged: judge.counts,
    comebacks: network.comebacks.map((comeback) => {
      return { ...comeback, atMs: rounded(comeback.atMs), backMs: rounded(comeback.backMs) };
    }),
    perValidator: seats.map((seat) => seatSummary(seat, options.validators)),
    violations,
  };
}

function seatSummary(
  { index, lane, machine, stats, starts, kills, cpuMsBefore, recoveryMsMax }: Seat,
  validators: number,
) {
  return {
    index: index % validators,
    ...(machine === 0 ? {} : { isStandby: true }),
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
  const payload = formatSize(summary.payloadBytes);
  const rows: readonly Row[] = [
    ["seed", `${summary.seed}`],
    ["committee", `${counted(summary.validators, "validator")}, ${payload} a block`],
    ["time", `${summary.seconds.toFixed(1)} s${summary.interrupted ? ", interrupted" : ""}`],
    ["road", `${summary.roadsExecuted} executed, ${summary.roadsPerSecond}/s`],
    ["strikes", `${counted(summary.kills, "kill")}, ${counted(summary.powerCuts, "power cut")}`],
    ["", `${summary.whileOpening} more while a validator recovered`],
    ...failoverRows(summary),
    [
      "in flight",
      `at power cuts: ${counted(writes.lost, "write")} lost, ${writes.torn} torn, ${writes.kept} kept`,
    ],
    ["recoveries", `${summary.recoveries}, ${judged.compared} records compared`],
    ["after a loss", `${summary.pins} pinned, ${summary.released} released`],
    ["", `${summary.abstentions} abstained`],
    ["restored", `${summary.restores}, and ${summary.losses} lost: ${summary.raised} sign again`],
    ["heard", `${judged.acknowledged} acknowledged, ${judged.said} signed`],
    ...perValidator.flatMap(seatRows),
    ["violations", `${violations.length}`],
  ];
  const told = violations.slice(0, SHOWN_MAX).map(({ rule, validator, where }) => {
    return `${rule}: validator ${validator}, ${where} (${rules[rule]})\n`;
  });
  return `${table(rows)}${told.join("")}`;
}

function failoverRows({ failovers }: DevnetSummary): readonly Row[] {
  if (!failovers) return [];
  const { killed, powerCut, stopped, cutOff, isolated, partitioned } = failovers;
  return [
    [
      "failovers",
      `from machines: ${killed} killed, ${powerCut} without power, ${stopped} stopped,`,
    ],
    ["", `${cutOff} cut off from the bucket, ${isolated} from peers, ${partitioned} from both`],
  ];
}

function seatRows(seat: DevnetSummary["perValidator"][number]): readonly Row[] {
  const { starts, kills, laneNext, road, diskBytes, recoveryMsMax } = seat;
  const place = `${laneNext} blocks, road ${road}, anchor ${seat.anchor ?? "none"}`;
  return [
    [
      `${seat.isStandby ? "standby" : "validator"} ${seat.index}`,
      `lane ${shortLane(seat.lane)}, ${place}, ${formatSize(diskBytes)}`,
    ],
    [
      "",
      `${counted(starts, "start")}, ${counted(kills, "strike")}, slowest recovery ${recoveryMsMax} ms`,
    ],
  ];
}

/** `1,234 kills`, `1 kill`. */
export function counted(count: number, what: string): string {
  return `${count.toLocaleString("en-US")} ${what}${count === 1 ? "" : "s"}`;
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
