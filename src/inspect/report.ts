/** The summary of an inspection as plain values: numbers of 64 bits are decimal strings, hashes hex digits. */
import { hex } from "../codec/hex.js";
import { FORMAT_VERSION } from "../journal/form/head-seal.js";
import { ROAD } from "../persist/kinds.js";
import type { ErrorCode } from "../types/errors.js";
import type { Finding } from "./finding.js";
import type { LogSummary, Summary } from "./summary.js";

/** A lane, the road, or the records of a journal: numbers [first, next). */
export interface LogReport {
  /** The lane, or "road". */
  readonly name: string;
  readonly first: string;
  readonly next: string;
  /** Records of [first, next) that were found, and the bytes of their payloads. */
  readonly records: number;
  readonly bytes: number;
}

/** All that an inspection tells of a store beside its findings. It is JSON as it stands. */
export interface StoreReport {
  /** No error was found; there may be warnings. */
  readonly ok: boolean;
  /** The worst class of the errors. */
  readonly worst: ErrorCode | null;
  /** The outcome of an open, if it were called now and nobody had the store open. */
  readonly verdict:
    | { readonly opens: true }
    | { readonly opens: false; readonly class: ErrorCode; readonly message: string };
  readonly errors: number;
  readonly warnings: number;
  readonly directory: string;
  readonly depth: "forms" | "signatures" | "committees";
  /** Whether somebody has the store open, as far as that is known. */
  readonly inUse: "open" | "not seen" | "unknown";
  /** Somebody wrote to the store while it was looked at: what was found may have been transient. */
  readonly changedMeanwhile: boolean;
  /** `format` is the version of the format on disk. */
  readonly store: {
    readonly id: string;
    readonly chainId: string;
    readonly createdMs: string;
    readonly format: number;
  } | null;
  readonly mark: {
    readonly sequence: string;
    readonly generation: string;
    readonly headSequence: string;
    readonly ackedLsn: string;
  } | null;
  readonly journal: {
    readonly head: {
      readonly file: string;
      readonly sequence: string;
      readonly generation: string;
    } | null;
    readonly bytes: number;
    readonly slots: number;
    readonly live: number;
    readonly retained: number;
  };
  /** "records": a `Journal`, which has `records` alone. */
  readonly kind: "validator" | "records";
  /** As an open would publish them; as far as they could be read, where it refuses. */
  readonly lanes: readonly LogReport[];
  readonly road: LogReport | null;
  readonly records: LogReport | null;
  readonly anchor: {
    readonly file: string;
    readonly sequence: string;
    readonly roadIndex: string | null;
  } | null;
  readonly vote: { readonly file: string; readonly sequence: string } | null;
  readonly pins: readonly {
    readonly lane: string;
    readonly number: string;
    readonly headerHash: string;
  }[];
  /** Of STORE, the mark, the A/B slots and the journal; the map in index/ is not counted. */
  readonly diskBytes: number;
  readonly hasIndex: boolean;
  /** Live records that were judged, and those of them that are sealed with a key that was not given. */
  readonly recordsRead: number;
  readonly recordsSealed: number;
  readonly proven: { readonly blocks: number; readonly commitQCs: number };
}

/** A finding as plain values. */
export interface FindingReport extends Omit<Finding, "number"> {
  /** The block number, or the road index. */
  readonly number?: string;
}

export function findingReportOf(finding: Finding): FindingReport {
  const { class: code, severity, file, offset, lane, number, message } = finding;
  return {
    class: code,
    severity,
    file,
    ...(offset === undefined ? {} : { offset }),
    ...(lane === undefined ? {} : { lane }),
    ...(number === undefined ? {} : { number: `${number}` }),
    message,
  };
}

export function reportOf(summary: Summary, worst: ErrorCode | undefined): StoreReport {
  const { identity, mark, journal, anchor, vote } = summary;
  return {
    ok: summary.errors === 0,
    worst: worst ?? null,
    verdict: summary.verdict,
    errors: summary.errors,
    warnings: summary.warnings,
    directory: summary.directory,
    depth: summary.depth,
    inUse: summary.owner,
    changedMeanwhile: summary.changedMeanwhile,
    store: identity
      ? {
          id: hex(identity.storeId),
          chainId: identity.chainId,
          createdMs: `${identity.createdMs}`,
          format: FORMAT_VERSION,
        }
      : null,
    mark: mark
      ? {
          sequence: `${mark.sequence}`,
          generation: `${mark.generation}`,
          headSequence: `${mark.headSequence}`,
          ackedLsn: `${mark.acked}`,
        }
      : null,
    journal: {
      ...journal,
      head: journal.head
        ? {
            file: journal.head.file,
            sequence: `${journal.head.sequence}`,
            generation: `${journal.head.generation}`,
          }
        : null,
    },
    kind: summary.kind,
    lanes: summary.kind === "records" ? [] : summary.logs.filter(isLane).map(logReportOf),
    road: summary.logs.filter((log) => !isLane(log)).map(logReportOf)[0] ?? null,
    records: summary.kind === "records" ? (summary.logs.map(logReportOf)[0] ?? null) : null,
    anchor: anchor
      ? {
          file: anchor.file,
          sequence: `${anchor.sequence}`,
          roadIndex: anchor.roadIndex === undefined ? null : `${anchor.roadIndex}`,
        }
      : null,
    vote: vote ? { file: vote.file, sequence: `${vote.sequence}` } : null,
    pins: summary.pins.map((pin) => ({
      lane: pin.name,
      number: `${pin.number}`,
      headerHash: hex(pin.hash),
    })),
    diskBytes: summary.diskBytes,
    hasIndex: summary.hasIndex,
    recordsRead: summary.recordsRead,
    recordsSealed: summary.recordsSealed,
    proven: { ...summary.proven },
  };
}

function logReportOf({ name, first, next, records, bytes }: LogSummary): LogReport {
  return { name, first: `${first}`, next: `${next}`, records, bytes };
}

function isLane({ name }: LogSummary): boolean {
  return name !== ROAD;
}
