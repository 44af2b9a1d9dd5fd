/** What a run ends with: a table for people, or one JSON object. */
import { rules } from "./comparison.js";
import type { RunResult } from "./run.js";
import { formatSize } from "../terminal/sizes.js";

/** Violations that the table spells out. */
const SHOWN_MAX = 10;

/** The result as plain values; sizes in bytes, times in milliseconds. */
export function summaryOf(result: RunResult) {
  const { options, measures, ledger, endMs, wasInterrupted } = result;
  const { recoveries, recoveryMsMax, recoveryMsTotal, stats } = measures;
  const seconds = endMs / 1000;
  return {
    ok: measures.violations.length === 0,
    interrupted: wasInterrupted,
    seed: options.seed,
    lanes: options.lanes,
    payloadBytes: options.payload,
    seconds: rounded(seconds),
    blocksSent: measures.blocksSent,
    blocksAcked: measures.blocksAcked,
    blocksDropped: measures.dropped,
    commitQCsAcked: measures.commitQCsAcked,
    anchorsAcked: measures.anchorsAcked,
    roadNext: String(ledger.road.ackedNext),
    anchor: ledger.ackedAnchor === undefined ? null : String(ledger.ackedAnchor),
    kills: measures.kills,
    killsWhileOpening: measures.killsWhileOpening,
    restarts: Math.max(0, measures.starts - 1),
    recoveriesCompared: recoveries,
    recordsCompared: measures.recordsCompared,
    recoveryMsMean: rounded(recoveries === 0 ? 0 : recoveryMsTotal / recoveries),
    recoveryMsMax: rounded(recoveryMsMax),
    recoveryWarnings: measures.warnings,
    pins: measures.pins,
    ackMsP50: rounded(measures.ackMs(50)),
    ackMsP99: rounded(measures.ackMs(99)),
    persistMsP50: rounded(stats.persistP50Ms),
    persistMsP99: rounded(stats.persistP99Ms),
    blocksPerSecond: rounded(measures.blocksAcked / seconds),
    megabytesPerSecond: rounded(measures.bytesAcked / seconds / 1e6),
    childRssBytesMax: measures.rssBytesMax,
    diskBytes: stats.diskBytes,
    violations: measures.violations,
  };
}

/** The summary as lines of two columns, the violations below it. */
export function tableOf(summary: ReturnType<typeof summaryOf>): string {
  const { payloadBytes, violations } = summary;
  const rows: readonly (readonly [string, string])[] = [
    ["seed", `${summary.seed}`],
    ["lanes, payload", `${summary.lanes}, ${formatSize(payloadBytes)}`],
    ["time", `${summary.seconds.toFixed(1)} s${summary.interrupted ? ", interrupted" : ""}`],
    ["blocks", `${summary.blocksSent} sent, ${summary.blocksAcked} acknowledged`],
    ["road", `${summary.roadNext}, anchor ${summary.anchor ?? "none"}`],
    ["kills", `${summary.kills}, of these ${summary.killsWhileOpening} while opening`],
    ["restarts", `${summary.restarts}`],
    ["recoveries", `${summary.recoveriesCompared} compared, ${summary.recordsCompared} records`],
    ["recovery", `mean ${summary.recoveryMsMean} ms, max ${summary.recoveryMsMax} ms`],
    ["acknowledged in", `p50 ${summary.ackMsP50} ms, p99 ${summary.ackMsP99} ms`],
    ["queue to disk", `p50 ${summary.persistMsP50} ms, p99 ${summary.persistMsP99} ms`],
    ["speed", `${summary.blocksPerSecond} blocks/s, ${summary.megabytesPerSecond} MB/s`],
    ["child memory", `${formatSize(summary.childRssBytesMax)} at most`],
    ["disk use", formatSize(summary.diskBytes)],
    ["violations", `${violations.length}`],
  ];
  const width = Math.max(...rows.map(([name]) => name.length)) + 2;
  const lines = rows.map(([name, value]) => name.padEnd(width) + value);
  for (const { rule, where } of violations.slice(0, SHOWN_MAX)) {
    lines.push(`${rule}: ${where} (${rules[rule]})`);
  }
  return `${lines.join("\n")}\n`;
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
