/** What `import` says: objections one by one, and the summary, for people or as JSON. */
import { once } from "node:events";
import type { Writable } from "node:stream";
import type { PruneAnchor } from "../../../wire/messages.js";
import type { ImportTally, Objection } from "./tally.js";

export interface ImportSummary {
  readonly from: string;
  readonly directory: string;
  readonly chainId: string;
  readonly anchor: PruneAnchor | undefined;
  /** Where the anchor was read. */
  readonly anchorFile: string | undefined;
  readonly tally: ImportTally;
  /** Whether the store was made. */
  readonly stored: boolean;
  readonly exitCode: number;
}

export interface ImportWriter {
  readonly objection: (objection: Objection) => Promise<void>;
  readonly summary: (summary: ImportSummary) => Promise<void>;
}

export function importWriter(stream: Writable, json: boolean): ImportWriter {
  return json ? jsonWriter(stream) : textWriter(stream);
}

function textWriter(stream: Writable): ImportWriter {
  return {
    objection: (objection) => put(stream, objectionText(objection)),
    summary: (summary) => put(stream, importText(summary)),
  };
}

/** One document, of which the objections are written as they come. */
function jsonWriter(stream: Writable): ImportWriter {
  let opening = '{"refused":[';
  return {
    objection: async (objection) => {
      await put(stream, `${opening}${JSON.stringify(objectionJson(objection))}`);
      opening = ",";
    },
    summary: async (summary) => {
      const rest = JSON.stringify(importJson(summary)).slice(1);
      await put(stream, `${opening === "," ? "" : opening}],${rest}\n`);
    },
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
  return `refused ${reason}: ${place.join(", ")}\n  ${detail}\n`;
}

function objectionJson({ number, index, ...rest }: Objection): Record<string, unknown> {
  return { ...rest, number: number?.toString(), index: index?.toString() };
}

/** The summary as plain values; numbers of 64 bits as strings. */
function importJson({ tally, anchor, ...summary }: ImportSummary): Record<string, unknown> {
  const { lanes, road, votes, records, refused, below, cuts, foreign } = tally;
  return {
    ok: summary.exitCode === 0,
    exitCode: summary.exitCode,
    stored: summary.stored,
    from: summary.from,
    directory: summary.directory,
    chainId: summary.chainId,
    anchor: anchor
      ? { roadIndex: `${anchor.commitQC.vote.view.index}`, file: summary.anchorFile }
      : null,
    lanes: [...lanes].map(([lane, { first, next }]) => {
      return { lane, first: `${first}`, next: `${next}` };
    }),
    road: road ? { first: `${road.first}`, next: `${road.next}` } : null,
    votes: votes === undefined ? null : { roadIndex: `${votes}` },
    records,
    refusedCount: refused,
    below,
    tornTails: cuts,
    passedOver: foreign,
  };
}

/** The summary as lines of two columns. */
function importText({ tally, anchor, ...summary }: ImportSummary): string {
  const { lanes, road, votes, records, refused, below, cuts, foreign } = tally;
  const index = anchor?.commitQC.vote.view.index;
  const rows: readonly (readonly [string, string])[] = [
    ["from", summary.from],
    ["store", summary.stored ? `${summary.directory}, of chain ${summary.chainId}` : "not made"],
    ["anchor", index === undefined ? "none" : `road index ${index}, from ${summary.anchorFile}`],
    ["road", road ? `[${road.first}, ${road.next})` : "empty"],
    ["lanes", `${lanes.size}`],
    ...[...lanes].map(([lane, { first, next }]) => ["", `${lane} [${first}, ${next})`] as const),
    ["votes", votes === undefined ? "none" : `at road index ${votes}`],
    ["verified", `${records} blocks and commit QCs`],
    ["refused", `${refused}`],
    ["pruned before", `${below}`],
    ["torn tails", `${cuts}`],
    ["passed over", foreign.length === 0 ? "nothing" : foreign.join(", ")],
    ["verdict", verdictOf(summary, refused)],
  ];
  const width = Math.max(...rows.map(([name]) => name.length)) + 2;
  return rows.map(([name, value]) => `${name.padEnd(width)}${value}\n`).join("");
}

function verdictOf({ stored }: Pick<ImportSummary, "stored">, refused: number): string {
  if (!stored) return "no store was made: something is refused (--partial stores what verifies)";
  return refused === 0 ? "all of it is stored" : "what verifies is stored, and no more than that";
}

async function put(stream: Writable, text: string): Promise<void> {
  if (!stream.write(text)) await once(stream, "drain");
}
