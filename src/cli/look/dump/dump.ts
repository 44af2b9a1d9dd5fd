/**
 * `lanekeeper dump`: the records of a store, one line each. Files are read in the order of LSNs, what was pruned and
 * is still there among them; a service gives what it holds, log by log.
 */
import { hex } from "../../../codec/hex.js";
import { RealDisk } from "../../../disk/real/real.js";
import { exitCodeOf, type Finding, worstOf } from "../../../inspect/finding.js";
import type { ListedRecord, LostRecord } from "../../../inspect/listing/listed.js";
import { StoreListing } from "../../../inspect/listing/listing.js";
import { type ErrorCode, usageError } from "../../../types/errors.js";
import { sourcesOf } from "../../store/key-files.js";
import { jsonOf, put } from "../../terminal/json-document.js";
import type { CliPort } from "../../terminal/port.js";
import { formatSize } from "../../terminal/sizes.js";
import { printable } from "../../terminal/table.js";
import type { AskedService } from "../view/asked.js";
import type { Target } from "../view/target.js";
import type { LookChoices } from "../view/view.js";
import { nameText } from "../../terminal/lanes.js";
import { type Facts, factsOf } from "./contents.js";
import { isWanted, type Selection, selectionOf } from "./selection.js";
import type { ServedRecord } from "./service-records.js";

export interface DumpChoices extends LookChoices {
  readonly lane?: string;
  readonly road?: boolean;
  readonly range?: string;
  readonly lsn?: string;
  readonly payload?: boolean;
  readonly follow?: boolean;
  readonly json?: boolean;
}

/** One line of a dump. */
interface Line {
  readonly lsn?: bigint;
  readonly kind: string;
  readonly log?: string | undefined;
  readonly number?: bigint;
  readonly live?: boolean | undefined;
  readonly file?: string;
  readonly offset?: number;
  /** Of the payload; `undefined` where it cannot be read. */
  readonly bytes?: Uint8Array | undefined;
  /** Why nothing is known of the payload. */
  readonly why?: string;
}

/**
 * Dumps the target; returns the exit code: that of JOURNAL_CORRUPT where records of files are lost, else that of a
 * file that could not be read.
 *
 * @throws {PersisterError} USAGE; as `StoreListing.open` and `AskedService.ask`.
 */
export async function dumpCommand(
  target: Target,
  choices: DumpChoices,
  port: CliPort,
): Promise<number> {
  const selection = selectionOf(choices);
  const write = writerOf(choices, port);
  if (target.kind === "files") {
    if (choices.follow === true)
      throw usageError("--follow asks a running service; nothing runs here");
    return await dumpFiles(target.directory, selection, choices, { write, stop: port.stop });
  }
  if (selection.lsn) throw usageError("a service has no LSNs: add --files to read its directory");
  const { AskedService } = await import("../view/asked.js");
  using asked = await AskedService.at(target.address, choices, port.stop);
  await dumpService(asked, selection, { write, isFollowed: choices.follow === true });
  return 0;
}

type Write = (line: Line) => Promise<void>;

async function dumpFiles(
  directory: string,
  selection: Selection,
  { key = [] }: DumpChoices,
  { write, stop }: { readonly write: Write; readonly stop: AbortSignal },
): Promise<number> {
  const listing = await StoreListing.open(new RealDisk(), directory, sourcesOf(key));
  const wrong = new Set<ErrorCode>();
  try {
    for (const unread of listing.unread) {
      wrong.add(unread.class);
      await write(unreadLine(unread));
    }
    const { first: from, next } = selection.lsn ?? {};
    for await (const record of listing.records({ from, next })) {
      stop.throwIfAborted();
      if (record.kind === "lost") wrong.add("JOURNAL_CORRUPT");
      else if (!isWanted(selection, record.log, record.number)) continue;
      await write(lineOf(record));
    }
  } finally {
    await listing.close();
  }
  return exitCodeOf(worstOf(wrong));
}

async function dumpService(
  asked: AskedService,
  selection: Selection,
  { write, isFollowed }: { readonly write: Write; readonly isFollowed: boolean },
): Promise<void> {
  const { durableRecords, heldRecords } = await import("./service-records.js");
  const sources = isFollowed ? durableRecords(asked) : [heldRecords(asked, selection)];
  await Promise.all(
    sources.map(async (source) => {
      for await (const record of source) {
        if (isWanted(selection, record.log, record.number)) await write(servedLine(record));
      }
    }),
  );
}

function lineOf(record: ListedRecord | LostRecord): Line {
  if (record.kind === "lost") {
    const { kind, lsn, file, offset, reason } = record;
    return { kind, lsn, file, offset, why: reason };
  }
  const { kind, lsn, log, number, isLive: live, file, offset, payload } = record;
  const line = { kind, lsn, log, number, live, file, offset };
  if (payload.status === "readable") return { ...line, bytes: payload.payload };
  const why = { sealed: "sealed with a key that was not given", damaged: "damaged" };
  return { ...line, why: why[payload.status] };
}

/** A file of which nothing is known: its records are neither here nor lost. */
function unreadLine({ file, message }: Finding): Line {
  return { kind: "unread", file, why: message };
}

function servedLine({ log, number, bytes }: ServedRecord): Line {
  const line = { kind: "append", log, number };
  return bytes ? { ...line, bytes } : { ...line, why: "an anchor has passed it" };
}

function writerOf({ json, payload }: DumpChoices, { stdout }: CliPort): Write {
  return async (line) => {
    const { bytes, ...rest } = line;
    const isData = line.kind === "append" || line.kind === "copy";
    const facts = bytes && isData && line.log !== undefined ? factsOf(line.log, bytes) : {};
    const told = payload === true && bytes ? { ...facts, payload: hex(bytes) } : facts;
    const size = bytes?.length;
    if (json === true) await put(stdout, `${jsonOf({ ...rest, size, ...told })}\n`);
    else await put(stdout, `${printable(lineText(line, told))}\n`);
  };
}

function lineText({ lsn, kind, log, number, live, bytes, why }: Line, facts: Facts): string {
  const isData = kind === "append" || kind === "copy";
  const place = [
    ...(lsn === undefined ? [] : [`${lsn}`]),
    kind,
    ...(log === undefined ? [] : [nameText(log)]),
    ...(number === undefined ? [] : [`${number}`]),
    ...(live === false ? ["pruned"] : []),
  ].join(" ");
  const size = bytes && isData ? [formatSize(bytes.length)] : [];
  const told = Object.entries(facts).map(([name, value]) => `${name} ${factText(value)}`);
  return [place, ...size, ...told, ...(why === undefined ? [] : [why])].join(", ");
}

function factText(value: unknown): string {
  if (typeof value === "string") return value;
  return typeof value === "bigint" ? `${value}` : jsonOf(value);
}
