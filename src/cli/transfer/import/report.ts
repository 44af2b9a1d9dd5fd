/** The report of `import`: objections one by one, and the summary, for people or as JSON. */
import type { Writable } from "node:stream";
import type { PruneAnchor } from "../../../wire/messages.js";
import { ListDocument, put } from "../../terminal/json-document.js";
import { printable, type Row, table } from "../../terminal/table.js";
import { rangeText } from "../../terminal/lanes.js";
import { lanesJson, laneRows } from "../ranges.js";
import type { Held } from "./held.js";
import type { ImportTally, Objection } from "./tally.js";

export interface ImportSummary {
  readonly from: string;
  readonly directory: string;
  readonly chainId: string;
  readonly anchor: PruneAnchor | undefined;
  /** The file that the anchor was read from. */
  readonly anchorFile: string | undefined;
  readonly tally: ImportTally;
  /** The ranges that the store holds, or would hold. */
  readonly held: Held;
  /** Whether the store was made. */
  readonly stored: boolean;
  readonly dryRun: boolean;
  readonly exitCode: number;
}

export interface ImportWriter {
  readonly objection: (objection: Objection) => Promise<void>;
  readonly summary: (summary: ImportSummary) => Promise<void>;
  /** Throws `cause`; a document that has begun is ended with it. */
  readonly failed: (cause: unknown) => Promise<never>;
}

export function importWriter(stream: Writable, json: boolean): ImportWriter {
  if (!json) {
    return {
      objection: (objection) => put(stream, objectionText(objection)),
      summary: (summary) => put(stream, importText(summary)),
      failed: async (cause) => {
        throw cause;
      },
    };
  }
  const document = new ListDocument(stream, "refused");
  return {
    objection: (objection) => document.item(objection),
    summary: (summary) => document.end(importJson(summary)),
    failed: (cause) => document.failed(cause),
  };
}

function objectionText({ reason, detail, lane, number, index, file, offset }: Objection): string {
  const place = [
    ...(file === undefined ? [] : [file]),
    ...(offset === undefined ? [] : [`byte ${offset}`]),
    ...(lane === undefined ? [] : [`lane ${lane}`]),
    ...(number === undefined ? [] : [`number ${number}`]),
    ...(index === undefined || index === number ? [] : [`stored under ${index}`]),
  ];
  return `refused ${reason}: ${printable(place.join(", "))}\n  ${printable(detail)}\n`;
}

function importJson({ tally, held, anchor, ...summary }: ImportSummary): object {
  const { votes, records, refused, cuts, foreign, notes } = tally;
  return {
    ok: summary.exitCode === 0,
    exitCode: summary.exitCode,
    stored: summary.stored,
    dryRun: summary.dryRun,
    from: summary.from,
    directory: summary.directory,
    chainId: summary.chainId,
    anchor: anchor
      ? { roadIndex: anchor.commitQC.vote.view.index, file: summary.anchorFile }
      : null,
    lanes: lanesJson(held.lanes),
    road: held.road,
    votes: votes === undefined ? null : { roadIndex: votes },
    records,
    refusedCount: refused,
    below: tally.below + Number(held.surplus),
    tornTails: cuts,
    passedOver: foreign,
    notes,
  };
}

function importText({ tally, held, anchor, ...summary }: ImportSummary): string {
  const { votes, records, refused, below, cuts, foreign, notes } = tally;
  const index = anchor?.commitQC.vote.view.index;
  const rows: readonly Row[] = [
    ["from", summary.from],
    ["store", summary.stored ? `${summary.directory}, of chain ${summary.chainId}` : "not made"],
    ["anchor", index === undefined ? "none" : `road index ${index}, from ${summary.anchorFile}`],
    ["road", rangeText(held.road)],
    ...laneRows(held.lanes),
    ["votes", votes === undefined ? "none" : `at road index ${votes}`],
    ["verified", `${records} blocks and commit QCs`],
    ["refused", `${refused}`],
    ["pruned before", `${below + Number(held.surplus)}`],
    ["torn tails", `${cuts}`],
    ["passed over", foreign.length === 0 ? "nothing" : foreign.join(", ")],
    ...notes.map((note): Row => ["note", note]),
    ["verdict", verdictOf(summary, refused)],
  ];
  return table(rows);
}

function verdictOf(
  { stored, exitCode }: Pick<ImportSummary, "stored" | "exitCode">,
  refused: number,
): string {
  if (!stored && exitCode === 0) return "a dry run: what verifies would be stored";
  if (!stored) return "no store was made: something is refused (--partial stores what verifies)";
  return refused === 0 ? "all of it is stored" : "what verifies is stored, and no more than that";
}
