/**
 * A stream that goes on, with the two messages that its reader needs beside the records. The marker comes once, when
 * all that was durable at the call was sent: what follows is new. A heartbeat comes when nothing was sent for a while: a
 * reader that hears none knows that its stream is dead, also through a proxy that keeps a dead connection.
 */
/** Proxies give up a silent stream after a minute, as a rule. */
export const HEARTBEAT_MS = 15_000;

export interface Marks<T> {
  /** Whether all is sent that was durable at the call: asked at the begin, and behind each message with it. */
  readonly isCaughtUp: (sent?: T) => boolean;
  readonly marker: T;
  readonly heartbeat: T;
  readonly heartbeatMs?: number;
}

export async function* attended<T>(
  messages: AsyncGenerator<T>,
  { isCaughtUp, marker, heartbeat, heartbeatMs = HEARTBEAT_MS }: Marks<T>,
): AsyncGenerator<T> {
  let isMarked = isCaughtUp();
  if (isMarked) yield marker;
  const next = new NextOrTime(messages, heartbeatMs);
  try {
    for (;;) {
      const step = await next.take();
      if (step?.done) return;
      yield step ? step.value : heartbeat;
      if (isMarked || !isCaughtUp(step?.value)) continue;
      isMarked = true;
      yield marker;
    }
  } finally {
    // Not waited for: a message that is under way may never come. How the stream ends is of no interest any more.
    messages.return(undefined).catch(() => undefined);
  }
}

/** The next message, or the time. A message that is waited for is waited for once. */
class NextOrTime<T> {
  readonly #messages: AsyncGenerator<T>;
  readonly #ms: number;
  #isAsked = false;
  #settled: (() => IteratorResult<T>) | undefined;
  #wake = (): void => undefined;

  constructor(messages: AsyncGenerator<T>, ms: number) {
    this.#messages = messages;
    this.#ms = ms;
  }

  /** `undefined`: the time is over. Rejects as the stream does. */
  async take(): Promise<IteratorResult<T> | undefined> {
    if (!this.#isAsked) this.#ask();
    if (!this.#settled) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, this.#ms);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    const settled = this.#settled;
    if (!settled) return undefined;
    this.#settled = undefined;
    this.#isAsked = false;
    return settled();
  }

  #ask(): void {
    this.#isAsked = true;
    const settle = (settled: () => IteratorResult<T>): void => {
      this.#settled = settled;
      this.#wake();
    };
    this.#messages.next().then(
      (step) => settle(() => step),
      (cause: unknown) =>
        settle(() => {
          throw cause;
        }),
    );
  }
}
