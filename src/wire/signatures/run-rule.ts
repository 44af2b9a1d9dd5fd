/**
 * Running a rule: first the rule itself, to its end, then the signatures that it claims. So one piece of
 * code decides, wherever the signatures are verified.
 */
import { aborted, throwIfAborted, whenAborted } from "../../async/signal.js";
import { Batch, firstBadHere } from "./batch.js";
import { addChecks, badSignature, type Check, type Claim, type Rule } from "./claim.js";
import { verify } from "./ed25519.js";
import {
  abortSignal,
  type Argument,
  checkArguments,
  maybe,
  optionsOf,
  type Fields,
} from "../../types/shape.js";
import { hasTime, nextTurn, VERIFICATION } from "./turns.js";
import { isVerifyError, type VerifyError } from "../verify-error.js";

export interface VerifyOptions {
  /** Ends the verification with ABORTED. */
  readonly signal?: AbortSignal | undefined;
}

/** The memory of a `Verifier`. */
export interface Memory {
  /** Tells whether a claim was verified before. */
  readonly isKnown?: (claim: Claim) => boolean;
  /** Tells whether one signature of a claim was. */
  readonly isKnownSignature?: (check: Check) => boolean;
  /** Learns that these claims hold. */
  readonly remember?: (claims: readonly Claim[]) => void;
}

/** The part of a `Verifier` in a run. */
export interface Around extends Memory {
  /** Verifies a batch. @defaultValue `firstBadHere` */
  readonly firstBad?: (batch: Batch) => Promise<Check | undefined>;
}

const optionsShape = optionsOf({ signal: maybe(abortSignal) } satisfies Fields<VerifyOptions>);

/** A rule to run, and the arguments of the call that it serves. */
interface Asked {
  readonly begin: () => Rule;
  readonly given: readonly Argument[];
}

/**
 * Runs a rule in turns of the event loop. The arguments are checked when it fails: a message that
 * verifies has the right shape.
 *
 * @throws {VerifyError} the first failure in the rule's order.
 * @throws {PersisterError} USAGE naming the first wrong argument; ABORTED by the signal.
 */
export async function verified(
  { begin, given }: Asked,
  choices: VerifyOptions | undefined,
  around: Around = {},
): Promise<void> {
  optionsShape(choices, "options");
  try {
    await runRule(begin(), { ...around, signal: choices?.signal });
  } catch (cause) {
    checkArguments(...given);
    throw cause;
  }
}

/** As `verified`, for a rule that asks for one signature, and all at once. */
export function verifiedAtOnce({ begin, given }: Asked, memory: Memory = {}): void {
  try {
    runAtOnce(begin(), memory);
  } catch (cause) {
    checkArguments(...given);
    throw cause;
  }
}

/** The signatures that a rule asks for, which the caller verifies. Throws for any other fault, all at once. */
export function checksOf({ begin, given }: Asked): readonly Check[] {
  const checks: Check[] = [];
  try {
    for (const claim of begin()) if (claim) addChecks(claim, checks);
  } catch (cause) {
    checkArguments(...given);
    throw cause;
  }
  return checks;
}

async function runRule(rule: Rule, around: Around & VerifyOptions): Promise<void> {
  throwIfAborted(around.signal, VERIFICATION);
  const { claims, checks, fault } = await collect(rule, around);
  const unknown = checks.filter((check) => around.isKnownSignature?.(check) !== true);
  if (unknown.length > 0) await verifyChecks(unknown, around);
  if (fault !== undefined) throw fault;
  around.remember?.(claims);
}

function runAtOnce(rule: Rule, { isKnownSignature, remember }: Memory): void {
  const claims: Claim[] = [];
  for (const claim of rule) {
    if (claim === undefined) continue;
    const checks: Check[] = [];
    addChecks(claim, checks);
    for (const check of checks) {
      if (isKnownSignature?.(check) === true) continue;
      if (!verify(check.digest, check.sig)) throw badSignature(check);
    }
    claims.push(claim);
  }
  remember?.(claims);
}

interface Collected {
  /** Those that were not known. */
  readonly claims: readonly Claim[];
  readonly checks: readonly Check[];
  /** The fault that the rule ended with. It counts if no check before it is bad. */
  readonly fault: VerifyError | undefined;
}

async function collect(
  rule: Rule,
  { isKnown, signal }: Around & VerifyOptions,
): Promise<Collected> {
  const claims: Claim[] = [];
  const checks: Check[] = [];
  try {
    for (;;) {
      while (!hasTime("short")) await nextTurn(signal);
      const { done, value: claim } = rule.next();
      if (done === true) break;
      if (claim === undefined || isKnown?.(claim) === true) continue;
      claims.push(claim);
      addChecks(claim, checks);
    }
  } catch (fault) {
    if (isVerifyError(fault)) return { claims, checks, fault };
    throw fault;
  }
  return { claims, checks, fault: undefined };
}

async function verifyChecks(
  checks: readonly Check[],
  around: Around & VerifyOptions,
): Promise<void> {
  const { signal, firstBad = firstBadHere } = around;
  throwIfAborted(signal, VERIFICATION);
  const batch = new Batch(checks);
  const takeBack = signal && whenAborted(signal, () => batch.fail(aborted(signal, VERIFICATION)));
  try {
    const bad = await firstBad(batch);
    if (bad !== undefined) throw badSignature(bad);
  } finally {
    takeBack?.();
  }
}
