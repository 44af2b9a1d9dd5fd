/** Messages about views that are not reached yet, kept in the order in which they came. */
import type { LaneId } from "../../types/lane.js";
import type { View } from "../../wire/messages.js";
import { sameView } from "../../wire/rules/timeout.js";
import type { Engine } from "../protocol/engine.js";
import type { Message } from "../protocol/message.js";

/** One of each kind from each of a hundred validators, with a view to spare; the oldest go first. */
const KEPT_MAX = 512;

export interface Early {
  readonly from: LaneId;
  readonly message: Message;
}

export class EarlyMessages {
  #kept: Early[] = [];
  #view: View | undefined;

  /** Keeps a message that `engine` does not want yet; any other one is let go. */
  keep(engine: Engine, early: Early): void {
    if (!engine.isEarly(early.message)) return;
    if (this.#kept.length >= KEPT_MAX) this.#kept.shift();
    this.#kept.push(early);
  }

  /** What was kept, once for each view that `engine` reaches: to be brought again. */
  take(engine: Engine): readonly Early[] {
    const { view } = engine;
    if (this.#view !== undefined && sameView(this.#view, view)) return [];
    this.#view = view;
    const kept = this.#kept;
    this.#kept = [];
    return kept;
  }
}
