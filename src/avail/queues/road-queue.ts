/**
 * The road in memory: commit QCs that are on their way to disk, the digests of those that are held,
 * and the newest one that is durable.
 *
 *   first ......... durable ......... next
 *     on disk, digests      queued
 */
import { type NewCommitQC, newCommitQC } from "../../persist/commit-qc-persister.js";
import { assert } from "../../types/assert.js";
import { PersisterError } from "../../types/errors.js";
import { commitVoteDigest, sameBytes } from "../../wire/hash.js";
import type { CommitQC } from "../../wire/messages.js";
import { Arrivals } from "./arrivals.js";

/** The proposal of a commit QC, or of an anchor's. */
interface Proposed {
  readonly roadIndex: bigint;
  readonly digest: Uint8Array;
}

export class RoadQueue {
  #first: bigint;
  #durable: bigint;
  #queue: NewCommitQC[] = [];
  /** When each of them was admitted. */
  readonly arrivals = new Arrivals();
  /** Digests of the proposals of [first, next), by road index, as far as they are known. */
  #digests: (Uint8Array | undefined)[];
  /** The anchor on its way to disk: no QC of another proposal is admitted at its index. */
  #anchored: Proposed | undefined;
  #latest: CommitQC | undefined;

  constructor(
    range: { readonly first: bigint; readonly next: bigint },
    held: ReadonlyMap<bigint, CommitQC>,
    anchorQC: CommitQC | undefined,
  ) {
    this.#first = range.first;
    this.#durable = range.next;
    this.#digests = [];
    for (let index = range.first; index < range.next; index++) {
      const qc = held.get(index);
      this.#digests.push(qc && commitVoteDigest(qc.vote));
    }
    if (anchorQC) this.#startAt(anchorQC);
    this.#latest = held.get(range.next - 1n) ?? anchorQC;
  }

  /** The anchor's own QC is held, or, if the disk was full at open, is the next one to be written. */
  #startAt(anchorQC: CommitQC): void {
    const { index } = anchorQC.vote.view;
    if (index >= this.#durable) this.prune(anchorQC);
    else if (index >= this.#first) {
      this.#digests[Number(index - this.#first)] ??= commitVoteDigest(anchorQC.vote);
    }
  }

  get first(): bigint {
    return this.#first;
  }

  /** The durable cursor: the first road index that is not durable. */
  get durable(): bigint {
    return this.#durable;
  }

  get next(): bigint {
    return this.#durable + BigInt(this.#queue.length);
  }

  get queued(): readonly NewCommitQC[] {
    return this.#queue;
  }

  /** The newest commit QC that is durable. */
  get latest(): CommitQC | undefined {
    return this.#latest;
  }

  /**
   * Queues the next QC. One that is held with the same proposal is ignored (D2). Returns whether it
   * was queued.
   *
   * @throws {PersisterError} OUT_OF_SEQUENCE, CONFLICT.
   */
  admit(offered: NewCommitQC): boolean {
    const { number: index, payload, digest } = offered;
    if (index > this.next) {
      throw new PersisterError(
        "OUT_OF_SEQUENCE",
        `commit QC ${index} is out of sequence: ${this.next} is next`,
        { roadIndex: index },
      );
    }
    this.refuseOtherProposal({ roadIndex: index, digest }, payload);
    if (index < this.next) return false;
    this.#queue.push(offered);
    this.arrivals.add();
    this.#digests[Number(index - this.#first)] = digest;
    return true;
  }

  /** @throws {PersisterError} CONFLICT if a QC of another proposal is held at this index. */
  refuseOtherProposal({ roadIndex, digest }: Proposed, offered?: Uint8Array): void {
    const held = this.#digestAt(roadIndex);
    if (!held || sameBytes(held, digest)) return;
    const queued = this.#queue[Number(roadIndex - this.#durable)];
    throw new PersisterError(
      "CONFLICT",
      `commit QC ${roadIndex}: conflict, a QC of another proposal is held at this index; both are ` +
        "evidence that more than a third of the committee is faulty",
      {
        roadIndex,
        ...(queued ? { held: queued.payload } : {}),
        ...(offered ? { offered } : {}),
      },
    );
  }

  /** An anchor is on its way to disk: no QC of another proposal is admitted at its index any more. */
  anchoredAt(anchored: Proposed): void {
    this.#anchored = anchored;
  }

  /** Moves the durable cursor, only forward. */
  becameDurable(next: bigint): void {
    if (next <= this.#durable) return;
    assert(next <= this.next, "the road's durable cursor stays within what was admitted");
    const gone = this.#queue.splice(0, Number(next - this.#durable));
    this.arrivals.leave(gone.length);
    this.#latest = gone.at(-1)?.qc ?? this.#latest;
    this.#durable = next;
  }

  /**
   * A durable anchor raises the start. Beyond the durable cursor the cursor moves up to it, and the
   * anchor's own QC is the next one to be written.
   */
  prune(anchorQC: CommitQC): void {
    const { index } = anchorQC.vote.view;
    assert(index >= this.#first, "the road's start only rises (D3)");
    this.#digests.splice(0, Number(index - this.#first));
    this.#first = index;
    this.#digests[0] ??= commitVoteDigest(anchorQC.vote);
    if (index < this.#durable) return;
    const above = this.#queue.filter(({ number }) => number > index);
    this.arrivals.leave(this.#queue.length - above.length);
    this.arrivals.addFirst();
    this.#queue = [newCommitQC(anchorQC), ...above];
    this.#durable = index;
  }

  #digestAt(index: bigint): Uint8Array | undefined {
    const held = index < this.#first ? undefined : this.#digests[Number(index - this.#first)];
    return held ?? (this.#anchored?.roadIndex === index ? this.#anchored.digest : undefined);
  }
}
