/** Everything that was refused: counted by code and kind, and the last few with their facts. */
import type { ErrorCode } from "../../types/error-codes.js";
import { ByLabels } from "./by-labels.js";
import type { Families } from "./families.js";

/** Refusals that are kept with their facts. */
const RECENT_MAX = 20;

/** Characters of a message that are kept. */
const MESSAGE_MAX = 240;

/** The kind of call, or of item of a stream, that was refused. */
export type RefusedKind =
  | "block"
  | "commit_qc"
  | "anchor"
  | "lane_qc"
  | "vote"
  | "read"
  | "operator"
  | "journal"
  | "job"
  | "login";

export interface Refused {
  /** A code of the table, or the gRPC status of a caller who may not call. */
  readonly code: ErrorCode | "UNAUTHENTICATED" | "PERMISSION_DENIED";
  readonly kind: RefusedKind;
  readonly message: string;
}

/** Calls that write, by the name of their method. */
const writes: Readonly<Record<string, RefusedKind>> = {
  PushBlock: "block",
  PushCommitQc: "commit_qc",
  PushAnchor: "anchor",
  PushLaneQc: "lane_qc",
  WriteVoteState: "vote",
};

/** Calls of services beside the keeper, by the name of their service. */
const services: Readonly<Record<string, RefusedKind>> = {
  "lanekeeper.v1.OperatorService": "operator",
  "lanekeeper.v1.JournalService": "journal",
  "lanekeeper.v1.JobsService": "job",
};

/** The kind of a call by its path, `/package.Service/Method`. */
export function kindOfCall(path: string): RefusedKind {
  const [, service = "", method = ""] = path.split("/");
  return writes[method] ?? services[service] ?? "read";
}

export class Refusals {
  readonly #counts = new ByLabels(() => ({ count: 0 }));
  readonly #recent: (Refused & { readonly atMs: number })[] = [];

  note({ code, kind, message }: Refused): void {
    this.#counts.of({ code, kind }).count += 1;
    this.#recent.unshift({ code, kind, message: message.slice(0, MESSAGE_MAX), atMs: Date.now() });
    this.#recent.length = Math.min(this.#recent.length, RECENT_MAX);
  }

  /** The last ones, newest first. */
  get recent(): readonly (Refused & { readonly atMs: number })[] {
    return this.#recent;
  }

  get total(): number {
    let total = 0;
    for (const { value } of this.#counts) total += value.count;
    return total;
  }

  fill(families: Families): void {
    for (const { labels, value } of this.#counts) {
      families.put("lanekeeper_refused_total", value.count, labels);
    }
  }
}
