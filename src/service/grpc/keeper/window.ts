/**
 * The items of one stream that are under way: a bounded number, and bounded bytes, of the stream and of all
 * streams together. Beyond that the stream is not read, and flow control stops its client (D9).
 */
import type { ByteBudget } from "../../../async/byte-budget.js";
import { aborted, throwIfAborted, whenAborted } from "../../../async/signal.js";

export const WINDOW_ITEMS = 256;
const WINDOW_BYTES = 16 * 1024 * 1024;

export class Window {
  readonly #all: ByteBudget;
  #items = 0;
  #bytes = 0;
  #wake: (() => void) | undefined;

  constructor(all: ByteBudget) {
    this.#all = all;
  }

  /** Items that are under way. */
  get items(): number {
    return this.#items;
  }

  /** Takes an item in, if the stream has room for it. */
  tryEnter(bytes: number): boolean {
    if (this.#items >= WINDOW_ITEMS || this.#bytes >= WINDOW_BYTES) return false;
    if (!this.#all.tryTake(bytes)) return false;
    this.#items += 1;
    this.#bytes += bytes;
    return true;
  }

  /** Takes an item in when the other streams have room for it. @throws {PersisterError} ABORTED. */
  async enterBehindOthers(bytes: number, signal: AbortSignal): Promise<void> {
    await this.#all.take(bytes, signal);
    this.#items += 1;
    this.#bytes += bytes;
  }

  leave(bytes: number): void {
    this.#items -= 1;
    this.#bytes -= bytes;
    this.#all.giveBack(bytes);
    this.#wake?.();
  }

  /** Resolves when an item has left. @throws {PersisterError} ABORTED by the signal. */
  async freed(signal: AbortSignal): Promise<void> {
    const what = "the wait for room in the window";
    throwIfAborted(signal, what);
    await new Promise<void>((resolve, reject) => {
      const takeBack = whenAborted(signal, () => reject(aborted(signal, what)));
      this.#wake = () => {
        takeBack();
        this.#wake = undefined;
        resolve();
      };
    });
  }
}
