/** Inspections as a user asks for them: with arguments checked at the door, and plain values out. */
import { signalSchema } from "../async/opening.js";
import { z } from "zod";
import { throwIfAborted } from "../async/signal.js";
import { absolutePath, type PathInput } from "../disk/path.js";
import { RealDisk } from "../disk/real/real.js";
import { type KeySource, keySourceSchema } from "../keys/source.js";
import { checkChoices } from "../types/choices.js";
import { PersisterError } from "../types/errors.js";
import type { Epoch } from "../wire/committee.js";
import { epochShape } from "../wire/committee.js";
import { type Finding, FindingTally } from "./finding.js";
import { inspecting, type InspectOptions } from "./inspect.js";
import { type FindingReport, findingReportOf, reportOf, type StoreReport } from "./report.js";
import type { Summary } from "./summary.js";
import { newProgress } from "./walk/live-records.js";
import type { Depth } from "./walk/proof.js";

export interface InspectChoices {
  /** The keys of sealed payloads. Without its key a payload is not looked at, and a finding says so. */
  readonly keys?: readonly KeySource[] | undefined;
  /**
   * Judges a copied or moved store as an open with `moved: true` would.
   *
   * @defaultValue false
   */
  readonly moved?: boolean | undefined;
  /**
   * "forms": the checks of an open. "signatures": every hash and signature of every live record, too, each by
   * the key that it names.
   *
   * @defaultValue "forms"
   */
  readonly depth?: "forms" | "signatures" | undefined;
  /** The committees: every record is proven, and membership and quorums, too. */
  readonly epochs?: readonly Epoch[] | undefined;
  /** Ends the inspection with ABORTED. */
  readonly signal?: AbortSignal | undefined;
}

const schema = z.strictObject({
  keys: z.array(keySourceSchema).default([]),
  moved: z.boolean().default(false),
  depth: z.enum(["forms", "signatures"]).default("forms"),
  epochs: z.array(z.custom<Epoch>(isEpoch, "an epoch")).optional(),
  signal: signalSchema,
});

function isEpoch(value: unknown): boolean {
  try {
    epochShape(value, "an epoch");
    return true;
  } catch (cause) {
    if (cause instanceof PersisterError) return false;
    throw cause;
  }
}

/** An inspection, as plain data: `JSON.stringify` gives all of it. */
export interface StoreInspection extends StoreReport {
  readonly findings: readonly FindingReport[];
}

/**
 * Tells all that is wrong with the store in `directory`, or with the journal there, and whether an open would take
 * it. It takes no lock and writes nothing, so it can look at a store that is refused, damaged, or open elsewhere.
 * While somebody writes to the store, findings may be transient: `changedMeanwhile` says so.
 *
 * @example
 * const { ok, verdict, findings } = await inspectStore("state", { depth: "signatures" });
 *
 * @throws {PersisterError} KEY_REFUSED, CALLBACK_FAILED for a key; ABORTED, USAGE. Damage is a finding, and is
 * not thrown.
 */
export async function inspectStore(
  directory: PathInput,
  choices: InspectChoices = {},
): Promise<StoreInspection> {
  const { epochs, depth: kind, ...rest } = checkChoices(schema, choices);
  const depth: Depth = epochs ? { kind: "committees", epochs } : { kind };
  const findings: FindingReport[] = [];
  const disk = new RealDisk();
  const options = { ...rest, disk, directory: absolutePath(directory), depth };
  const { summary, tally } = await inspected({ ...options, progress: newProgress() }, (finding) => {
    findings.push(findingReportOf(finding));
  });
  return { ...reportOf(summary, tally.worst(false)), findings };
}

/** Hands each finding to `take` as it is found, and waits for that. */
export async function inspected(
  options: InspectOptions,
  take: (finding: Finding) => void | Promise<void>,
): Promise<{ readonly summary: Summary; readonly tally: FindingTally }> {
  const tally = new FindingTally();
  const looking = inspecting(options);
  for (;;) {
    const step = await looking.next();
    throwIfAborted(options.signal, "the inspection");
    if (step.done) return { summary: step.value, tally };
    tally.add(step.value);
    await take(step.value);
  }
}
