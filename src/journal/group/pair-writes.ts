/**
 * The messages on their way to the A/B slots: beside the groups, not in them, so that no record waits
 * for them. A message is acknowledged when its slot is durable, and a mark that names its sequence as in
 * flight (D6): should the slot be damaged then, the mark tells that there was a newer one.
 *
 * Every mark that begins until then names it: 1. Mark 7 names vote 3 as in flight. 2. A group is
 * acknowledged, and mark 8 follows. If it did not name vote 3, and the slot of vote 3 were damaged behind
 * its acknowledgement, nothing would tell of it.
 */
import { allEnded } from "../../async/all-ended.js";
import { assert } from "../../types/assert.js";
import type { PersisterError } from "../../types/errors.js";
import type { PairEntry, PairRole } from "./group.js";
import { pairAcked, pairInFlight } from "./mark-change.js";
import type { MarkFile } from "../segment/mark-file.js";

export class PairWrites {
  readonly #markFile: MarkFile;
  readonly #inFlight = new Map<PairRole, { readonly entry: PairEntry; ended: Promise<void> }>();

  constructor(markFile: MarkFile) {
    this.#markFile = markFile;
  }

  /**
   * Writes a message; the entry is durable when resolved, `beside` has resolved, too, and then the caller
   * settles it.
   */
  async write(entry: PairEntry, beside?: Promise<void>): Promise<void> {
    const { role } = entry;
    assert(!this.#inFlight.has(role), "one message of a pair is in flight at a time");
    const markFile = this.#markFile;
    const named = markFile.write(pairInFlight(markFile.current, entry));
    const ended = allEnded([named, entry.write(), ...(beside ? [beside] : [])]);
    this.#inFlight.set(role, { entry, ended });
    await ended;
  }

  /** A message is durable: the next mark names it as acknowledged. */
  acknowledge(entry: PairEntry): void {
    this.#inFlight.delete(entry.role);
    this.#markFile.note(pairAcked(entry));
  }

  /** Settles every message that is in flight. */
  reject(poison: PersisterError): void {
    const entries = [...this.#inFlight.values()];
    this.#inFlight.clear();
    for (const { entry } of entries) entry.settled(poison);
  }

  /** Resolves when no write is in flight any more, however it ended. */
  async settled(): Promise<void> {
    await Promise.allSettled([...this.#inFlight.values()].map(({ ended }) => ended));
  }
}
