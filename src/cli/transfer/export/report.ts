/** The report of `export`, for people or as JSON. */
import { type Row, table } from "../../terminal/table.js";
import { rangeText } from "../../terminal/lanes.js";
import { lanesJson, laneRows } from "../ranges.js";
import type { Exported } from "./contents.js";

export interface ExportSummary {
  readonly from: string;
  readonly directory: string;
  /** The file of the anchor, if the store has one. */
  readonly anchorFile: string;
  readonly held: Exported;
  /** Whether sei-chain's opening of the directory was rehearsed. */
  readonly isRehearsed: boolean;
  /** Nothing was written. */
  readonly dryRun: boolean;
}

export function exportMembers({ held, ...summary }: ExportSummary): object {
  const { lanes, road, anchor, votes, records } = held;
  return {
    from: summary.from,
    directory: summary.directory,
    anchor: anchor
      ? { roadIndex: anchor.commitQC.vote.view.index, file: summary.anchorFile }
      : null,
    lanes: lanesJson(lanes),
    road: { first: road.first, next: road.next },
    hasVotes: votes !== undefined,
    records,
    rehearsed: summary.isRehearsed,
    dryRun: summary.dryRun,
  };
}

export function exportText({ held, ...summary }: ExportSummary): string {
  const { lanes, road, anchor, votes, records } = held;
  const { dryRun } = summary;
  const index = anchor?.commitQC.vote.view.index;
  const rehearsed = summary.isRehearsed
    ? "sei-chain would open it, votes included"
    : "not: --committee lets sei-chain's opening be rehearsed";
  const rows: readonly Row[] = [
    ["from", summary.from],
    ["directory", summary.directory],
    ["anchor", index === undefined ? "none" : `road index ${index}, in ${summary.anchorFile}`],
    ["road", rangeText(road)],
    ...laneRows(lanes),
    ["votes", votes ? (dryRun ? "there" : "written") : "none"],
    ...(dryRun
      ? ([["verdict", `a dry run: ${records} blocks and commit QCs would be written`]] as const)
      : ([
          ["read back", `${records} blocks and commit QCs, byte for byte`],
          ["rehearsed", rehearsed],
        ] as const)),
  ];
  return table(rows);
}
