/**
 * A finding: one thing that an inspection has to say of one place in a store. Its class is an error
 * code: the one that open refuses with for it, or that describes the damage best where open goes on.
 */
import { type ErrorCode, errorCodes, PersisterError } from "../types/errors.js";
import { ROAD } from "../persist/kinds.js";

/**
 * `error`: open refuses because of it, or what is stored is not what it should be. `warning`: open
 * goes on; a crash may leave it, or something was harmed that is not needed now.
 */
export type Severity = "error" | "warning";

export interface Finding {
  readonly class: ErrorCode;
  readonly severity: Severity;
  readonly file: string;
  /** Bytes from the start of the file; of a record, where its header begins. */
  readonly offset?: number | undefined;
  /** The lane, or "road". */
  readonly lane?: string | undefined;
  /** The block number, or the road index. */
  readonly number?: bigint | undefined;
  /** What is wrong. One line. */
  readonly message: string;
}

/** Where a finding is, as far as it is known. */
export type Place = Partial<Pick<Finding, "file" | "offset" | "lane" | "number">>;

/**
 * From the worst to the least: what was promised and is gone; what would have told of a loss; what
 * was stored and is damaged, or contradicts itself, or is not rightly signed; a directory that is no
 * store of ours; files that could not be looked at.
 */
export const worstFirst = [
  "ACKNOWLEDGED_LOST",
  "MARK_CORRUPT",
  "JOURNAL_CORRUPT",
  "ANCHOR_CORRUPT",
  "RECOVERY_MISMATCH",
  "INVALID",
  "NOT_A_STORE",
  "FORMAT_TOO_NEW",
  "IO",
  "READ_ONLY",
] as const satisfies readonly ErrorCode[];

/** The finding that stands for a typed refusal; `place` says what is known better than the error. */
export function findingOf(
  error: PersisterError,
  severity: Severity,
  place: Place & Pick<Finding, "file">,
): Finding {
  return {
    class: error.code,
    severity,
    file: error.file ?? place.file,
    offset: place.offset ?? error.offset,
    lane: place.lane ?? error.lane ?? (error.roadIndex === undefined ? undefined : ROAD),
    number: place.number ?? error.blockNumber ?? error.roadIndex,
    message: error.message,
  };
}

/** An attempt whose typed refusal is an answer: an inspection goes on where others stop. */
export type Attempt<Value> = { readonly value: Value } | { readonly error: PersisterError };

/** What `act` gives, or the operating error that it was refused with; anything else is thrown. */
export async function attempted<Value>(act: () => Value | Promise<Value>): Promise<Attempt<Value>> {
  try {
    return { value: await act() };
  } catch (error) {
    if (!(error instanceof PersisterError)) throw error;
    return { error };
  }
}

/** What was found so far: how much of which severity, and what of it decides. */
export class FindingTally {
  readonly #classes: Record<Severity, Set<ErrorCode>> = { error: new Set(), warning: new Set() };
  readonly #places = new Set<string>();
  #errors = 0;
  #warnings = 0;

  get errors(): number {
    return this.#errors;
  }

  get warnings(): number {
    return this.#warnings;
  }

  add(finding: Finding): void {
    if (finding.severity === "error") this.#errors += 1;
    else this.#warnings += 1;
    this.#classes[finding.severity].add(finding.class);
    if (finding.severity === "error") this.#places.add(`${finding.class} ${finding.file}`);
  }

  /** Whether an error of this class was found: in this file, where one is named. */
  hasError(code: ErrorCode, file: string | undefined): boolean {
    if (file === undefined) return this.#classes.error.has(code);
    return this.#places.has(`${code} ${file}`);
  }

  /** The worst class by `worstFirst`; of the errors alone unless warnings are to count. */
  worst(withWarnings: boolean): ErrorCode | undefined {
    const found = new Set(this.#classes.error);
    if (withWarnings) for (const code of this.#classes.warning) found.add(code);
    const [any] = found;
    return worstFirst.find((code) => found.has(code)) ?? any;
  }
}

/** The exit code of a command that found `worst` at worst. */
export function exitCodeOf(worst: ErrorCode | undefined): number {
  return worst === undefined ? 0 : errorCodes[worst].exit;
}
