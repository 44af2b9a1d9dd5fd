/** The surroundings of one life of a store. */
import type { ReferenceModel } from "../../../model/reference-model.js";
import type { Ledger } from "./ledger.js";
import type { Tally } from "./tally.js";

export interface Ground {
  readonly model: ReferenceModel;
  readonly ledger: Ledger;
  readonly tally: Tally;
  /** Lets what the disk holds back go on. */
  readonly release: () => void;
  /** Whether a write may have failed, or may fail yet. */
  readonly mayFail: () => boolean;
  /** Whether a slot may have been one too many for the disk, in this life. */
  readonly mayLackSpace: () => boolean;
  readonly isFull: () => boolean;
}

/** Takes down what broke the contract. */
export type Fault = (text: string, cause?: unknown) => void;
