/** What a run shows while it goes on: a block of lines drawn again on a terminal, else plain lines. */
import type { Writable } from "node:stream";
import { showBlock } from "../terminal/redrawn-block.js";
import type { Progress } from "./run.js";
import { formatSize } from "../terminal/sizes.js";

const BAR_WIDTH = 30;

export interface ViewOutput {
  readonly stream: Writable;
  readonly isTerminal: boolean;
  readonly hasColor: boolean;
}

/** Shows `progress` until the function that it returns is called. */
export function startView(progress: Progress, output: ViewOutput): () => void {
  const rate = rateOf(progress);
  const lines = () => liveLines(progress, rate(), output.hasColor);
  return showBlock({ lines, plain: () => plainLine(progress, rate()) }, output);
}

/** Blocks acknowledged per second since the call before. */
function rateOf({ measures, elapsedMs }: Progress): () => number {
  let blocks = measures.blocksAcked;
  let atMs = elapsedMs();
  return () => {
    const nowMs = elapsedMs();
    const rate = ((measures.blocksAcked - blocks) * 1000) / Math.max(1, nowMs - atMs);
    blocks = measures.blocksAcked;
    atMs = nowMs;
    return rate;
  };
}

function plainLine({ options, measures, ledger, elapsedMs }: Progress, rate: number): string {
  const { stats } = measures;
  return [
    `${(elapsedMs() / 1000).toFixed(1)}/${options.seconds} s`,
    `${measures.blocksAcked} blocks durable`,
    `${rate.toFixed(0)}/s`,
    `road ${ledger.road.ackedNext}`,
    `anchor ${ledger.ackedAnchor ?? "none"}`,
    `lag ${measures.lagBlocks}`,
    `persist p50 ${stats.persistP50Ms.toFixed(1)} p99 ${stats.persistP99Ms.toFixed(1)} ms`,
    `disk ${formatSize(stats.diskBytes)}`,
    `kills ${measures.kills}`,
    `violations ${measures.violations.length}`,
  ].join(", ");
}

function liveLines(progress: Progress, rate: number, hasColor: boolean): string[] {
  const { options, measures, ledger, elapsedMs } = progress;
  const { stats, violations } = measures;
  const paint = (code: number, text: string) =>
    hasColor ? `\u001b[${code}m${text}\u001b[0m` : text;
  const share = Math.min(1, elapsedMs() / (options.seconds * 1000));
  const full = Math.round(share * BAR_WIDTH);
  const bar = paint(36, "#".repeat(full)) + paint(2, "-".repeat(BAR_WIDTH - full));
  const anchor = ledger.ackedAnchor ?? "none";
  const persist = `p50 ${stats.persistP50Ms.toFixed(2)} ms, p99 ${stats.persistP99Ms.toFixed(2)} ms`;
  const verdict =
    violations.length === 0
      ? paint(32, "0 violations")
      : paint(31, `${violations.length} violations`);
  return [
    `${bar} ${(elapsedMs() / 1000).toFixed(1)} of ${options.seconds} s`,
    `blocks   ${measures.blocksAcked} durable, ${rate.toFixed(0)}/s, lag ${measures.lagBlocks}`,
    `road     ${ledger.road.ackedNext}, anchor ${anchor}`,
    `persist  ${persist}`,
    `disk     ${formatSize(stats.diskBytes)}, child ${formatSize(stats.rssBytes)}`,
    `kills    ${measures.kills}, ${measures.recoveries} recoveries compared, ${verdict}`,
  ];
}
