/**
 * The answers of a stream on their way out. The library stops a stream of messages at sixteen of them, of whatever size:
 * a reader that does not read would have dozens of megabytes in memory. Here a stream stops by bytes, too.
 */
import type { ServerDuplexStream, ServerWritableStream } from "@grpc/grpc-js";
import { whenAborted } from "../../../async/signal.js";

/** The answers that wait for the window of their reader may have so many bytes: one of them may have more. */
const WAITING_BYTES_MAX = 256 * 1024;
/** As many small ones may wait. */
const WAITING_MAX = 16;

type StreamCall = ServerWritableStream<unknown, Buffer> | ServerDuplexStream<unknown, Buffer>;

export class Outgoing {
  readonly #call: StreamCall;
  readonly #signal: AbortSignal;
  #waiting = 0;
  #waitingBytes = 0;
  #wake = (): void => undefined;

  /** `signal` aborts when the call is over: then the library tells nothing more of what was written. */
  constructor(call: StreamCall, signal: AbortSignal) {
    this.#call = call;
    this.#signal = signal;
  }

  write(bytes: Buffer): void {
    this.#waiting += 1;
    this.#waitingBytes += bytes.length;
    this.#call.write(bytes, () => {
      this.#waiting -= 1;
      this.#waitingBytes -= bytes.length;
      this.#wake();
    });
  }

  get isFull(): boolean {
    return this.#waiting >= WAITING_MAX || this.#waitingBytes > WAITING_BYTES_MAX;
  }

  /** Resolves when the stream takes more. @throws as its signal once the call is over. */
  async room(): Promise<void> {
    while (this.isFull && !this.#signal.aborted) {
      await new Promise<void>((resolve) => {
        const takeBack = whenAborted(this.#signal, resolve);
        this.#wake = () => {
          takeBack();
          resolve();
        };
      });
    }
    this.#signal.throwIfAborted();
  }
}
