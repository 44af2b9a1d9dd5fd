/** What a devnet shows while it goes on: a table drawn again on a terminal, else plain lines. */
import type { Writable } from "node:stream";
import type { Network } from "../../devnet/network/network.js";
import type { Seat, SeatState } from "../../devnet/network/seat.js";
import { showBlock } from "../terminal/redrawn-block.js";
import { formatSize } from "../terminal/sizes.js";

const BAR_WIDTH = 30;

export interface ViewOutput {
  readonly stream: Writable;
  readonly isTerminal: boolean;
  readonly hasColor: boolean;
}

const BOLD = 1;
const DIM = 2;
const RED = 31;
const GREEN = 32;
const YELLOW = 33;
const CYAN = 36;
const stateColors: Readonly<Record<SeatState, number>> = {
  down: RED,
  opening: YELLOW,
  "catching up": YELLOW,
  abstaining: YELLOW,
  live: GREEN,
};

/** Shows `network` until the function that it returns is called. */
export function startDevnetView(network: Network, output: ViewOutput): () => void {
  const paint = painter(output.hasColor);
  return showBlock(
    { lines: () => liveLines(network, paint), plain: () => plainLine(network) },
    output,
  );
}

type Paint = (color: number, text: string) => string;

function painter(hasColor: boolean): Paint {
  return (color, text) => (hasColor ? `\u001b[${color}m${text}\u001b[0m` : text);
}

function plainLine({ options, judge, seats, counts, executedNext, elapsedMs }: Network) {
  const states = seats.map(({ index, state }) => `${index} ${state}`);
  return [
    `${(elapsedMs / 1000).toFixed(1)}/${options.seconds} s`,
    `${executedNext} roads executed`,
    `${judge.counts.acknowledged} acknowledged`,
    `${judge.counts.said} said`,
    `kills ${counts.kills}`,
    `power cuts ${counts.powerCuts}`,
    ...states,
    `violations ${judge.violations.length}`,
  ].join(", ");
}

function liveLines(network: Network, paint: Paint): string[] {
  const { options, judge, seats, counts, executedNext, elapsedMs } = network;
  const share = Math.min(1, elapsedMs / (options.seconds * 1000));
  const full = Math.round(share * BAR_WIDTH);
  const bar = paint(CYAN, "#".repeat(full)) + paint(DIM, "-".repeat(BAR_WIDTH - full));
  const rate = (Number(executedNext) * 1000) / Math.max(1, elapsedMs);
  const { violations } = judge;
  const verdict =
    violations.length === 0
      ? paint(GREEN, "0 violations")
      : paint(RED, `${violations.length} violations`);
  return [
    `${bar} ${(elapsedMs / 1000).toFixed(1)} of ${options.seconds} s`,
    paint(
      BOLD,
      columns("validator", "lane", "durable", "road", "executed", "anchor", "disk", "state"),
    ),
    ...seats.map((seat) => seatLine(seat, judge.executedNext(seat.index), paint)),
    `roads      ${executedNext} executed, ${rate.toFixed(1)}/s`,
    `judge      ${judge.counts.acknowledged} acknowledged, ${judge.counts.said} said, ` +
      `${judge.counts.compared} compared after restarts`,
    `blows      ${counts.kills} kills, ${counts.powerCuts} power cuts, ` +
      `${counts.recoveries} recoveries, ${verdict}`,
  ];
}

function seatLine({ index, lane, state, stats }: Seat, executed: bigint, paint: Paint): string {
  const line = columns(
    `${index} ${lane.slice(0, 6)}`,
    `${stats?.laneNext ?? 0}`,
    `${stats?.laneDurable ?? 0}`,
    `${stats?.road ?? 0}`,
    `${executed}`,
    `${stats?.anchor ?? "none"}`,
    formatSize(stats?.diskBytes ?? 0),
    "",
  );
  return line + paint(stateColors[state], state);
}

function columns(name: string, ...values: readonly string[]): string {
  const last = values.at(-1) ?? "";
  return `${name.padEnd(11)}${values
    .slice(0, -1)
    .map((value) => value.padEnd(10))
    .join("")}${last}`;
}
