/**
 * The output of `inspect` and `verify` for people: findings one by one, and the summary.
 */
import { exitCodeOf, type Finding } from "../../../inspect/finding.js";
import type { LogSummary, Summary } from "../../../inspect/summary.js";
import { FORMAT_VERSION } from "../../../journal/form/head-seal.js";
import { ROAD } from "../../../persist/kinds.js";
import type { ErrorCode } from "../../../types/errors.js";
import { isLaneId } from "../../../types/lane.js";
import { hex } from "../../../codec/hex.js";
import { shortLane } from "../../terminal/lanes.js";
import { counted, formatSize } from "../../terminal/sizes.js";
import { printable, type Row, table } from "../../terminal/table.js";

/** A finding as two lines: what and where, then why. */
export function findingText(finding: Finding): string {
  const place = [
    finding.file,
    ...(finding.offset === undefined ? [] : [`byte ${finding.offset}`]),
    ...(finding.lane === undefined ? [] : [logName(finding.lane)]),
    ...(finding.number === undefined ? [] : [`number ${finding.number}`]),
  ];
  const where = printable(place.join(", "));
  return `${finding.severity} ${finding.class}: ${where}\n  ${printable(finding.message)}\n`;
}

/** The summary as lines of two columns. */
export function summaryText(summary: Summary, worst: ErrorCode | undefined): string {
  const rows: readonly Row[] = [
    ["directory", summary.directory],
    ["in use", useText(summary)],
    ["store", storeText(summary)],
    ["mark", markText(summary)],
    ["journal", journalText(summary)],
    ["logs", inJournal(summary, `${summary.logs.length}`)],
    ...summary.logs.map((log) => ["", logText(log)] as const),
    ...validatorRows(summary),
    ["disk use", diskText(summary)],
    ["checked", checkedText(summary)],
    ["found", `${counted(summary.errors, "error")}, ${counted(summary.warnings, "warning")}`],
    ["verdict", verdictText(summary)],
    ...(worst === undefined ? [] : [["exit code", `${exitCodeOf(worst)}, for ${worst}`] as const]),
  ];
  return table(rows);
}

/** The parts that a journal of records does not have. */
function validatorRows(summary: Summary): readonly Row[] {
  if (summary.kind === "records") return [];
  return [
    ["anchor", anchorText(summary)],
    ["vote state", voteText(summary)],
    ["pins", inJournal(summary, `${summary.pins.length}`)],
    ...summary.pins.map((pin) => ["", pinText(pin)] as const),
  ];
}

const NOT_KNOWN = "not known";

/** `text`, unless no head of the journal can be used: nothing is known of its logs. */
function inJournal({ unknown }: Summary, text: string): string {
  return unknown.has("journal") ? NOT_KNOWN : text;
}

function diskText({ diskBytes, hasIndex }: Summary): string {
  if (diskBytes === 0) return NOT_KNOWN;
  return `${formatSize(diskBytes)}${hasIndex ? " beside the index" : ""}`;
}

function voteText({ vote, unknown }: Summary): string {
  if (!vote) return unknown.has("vote") ? NOT_KNOWN : "none";
  return `sequence ${vote.sequence}`;
}

function useText({ owner, changedMeanwhile, identity }: Summary): string {
  const transient = "what was found may be transient";
  if (owner === "open") return `somebody has it open: ${transient}`;
  if (changedMeanwhile) return `it was written to meanwhile: ${transient}`;
  if (owner === "not seen") return "no lock on STORE is seen";
  if (!identity) return "no STORE can be read here";
  return `not known, this system does not tell; while somebody has it open ${transient}`;
}

function storeText({ identity, kind }: Summary): string {
  if (!identity) return NOT_KNOWN;
  const made = new Date(Number(identity.createdMs));
  const when = Number.isNaN(made.getTime()) ? `${identity.createdMs} ms` : made.toISOString();
  const whose = kind === "records" ? "a journal of records" : `of chain ${identity.chainId}`;
  return `${hex(identity.storeId)} ${whose}, made ${when}, format ${FORMAT_VERSION}`;
}

function markText({ mark }: Summary): string {
  if (!mark) return "none that can be used";
  const opened = `opened ${counted(mark.generation, "time")}`;
  return `${mark.sequence}, ${opened}, acknowledged through LSN ${mark.acked}`;
}

function journalText({ journal }: Summary): string {
  const { head, slots, live, retained, bytes } = journal;
  if (slots === 0) return NOT_KNOWN;
  if (!head) return `no head that can be used; ${slots} slots, ${formatSize(bytes)}`;
  const spare = Math.max(0, slots - live - retained);
  const use = `${live} slots live, ${retained} retained, ${spare} spare, ${formatSize(bytes)}`;
  return `head ${head.sequence} in ${head.file}; ${use}`;
}

function logText({ name, first, next, records, bytes }: LogSummary): string {
  const found = BigInt(records) === next - first ? "" : `, ${records} found`;
  return `${shortName(name)} [${first}, ${next})${found}, ${formatSize(bytes)}`;
}

function anchorText({ anchor, depth, unknown }: Summary): string {
  if (!anchor) return unknown.has("anchor") ? NOT_KNOWN : "none";
  const index = anchor.roadIndex === undefined ? "refused" : `road index ${anchor.roadIndex}`;
  const quorum = depth === "committees" ? "" : ", its quorum was not checked";
  return `${index}, sequence ${anchor.sequence}${quorum}`;
}

function pinText({ name, number, hash }: Summary["pins"][number]): string {
  return `${shortName(name)}, number ${number}: header ${hex(hash)}`;
}

function checkedText({ kind, recordsRead, recordsSealed, depth, proven }: Summary): string {
  const sealed = `${recordsSealed} of them sealed, with a key that was not given`;
  const records = `${counted(recordsRead, "live record")}${recordsSealed === 0 ? "" : `, ${sealed}`}`;
  if (kind === "records")
    return `${records}, with all that a journal has: checksums, forms and tags`;
  if (depth === "forms") return `${records}, as open does; verify proves hashes and signatures too`;
  const { blocks, commitQCs } = proven;
  const all = `${records}; ${counted(blocks, "block")} and ${counted(commitQCs, "commit QC")} proven`;
  if (depth === "committees") return `${all}, by the committees given`;
  return `${all}, each signature by the key that it names; membership and quorum were not checked`;
}

function verdictText({ verdict, owner }: Summary): string {
  if (!verdict.opens) return `open would refuse it with ${verdict.class}: ${verdict.message}`;
  return owner === "open" ? "it would open, if it were not in use" : "it would open";
}

/** A log as tables show it; findings have the whole name. */
function shortName(name: string): string {
  return isLaneId(name) ? `lane ${shortLane(name)}` : name;
}

export function logName(name: string): string {
  return name === ROAD || !isLaneId(name) ? name : `lane ${name}`;
}
