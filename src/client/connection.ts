/**
 * Keeps a session with the service: makes one, makes the next one when it is lost, and gives up when it
 * must. Calls and subscriptions go on across sessions; nobody but them sees that there are several.
 */
import { clearTimeout, setTimeout } from "node:timers";
import { throwIfAborted, type WaitOptions, whenAborted } from "../async/signal.js";
import { PersisterError } from "../types/errors.js";
import { Backoff } from "./link/backoff.js";
import { type CallFailure, callFailure } from "./link/failures.js";
import { Link } from "./link/link.js";
import type { Target } from "./link/target.js";
import { Memory } from "./memory.js";
import type { ClientSettings } from "./options.js";
import { Session } from "./session.js";

/** Time and chance. */
export interface World {
  readonly nowMs: () => number;
  /** Draws from [0, 1). */
  readonly fraction: () => number;
}

/** A stream of this client that goes on in each session. */
export interface Subscription {
  /** Resolves when the subscription is in place; a failure of the session ends that, too. */
  readonly attach: (session: Session) => Promise<void>;
}

export class Connection {
  readonly memory = new Memory();
  /** Aborted at the end of the client, with the error of it as the reason. */
  readonly over = new AbortController();
  readonly #target: Target;
  readonly #settings: ClientSettings;
  readonly #world: World;
  readonly #subscriptions = new Set<Subscription>();
  /** Subscriptions that are not in place yet: until then nothing is sent. */
  #attaching = 0;
  #session: Session | undefined;
  #fence = 0n;
  readonly #running: Promise<void>;

  constructor(target: Target, settings: ClientSettings, world: World) {
    this.#target = target;
    this.#settings = settings;
    this.#world = world;
    this.#running = this.#run();
  }

  /** The session, once there is one; the client's end otherwise. */
  async session(options?: WaitOptions): Promise<Session> {
    return await this.memory.waits.waitFor(["session"], () => this.#session, options);
  }

  /** The fence of this client's writer; 0 for a client that only reads. */
  get fence(): bigint {
    return this.#fence;
  }

  /** There may be something to send. */
  pump(): void {
    if (this.#attaching === 0) this.#session?.pump();
  }

  /**
   * A call that may be made again: in this session, or in the next one if this one is lost.
   *
   * @throws {PersisterError} what the service answers; ABORTED; UNREACHABLE.
   */
  async call<T>(make: (session: Session) => Promise<T>, { signal }: WaitOptions = {}): Promise<T> {
    const backoff = new Backoff(this.#world.fraction);
    const sinceMs = this.#world.nowMs();
    for (;;) {
      const session = await this.session({ signal });
      const failure = await attempt(() => make(session), this.#target.address);
      if ("answer" in failure) return failure.answer;
      throwIfAborted(signal, "the call");
      this.#throwIfOver();
      const isLate = this.#world.nowMs() - sinceMs > this.#settings.reachMs;
      if (!failure.mayRetry || isLate) throw failure.error;
      await pause(backoff.next(), this.over.signal, signal);
    }
  }

  /** Puts a subscription in place, in this session and in each later one, until it is taken back. */
  subscribe(subscription: Subscription): () => void {
    this.#subscriptions.add(subscription);
    if (this.#session) this.#attach(this.#session, [subscription]);
    return () => void this.#subscriptions.delete(subscription);
  }

  /** Ends everything with `error`. Idempotent. */
  end(error: PersisterError): void {
    if (this.over.signal.aborted) return;
    this.over.abort(error);
    this.#session?.fail(error);
    this.#session = undefined;
    this.memory.fail(error);
  }

  /** Lets go of the store, if it can be reached, and ends everything with `error`. */
  async close(error: PersisterError): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    await session?.close();
    this.end(error);
    await this.#running;
  }

  async #run(): Promise<void> {
    const backoff = new Backoff(this.#world.fraction);
    let sinceMs = this.#world.nowMs();
    while (!this.over.signal.aborted) {
      const session = await this.#begun();
      if (session instanceof Session) {
        backoff.reset();
        const failure = await session.ended;
        this.#session = undefined;
        sinceMs = this.#world.nowMs();
        if (!failure.mayRetry) return this.end(failure.error);
      } else if (!session.mayRetry) return this.end(session.error);
      else if (this.#world.nowMs() - sinceMs > this.#settings.reachMs) {
        return this.end(this.#unreachable(session.error));
      }
      await pause(backoff.next(), this.over.signal);
    }
  }

  /** A session with everything in place, or why there is none. */
  async #begun(): Promise<Session | CallFailure> {
    const { writer, takeOver } = this.#settings;
    const session = await Session.begin({
      link: new Link(this.#target),
      address: this.#target.address,
      memory: this.memory,
      writer,
      takeOver,
      fence: this.#fence,
      granted: (fence) => {
        this.#fence = fence;
      },
    });
    if (!(session instanceof Session)) return session;
    if (this.over.signal.aborted) session.fail(this.over.signal.reason);
    else this.#start(session);
    return session;
  }

  #start(session: Session): void {
    this.#session = session;
    this.#attaching = 0;
    this.#attach(session, [...this.#subscriptions]);
    this.memory.waits.wake("session");
  }

  /** Nothing is sent before the subscriptions are in place: they miss nothing that becomes durable. */
  #attach(session: Session, subscriptions: readonly Subscription[]): void {
    this.#attaching += 1;
    session.mayWrite(false);
    const attached = Promise.all(subscriptions.map((each) => each.attach(session)));
    attached.then(
      () => {
        if (this.#session !== session) return;
        this.#attaching -= 1;
        if (this.#attaching === 0) session.mayWrite(true);
      },
      (cause: unknown) => void session.fail(cause),
    );
  }

  #throwIfOver(): void {
    if (this.over.signal.aborted) throw this.over.signal.reason;
  }

  #unreachable(cause: PersisterError): PersisterError {
    if (cause.code === "NOT_READY") return cause;
    const { reachMs } = this.#settings;
    const message = `the service was not reached for ${reachMs} ms: ${cause.message}`;
    return new PersisterError("UNREACHABLE", message, { cause });
  }
}

async function attempt<T>(
  make: () => Promise<T>,
  address: string,
): Promise<{ readonly answer: T } | CallFailure> {
  try {
    return { answer: await make() };
  } catch (cause) {
    if (cause instanceof PersisterError) return { error: cause, mayRetry: false };
    return callFailure(cause, address);
  }
}

/** Resolves after `ms`, or when one of `signals` aborts. */
async function pause(ms: number, ...signals: readonly (AbortSignal | undefined)[]): Promise<void> {
  const given = signals.filter((signal) => signal !== undefined);
  if (given.some(({ aborted }) => aborted)) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      for (const takeBack of takeBacks) takeBack();
      resolve();
    };
    const timer = setTimeout(done, ms);
    const takeBacks = given.map((signal) => whenAborted(signal, () => done()));
  });
}
