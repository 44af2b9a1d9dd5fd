/** Watermarks into an open store. */
import type { Heights, Raise } from "../../persist/guards/heights.js";
import { NO_GUARDS } from "../../persist/guards/heights.js";
import { raiseOf, type Watermarks } from "./document.js";

/** A store whose guards can be raised: a `Lanekeeper`, or the client of a service. */
export interface Raisable {
  status(): { readonly chainId: string; readonly guards: Heights | undefined };
  raiseGuard(
    raise: Raise,
    why: { readonly by: "watermarks"; readonly reason: string },
  ): Promise<void>;
}

export interface ImportChoices {
  /** Put on record. */
  readonly reason: string;
  /** The validator's public key in hex: watermarks of another one are refused. */
  readonly signer?: string | undefined;
  /** Takes the word of an incomplete document for whole. */
  readonly takeIncomplete?: boolean | undefined;
}

/**
 * Raises the guards of `keeper` by watermarks: it allows only what lies above them. Durable when resolved. Done
 * again it changes nothing, and of several documents the highest marks count. Give complete ones first.
 *
 * @example
 * await importWatermarks(keeper, decodeWatermarks(text, "marks.json"), { reason: "moved from host a" });
 *
 * @throws {PersisterError} WRONG_CHAIN; INVALID for another signer; USAGE, DISK_FULL, POISONED, CLOSED.
 */
export async function importWatermarks(
  keeper: Raisable,
  marks: Watermarks,
  { reason, signer, takeIncomplete = false }: ImportChoices,
): Promise<void> {
  const { chainId, guards = NO_GUARDS } = keeper.status();
  const raise = raiseOf(marks, guards, { chainId, signer, takeIncomplete });
  await keeper.raiseGuard(raise, { by: "watermarks", reason });
}
