/**
 * Assertions that stay in production. A failed one means that the code is wrong, not the world:
 * nobody catches it but the top level, which stops the process.
 */
import { LanekeeperError } from "./lanekeeper-error.js";

/** An invariant of Lanekeeper itself did not hold. Its code is INTERNAL. */
export class InvariantError extends LanekeeperError {
  constructor(message: string) {
    super("InvariantError", "INTERNAL", message);
  }
}

/** Throws `InvariantError` with `sentence` unless `condition` holds. */
export function assert(condition: boolean, sentence: string): asserts condition {
  if (!condition) throw new InvariantError(`this must hold: ${sentence}`);
}

/** Marks a branch that the types have ruled out. */
export function assertNever(value: never): never {
  throw new InvariantError(`this must hold: the case ${String(value)} is impossible`);
}
