/** What `export` says at its end, for people or as JSON. */
import type { Held } from "./contents.js";

export interface ExportSummary {
  readonly from: string;
  readonly directory: string;
  /** Where the anchor was written, where there is one. */
  readonly anchorFile: string;
  readonly held: Held;
  /** Whether the original's opening was rehearsed. */
  readonly isRehearsed: boolean;
}

/** The summary as plain values; numbers of 64 bits as strings. */
export function exportJson(summary: ExportSummary): Record<string, unknown> {
  const { from, directory, anchorFile, held, isRehearsed } = summary;
  const { lanes, road, anchor, votes, records } = held;
  return {
    ok: true,
    exitCode: 0,
    from,
    directory,
    anchor: anchor ? { roadIndex: `${anchor.commitQC.vote.view.index}`, file: anchorFile } : null,
    lanes: [...lanes].map(([lane, { first, next }]) => {
      return { lane, first: `${first}`, next: `${next}` };
    }),
    road: { first: `${road.first}`, next: `${road.next}` },
    hasVotes: votes !== undefined,
    records,
    rehearsed: isRehearsed,
  };
}

/** The summary as lines of two columns. */
export function exportText(summary: ExportSummary): string {
  const { lanes, road, anchor, votes, records } = summary.held;
  const index = anchor?.commitQC.vote.view.index;
  const rows: readonly (readonly [string, string])[] = [
    ["from", summary.from],
    ["directory", summary.directory],
    ["anchor", index === undefined ? "none" : `road index ${index}, in ${summary.anchorFile}`],
    ["road", `[${road.first}, ${road.next})`],
    ["lanes", `${lanes.size}`],
    ...[...lanes].map(([lane, { first, next }]) => ["", `${lane} [${first}, ${next})`] as const),
    ["votes", votes ? "written" : "none"],
    ["read back", `${records} blocks and commit QCs, byte for byte`],
    [
      "rehearsed",
      summary.isRehearsed
        ? "the original would open it"
        : "not: --committee lets the original's opening be rehearsed",
    ],
  ];
  const width = Math.max(...rows.map(([name]) => name.length)) + 2;
  return rows.map(([name, value]) => `${name.padEnd(width)}${value}\n`).join("");
}
