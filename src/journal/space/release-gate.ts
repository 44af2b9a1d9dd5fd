/**
 * Holds segments back that are beyond `retainBytes`: their records are not archived yet. The
 * archive raises the gate; the journal asks it which segments it may give back.
 *
 * The oldest segment that must stay keeps all later ones with it: what is retained is the newest part of
 * the journal, without a gap.
 */
import { assert } from "../../types/assert.js";

export class ReleaseGate {
  /** Bytes of segments beyond which the oldest go all the same (D9). */
  readonly bytesMax: number;
  #from = 0n;

  /** Everything is held until the gate is raised: an open does not know yet what is archived. */
  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  /** The first segment that must stay. */
  get from(): bigint {
    return this.#from;
  }

  /** Segments below `sequence` may go. Only rises. */
  raise(sequence: bigint): void {
    assert(sequence >= this.#from, "what was archived once stays archived");
    this.#from = sequence;
  }

  /** Whether a segment must stay that has `bytes` with all later ones. */
  holds(sequence: bigint, bytes = 0): boolean {
    return sequence >= this.#from && bytes <= this.bytesMax;
  }
}
