/**
 * One writer at a time (D8). A writer that is let in gets a fence: a number that is durable and higher than
 * any before. Every write names it, and a write with another one is refused.
 *
 * # Where it is kept, and what a crash leaves
 *
 * The fence is the count of the log of notes called `fences`: each note names one writer. A log of the
 * journal has no hole and never shrinks, and its acknowledged records are there or open refuses (D5, D6):
 * so no fence is granted twice. Fence 4 has the store, and a second writer takes over:
 *
 * 1. Writes with fence 4 are refused from here on. Those under way are waited for. A crash here leaves
 *    fence 4: nobody was told of 5, and the first writer goes on with 4.
 * 2. Note 5 is written. A crash here leaves 4, or 5 where recovery still sees the note. In the second case
 *    the first writer is refused, and the second one, which has no answer, asks again and gets 6.
 * 3. Note 5 is durable. From here on every recovery finds 5 at least, and fence 4 is refused for ever.
 * 4. The second writer is told 5. All that the first one wrote is durable or queued, and none of it can
 *    come later: the votes that the second one reads are the last ones of the first.
 *
 * # Not a secret
 *
 * A fence parts two honest writers from each other. A secret beside it would stop nobody: a caller who has the role of a
 * writer and means harm may take over, and roles keep everybody else out.
 *
 * # Presence
 *
 * A writer is present while a stream of its fence is open, and for a while behind each of its calls. This
 * alone decides whether a second one must say that it takes over; no clock decides who may write.
 */
import pLimit from "p-limit";
import type { FenceNote } from "../persist/note-forms.js";
import type { NoteLog } from "../persist/note-log.js";
import { PersisterError } from "../types/errors.js";

/** A writer without a stream counts as present for so long behind its last call. */
const PRESENT_MS = 10_000;

type FenceNotes = Pick<NoteLog<FenceNote>, "append" | "count" | "last">;

/** A writer that wants in. */
export interface Claim {
  readonly writer: string;
  readonly takeOver: boolean;
  /** A fence that the writer has already; 0 for none. */
  readonly resumeFence: bigint;
}

export interface Grant {
  readonly fence: bigint;
  readonly previousWriter: string;
}

/** The writer that has the store, or had it last. */
interface Holder {
  readonly fence: bigint;
  readonly writer: string;
  /** Aborted when another one was let in, with FENCED as its reason. */
  readonly over: AbortController;
  /** Writes under way. */
  readonly writes: Set<Promise<unknown>>;
  streams: number;
  presentUntilMs: number;
}

export class Fence {
  readonly #notes: FenceNotes;
  readonly #clockMs: () => number;
  readonly #oneAtATime = pLimit(1);
  #holder: Holder;

  private constructor(notes: FenceNotes, last: FenceNote | undefined, clockMs: () => number) {
    this.#notes = notes;
    this.#clockMs = clockMs;
    this.#holder = holderOf(notes.count, last?.writer ?? "", -Infinity);
  }

  /** The fence as the store has it. `clockMs` only rises. */
  static async open(notes: FenceNotes, clockMs: () => number): Promise<Fence> {
    return new Fence(notes, await notes.last(), clockMs);
  }

  /** The newest fence, its writer, and whether that one is present. */
  get newest(): { readonly fence: bigint; readonly writer: string; readonly isPresent: boolean } {
    const { fence, writer } = this.#holder;
    return { fence, writer, isPresent: this.#isPresent() };
  }

  /**
   * Lets a writer in; its fence is durable when resolved.
   *
   * @throws {PersisterError} WRITER_PRESENT while another one is there and is not to be taken over from;
   * FENCED where the fence to go on with is not the newest; as a note is refused, and nothing changed.
   */
  async acquire(claim: Claim): Promise<Grant> {
    return await this.#oneAtATime(() => this.#acquire(claim));
  }

  async #acquire({ writer, takeOver, resumeFence }: Claim): Promise<Grant> {
    const before = this.#holder;
    if (resumeFence > 0n) {
      this.#refuseUnless(resumeFence);
      if (writer !== before.writer) throw fenced(resumeFence, before.writer);
      this.#touch();
      return { fence: before.fence, previousWriter: before.writer };
    }
    if (this.#isPresent() && !takeOver) throw writerPresent(before);
    before.over.abort(fenced(before.fence, writer));
    await Promise.allSettled(before.writes);
    try {
      const fence = await this.#notes.append({ writer, atMs: Date.now() });
      this.#holder = holderOf(fence, writer, this.#clockMs() + PRESENT_MS);
      return { fence, previousWriter: before.writer };
    } catch (cause) {
      // Nobody was let in: the fence is what it was, and its writer may go on with it.
      this.#holder = holderOf(before.fence, before.writer, -Infinity);
      throw cause;
    }
  }

  /** The writer with this fence leaves; another one is let in at once. */
  leave(fence: bigint): void {
    this.#refuseUnless(fence);
    this.#holder.presentUntilMs = -Infinity;
  }

  /**
   * Runs a write under a fence. A take-over waits for its end.
   *
   * @throws {PersisterError} FENCED where another writer was let in before or meanwhile; as `work`.
   */
  async write<T>(fence: bigint, work: (over: AbortSignal) => Promise<T>): Promise<T> {
    this.#refuseUnless(fence);
    this.#touch();
    const { over, writes } = this.#holder;
    const running = work(over.signal);
    writes.add(running);
    try {
      const result = await running;
      over.signal.throwIfAborted();
      return result;
    } catch (cause) {
      over.signal.throwIfAborted();
      throw cause;
    } finally {
      writes.delete(running);
    }
  }

  /**
   * The signal that aborts when a fence is of no use any more, for those who read under it.
   *
   * @throws {PersisterError} FENCED where it is of no use already.
   */
  signalOf(fence: bigint): AbortSignal {
    this.#refuseUnless(fence);
    return this.#holder.over.signal;
  }

  /** A stream of the writer with this fence is open until what is returned is called. */
  openStream(fence: bigint): () => void {
    this.#refuseUnless(fence);
    const holder = this.#holder;
    holder.streams += 1;
    return () => {
      holder.streams -= 1;
      // A writer whose last stream broke is gone: it need not be waited for.
      if (holder.streams === 0) holder.presentUntilMs = -Infinity;
    };
  }

  #isPresent(): boolean {
    const { streams, presentUntilMs } = this.#holder;
    return streams > 0 || this.#clockMs() < presentUntilMs;
  }

  #touch(): void {
    this.#holder.presentUntilMs = this.#clockMs() + PRESENT_MS;
  }

  #refuseUnless(fence: bigint): void {
    const { fence: newest, writer, over } = this.#holder;
    over.signal.throwIfAborted();
    if (fence === newest && fence > 0n) return;
    if (fence < newest && fence > 0n) throw fenced(fence, writer);
    throw new PersisterError(
      "FENCED",
      `fence ${fence} was never granted: acquire the store first, and name the fence in every write`,
    );
  }
}

function holderOf(fence: bigint, writer: string, presentUntilMs: number): Holder {
  const over = new AbortController();
  return { fence, writer, over, writes: new Set(), streams: 0, presentUntilMs };
}

function fenced(fence: bigint, by: string): PersisterError {
  return new PersisterError(
    "FENCED",
    `fence ${fence} is of no use any more: the writer "${by}" was let in since; stop this validator ` +
      "or the other one, for two of them with one key sign against each other",
  );
}

function writerPresent({ fence, writer }: Holder): PersisterError {
  return new PersisterError(
    "WRITER_PRESENT",
    `the writer "${writer}" has the store with fence ${fence}: stop it first, or take over from it (takeOver: true)`,
  );
}
