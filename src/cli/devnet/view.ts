/** The progress of a devnet: a table on a terminal, else one line now and then. */
import type { Network } from "../../devnet/network/network.js";
import type { Seat, SeatState } from "../../devnet/network/seat.js";
import { shortLane } from "../terminal/lanes.js";
import type { Color, Paint } from "../terminal/paint.js";
import { formatSize } from "../terminal/sizes.js";

const BAR_WIDTH = 30;
/** The widths of the columns; the table fits a terminal of 60. */
const WIDTHS = [11, 13, 8, 8, 8, 8];

const stateColors: Readonly<Record<SeatState, Color>> = {
  down: "red",
  opening: "yellow",
  "catching up": "yellow",
  abstaining: "yellow",
  live: "green",
};

export function plainLine({ options, judge, seats, counts, executedNext, elapsedMs }: Network) {
  return [
    `${(elapsedMs / 1000).toFixed(1)}/${options.seconds} s`,
    `${executedNext} roads executed`,
    `${judge.counts.acknowledged} acknowledged`,
    `${judge.counts.said} signed`,
    `kills ${counts.kills}`,
    `power cuts ${counts.powerCuts}`,
    ...seats.map(({ index, state }) => `${index} ${state}`),
    `violations ${judge.violations.length}`,
  ].join(", ");
}

/**
 * The lines of the table. The columns that matter most come first: a narrow terminal cuts the
 * others.
 */
export function liveLines(network: Network, paint: Paint): string[] {
  const { options, judge, seats, counts, executedNext, elapsedMs } = network;
  const share = Math.min(1, elapsedMs / (options.seconds * 1000));
  const full = Math.round(share * BAR_WIDTH);
  const bar = paint("cyan", "#".repeat(full)) + paint("dim", "-".repeat(BAR_WIDTH - full));
  const rate = (Number(executedNext) * 1000) / Math.max(1, elapsedMs);
  const { violations } = judge;
  const verdict = paint(
    violations.length === 0 ? "green" : "red",
    `${violations.length} violations`,
  );
  return [
    `${bar} ${(elapsedMs / 1000).toFixed(1)} of ${options.seconds} s`,
    paint("bold", columns("validator", "state", "blocks", "road", "anchor", "disk")),
    ...seats.map((seat) => seatLine(seat, paint)),
    `road    ${executedNext} executed, ${rate.toFixed(1)}/s`,
    `judge   ${verdict}, ${judge.counts.acknowledged} acknowledged, ${judge.counts.said} signed`,
    `strikes ${counts.kills} kills, ${counts.powerCuts} power cuts`,
  ];
}

function seatLine({ index, lane, state, stats }: Seat, paint: Paint): string {
  const [name = "", shown = "", ...rest] = cells(
    `${index} ${shortLane(lane)}`,
    state,
    `${stats?.laneNext ?? 0}`,
    `${stats?.road ?? 0}`,
    `${stats?.anchor ?? "none"}`,
    formatSize(stats?.diskBytes ?? 0),
  );
  return name + paint(stateColors[state], shown) + rest.join("");
}

function columns(...values: readonly string[]): string {
  return cells(...values).join("");
}

function cells(...values: readonly string[]): string[] {
  return values.map((value, at) => value.padEnd(WIDTHS[at] ?? 0));
}
