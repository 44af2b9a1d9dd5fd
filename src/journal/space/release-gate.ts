/**
 * Holds segments back that are beyond `retainBytes`: they have records that were pruned and are not archived
 * yet. The journal asks at each decision, and the archive answers for that moment.
 *
 * The oldest segment that must stay keeps all later ones with it. One with live records stays by itself, and
 * does not count here until they are pruned: a lane that stands still holds nothing back.
 */
export class ReleaseGate {
  /** Bytes of segments beyond which the oldest go all the same (D9). */
  readonly bytesMax: number;
  /** The oldest segment that must stay. All of them, until the archive knows what is archived. */
  oldest: () => bigint = () => 0n;

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  /** Whether a segment must stay that has `bytes` with all later ones. */
  holds(sequence: bigint, bytes = 0): boolean {
    return sequence >= this.oldest() && bytes <= this.bytesMax;
  }
}
