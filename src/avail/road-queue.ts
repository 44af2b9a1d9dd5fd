/**
 * The road in memory: commit QCs that are on their way to disk, the digests of those that are held,
 * and the newest one that is durable.
 */
import type { NewCommitQC } from "../persist/commit-qc-persister.js";
import { assert } from "../types/assert.js";
import { PersisterError } from "../types/errors.js";
import { encodeCommitQC } from "../wire/codec/encode.js";
import { commitVoteDigest, sameBytes } from "../wire/hash.js";
import type { CommitQC } from "../wire/messages.js";

export class RoadQueue {
  #first: bigint;
  #durable: bigint;
  #queue: NewCommitQC[] = [];
  /** Of [first, next), and of anchors above: what another QC of the same index is compared with. */
  readonly #digests = new Map<bigint, Uint8Array>();
  #latest: CommitQC | undefined;

  constructor(
    range: { readonly first: bigint; readonly next: bigint },
    held: ReadonlyMap<bigint, CommitQC>,
    anchorQC: CommitQC | undefined,
  ) {
    this.#first = range.first;
    this.#durable = range.next;
    for (const [index, qc] of held) {
      if (index >= range.first) this.#digests.set(index, commitVoteDigest(qc.vote));
    }
    if (anchorQC) this.#digests.set(anchorQC.vote.view.index, commitVoteDigest(anchorQC.vote));
    this.#latest = held.get(range.next - 1n) ?? anchorQC;
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
   * Queues the next QC; one that is held with the same proposal is ignored (D2). Tells whether it
   * was queued.
   *
   * @throws {PersisterError} OUT_OF_SEQUENCE, CONFLICT.
   */
  admit(checked: NewCommitQC): boolean {
    const { index } = checked.qc.vote.view;
    if (index > this.next) {
      throw new PersisterError(
        "OUT_OF_SEQUENCE",
        `commit QC ${index} is out of sequence: ${this.next} is next`,
        { roadIndex: index },
      );
    }
    this.refuseOtherProposal(checked.qc, checked.bytes);
    if (index < this.next) return false;
    this.#queue.push(checked);
    this.#digests.set(index, commitVoteDigest(checked.qc.vote));
    return true;
  }

  /** @throws {PersisterError} CONFLICT where a QC of another proposal is held at this index. */
  refuseOtherProposal(qc: CommitQC, offered?: Uint8Array): void {
    const { index } = qc.vote.view;
    const held = this.#digests.get(index);
    if (!held || sameBytes(held, commitVoteDigest(qc.vote))) return;
    const queued = this.#queue[Number(index - this.#durable)];
    throw new PersisterError(
      "CONFLICT",
      `commit QC ${index}: conflict, a QC of another proposal is held at this index`,
      {
        roadIndex: index,
        ...(queued ? { held: queued.bytes } : {}),
        ...(offered ? { offered } : {}),
      },
    );
  }

  /** An anchor is on its way to disk: a QC of another proposal is not admitted at its index any more. */
  anchoredAt(anchorQC: CommitQC): void {
    this.#digests.set(anchorQC.vote.view.index, commitVoteDigest(anchorQC.vote));
  }

  /** Moves the durable cursor, only forward. */
  becameDurable(next: bigint): void {
    if (next <= this.#durable) return;
    const gone = this.#queue.splice(0, Number(next - this.#durable));
    this.#latest = gone.at(-1)?.qc ?? this.#latest;
    this.#durable = next;
  }

  /**
   * A durable anchor raises the start. Past the durable cursor the cursor moves up to it, and its own
   * QC is the next one to be written.
   */
  prune(anchorQC: CommitQC): void {
    const { index } = anchorQC.vote.view;
    assert(index >= this.#first, "the road's start only rises (D3)");
    this.#first = index;
    for (const held of this.#digests.keys()) if (held < index) this.#digests.delete(held);
    if (!this.#digests.has(index)) this.#digests.set(index, commitVoteDigest(anchorQC.vote));
    if (index < this.#durable) return;
    const above = this.#queue.filter(({ qc }) => qc.vote.view.index > index);
    this.#queue = [{ qc: anchorQC, bytes: encodeCommitQC(anchorQC) }, ...above];
    this.#durable = index;
  }
}
