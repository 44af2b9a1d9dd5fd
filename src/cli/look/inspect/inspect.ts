/**
 * `lanekeeper inspect` and `lanekeeper verify`: look at a store, change nothing, say everything.
 */
import type { Writable } from "node:stream";
import { z } from "zod";
import { RealDisk } from "../../../disk/real/real.js";
import { exitCodeOf, type Finding, type FindingTally } from "../../../inspect/finding.js";
import { inspected } from "../../../inspect/calls.js";
import { reportOf } from "../../../inspect/report.js";
import { newProgress, type Progress } from "../../../inspect/walk/live-records.js";
import type { Depth } from "../../../inspect/walk/proof.js";
import type { Summary } from "../../../inspect/summary.js";
import { type ErrorCode, PersisterError } from "../../../types/errors.js";
import { readCommittees } from "../../../inspect/committee-file.js";
import { untilStopped } from "../../terminal/ending.js";
import { sourcesOf } from "../../store/key-files.js";
import { ListDocument, put } from "../../terminal/json-document.js";
import type { CliPort } from "../../terminal/port.js";
import { showWork, type Work } from "../../terminal/progress.js";
import { findingText, summaryText } from "./report.js";

const schema = z.object({
  json: z.boolean().default(false),
  strict: z.boolean().default(false),
  moved: z.boolean().default(false),
  committee: z.string().min(1).optional(),
  key: z.array(z.string().min(1)).default([]),
});

/** Looks at forms alone; returns the exit code. */
export async function inspectCommand(
  directory: string,
  parsed: unknown,
  port: CliPort,
): Promise<number> {
  const looking = look(directory, { kind: "forms" }, schema.parse(parsed), port);
  return await untilStopped(looking, port.stop);
}

/**
 * Also proves every record; returns the exit code.
 *
 * @throws {PersisterError} USAGE where the committee file cannot be used.
 */
export async function verifyCommand(
  directory: string,
  parsed: unknown,
  port: CliPort,
): Promise<number> {
  const options = schema.parse(parsed);
  const { committee } = options;
  const depth: Depth =
    committee === undefined
      ? { kind: "signatures" }
      : { kind: "committees", epochs: await readCommittees(committee) };
  return await untilStopped(look(directory, depth, options, port), port.stop);
}

async function look(
  directory: string,
  depth: Depth,
  { json, strict, moved, key }: z.output<typeof schema>,
  port: CliPort,
): Promise<number> {
  if (directory === "") throw new PersisterError("USAGE", "the directory must have a name");
  const progress = newProgress();
  const view = showWork(() => workOf(progress), port);
  const write = json ? jsonWriter(port.stdout) : textWriter(port.stdout);
  try {
    const disk = new RealDisk();
    const options = { disk, directory, depth, moved, keys: sourcesOf(key), progress };
    const { summary, tally } = await inspected(options, (finding) => {
      view.erase();
      return write.finding(finding);
    });
    view.erase();
    const worst = tally.worst(strict);
    await write.summary(summary, worst);
    return exitCodeOf(worst);
  } catch (cause) {
    view.erase();
    return await write.failed(cause);
  } finally {
    view.stop();
  }
}

/** An inspection as a work that takes a while. */
function workOf({ bytesRead, bytesExpected }: Progress): Work {
  const total = bytesExpected === 0 ? undefined : bytesExpected;
  return { name: "reading", unit: "bytes", done: bytesRead, total };
}

interface ReportWriter {
  readonly finding: (finding: Finding) => Promise<void>;
  readonly summary: (summary: Summary, worst: ReturnType<FindingTally["worst"]>) => Promise<void>;
  /** Ends the document, if one was begun, and rejects. */
  readonly failed: (cause: unknown) => Promise<never>;
}

function textWriter(stream: Writable): ReportWriter {
  return {
    finding: (finding) => put(stream, findingText(finding)),
    summary: (summary, worst) => put(stream, summaryText(summary, worst)),
    failed: async (cause) => {
      throw cause;
    },
  };
}

/** One document, of which the findings are written as they come. */
function jsonWriter(stream: Writable): ReportWriter {
  const document = new ListDocument(stream, "findings");
  return {
    finding: (finding) => document.item(finding),
    summary: (summary, worst) => document.end(documentOf(summary, worst)),
    failed: (cause) => document.failed(cause),
  };
}

/** The report of the library, with the exit code. */
function documentOf(summary: Summary, worst: ErrorCode | undefined): object {
  const { ok, ...report } = reportOf(summary, worst);
  return { ok, exitCode: exitCodeOf(worst), ...report };
}
