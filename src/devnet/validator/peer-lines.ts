/** The lines of a validator to every machine of each peer. */
import type { LaneId } from "../../types/lane.js";
import type { Message } from "../protocol/message.js";
import { framed, type Parting, PeerLine } from "./transport.js";

export class PeerLines {
  readonly #own: LaneId;
  readonly #parting: Parting;
  readonly #lines = new Map<string, { readonly lane: LaneId; readonly line: PeerLine }>();
  /** Messages that wait for the end of this turn of the event loop, or of a parting. */
  #leaving = 0;

  constructor(own: LaneId, parting: Parting) {
    this.#own = own;
    this.#parting = parting;
  }

  /** This machine of the peer that owns `lane` listens at `port` from now on. */
  dial(lane: LaneId, machine: number, port: number): void {
    const name = `${lane} ${machine}`;
    const to = this.#lines.get(name) ?? { lane, line: new PeerLine(this.#own, this.#parting) };
    this.#lines.set(name, to);
    to.line.dial(port);
  }

  /** Sends to one peer, or to all. `left` is called when all that was sent so far is with the system. */
  send(message: Message, to: LaneId | undefined, left?: () => void): void {
    const frame = framed(message);
    for (const { lane, line } of this.#lines.values()) {
      if (to === undefined || to === lane) line.send(frame);
    }
    if (!left) return;
    this.#leaving += 1;
    this.#parting.behind(() => {
      this.#leaving -= 1;
      if (this.#leaving === 0) left();
    });
  }

  close(): void {
    for (const { line } of this.#lines.values()) line.close();
  }
}
