/**
 * The connections of a listener. A connection is a stranger until a call on it was let in, and strangers may hold little:
 * one that says nothing is closed soon, and when they are more than half of all that the listener takes, the oldest goes.
 * So a crowd of strangers never keeps a validator out. Over a UNIX socket nobody is a stranger: its owner alone can open it.
 */
import type { Socket } from "node:net";
import { type Peer, placeOf } from "./gate.js";

/** Time for the first words of a connection: the preface of HTTP/2. */
export const FIRST_WORDS_MS = 10_000;

export class Connections {
  readonly #open = new Set<Socket>();
  /** By their places, the oldest first. */
  readonly #strangers = new Map<string, Socket>();
  readonly #strangersMax: number;
  readonly #firstWordsMs: number;

  /** Of at most `connectionsMax`. */
  constructor(connectionsMax: number, firstWordsMs: number = FIRST_WORDS_MS) {
    this.#strangersMax = Math.max(1, Math.floor(connectionsMax / 2));
    this.#firstWordsMs = firstWordsMs;
  }

  add(socket: Socket): void {
    this.#open.add(socket);
    const place = placeOf(socket);
    const isSilent = (): void => void (socket.bytesRead === 0 && socket.destroy());
    const timer = setTimeout(isSilent, this.#firstWordsMs);
    timer.unref();
    socket.once("close", () => {
      clearTimeout(timer);
      this.#open.delete(socket);
      if (place !== undefined) this.#strangers.delete(place);
    });
    if (place === undefined) return;
    this.#strangers.set(place, socket);
    const [oldest] = this.#strangers.values();
    if (this.#strangers.size > this.#strangersMax) oldest?.destroy();
  }

  /** A call on the connection from this place was let in. */
  letIn(peer: Peer): void {
    const place = placeOf(peer);
    if (place !== undefined) this.#strangers.delete(place);
  }

  cut(): void {
    for (const socket of this.#open) socket.destroy();
  }

  /** The library has no session for a connection that never said a word, and does not close it. */
  cutSilent(): void {
    for (const socket of this.#open) if (socket.bytesRead === 0) socket.destroy();
  }

  async ended(): Promise<void> {
    const ends = [...this.#open].map((socket) => new Promise((end) => socket.once("close", end)));
    await Promise.all(ends);
  }
}
