/**
 * A finding: one thing that is wrong at one place of a store. Its class is an error code: the code with
 * which open refuses it or, if open goes on, the code that describes it best.
 */
import { type ErrorCode, errorCodes, PersisterError } from "../types/errors.js";
import { ROAD } from "../persist/kinds.js";

/**
 * `error`: open refuses because of it, or a stored message is not what it should be. `warning`: open goes
 * on. A crash may leave it, or the harm is to something that is not needed any more, or the validator
 * must know of it before it signs.
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
  /** Says what is wrong, in one line. */
  readonly message: string;
}

/** The place of a finding, as far as it is known. */
export type Place = Partial<Pick<Finding, "file" | "offset" | "lane" | "number">>;

/**
 * The classes from the worst to the least:
 *
 * 1. an acknowledged record is gone;
 * 2. the mark, which would tell of a loss, is damaged;
 * 3. a stored message is damaged, contradicts another one, or is not rightly signed; a committee that
 *    did not sign the anchor is told before all that follows from it;
 * 4. the store is a copy, or was moved;
 * 5. a number is pinned, or the store is guarded;
 * 6. the store was retired;
 * 7. the directory is no store of ours;
 * 8. payloads could not be looked at, since their key was not given;
 * 9. a file cannot be read: nothing is known of it;
 * 10. a file of a backup is not the one that was written, and nothing that is worse was found in it.
 */
export const worstFirst = [
  "ACKNOWLEDGED_LOST",
  "MARK_CORRUPT",
  "JOURNAL_CORRUPT",
  "ANCHOR_CORRUPT",
  "RECOVERY_MISMATCH",
  "WRONG_COMMITTEE",
  "INVALID",
  "STORE_MOVED",
  "PINNED",
  "GUARDED",
  "RETIRED",
  "NOT_A_STORE",
  "FORMAT_TOO_NEW",
  "KEY_WRONG",
  "KEY_MISSING",
  "IO",
  "READ_ONLY",
  "BACKUP_CORRUPT",
] as const satisfies readonly ErrorCode[];

/** The finding for a typed refusal. `place` wins where the error names another place. */
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

/** An attempt of which a typed refusal is an answer: an inspection goes on where others stop. */
export type Attempt<Value> = { readonly value: Value } | { readonly error: PersisterError };

/** Returns the value of `act`, or the operating error that refused it. Throws anything else. */
export async function attempted<Value>(act: () => Value | Promise<Value>): Promise<Attempt<Value>> {
  try {
    return { value: await act() };
  } catch (cause) {
    if (!(cause instanceof PersisterError)) throw cause;
    return { error: cause };
  }
}

/** Counts the findings by severity, and knows the worst of them. */
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
    return worstOf(found);
  }
}

/** The worst of these classes by `worstFirst`. */
export function worstOf(found: ReadonlySet<ErrorCode>): ErrorCode | undefined {
  const [any] = found;
  return worstFirst.find((code) => found.has(code)) ?? any;
}

/** The error of a call that cannot go on because of this finding. */
export function errorBy({ class: code, message, file }: Finding): PersisterError {
  return new PersisterError(code, message, { file });
}

/** The exit code of a command whose worst finding has the class `worst`. */
export function exitCodeOf(worst: ErrorCode | undefined): number {
  return worst === undefined ? 0 : errorCodes[worst].exit;
}
