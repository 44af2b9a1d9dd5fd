/**
 * The stream of a writer: items in, verdicts and durable cursors out.
 *
 * Two loops share an outbox. The reader takes items into the window, and begins their writes in the order of
 * the stream. The writer sends as the client takes it: verdicts and cursors of one moment go into one message,
 * and a cursor that moved twice is told once.
 *
 * # Bounds
 *
 * An item is in the window until its verdict is in the outbox, and the reader stops while the outbox is
 * full. So a client that sends and does not read is stopped by flow control.
 *
 * # A window full of blocks that wait
 *
 * A block waits while its lane is full, and only an anchor makes room, which may come behind it on this very
 * stream. So when waiting blocks have taken the whole window, they are refused as LANE_FULL.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { detached } from "../../../async/detached.js";
import { endOfStep } from "../../../async/end-of-step.js";
import { aborted, throwIfAborted, whenAborted } from "../../../async/signal.js";
import type { PersistRequest, PersistResponse } from "../../../rpc/api/keeper.js";
import type { Encodable } from "../../../rpc/message.js";
import { PersisterError } from "../../../types/errors.js";
import type { Call } from "../call.js";
import type { Home, OpenHome } from "../home.js";
import { CursorFeed, caughtUp } from "./cursor-feed.js";
import {
  bytesOf,
  type Item,
  laneFull,
  metError,
  put,
  refusal,
  refusedKinds,
  type Verdict,
} from "./item.js";
import { Window, WINDOW_ITEMS } from "./window.js";

type Answer = Encodable<typeof PersistResponse>;

/** Verdicts that wait for a client that does not read. */
const OUTBOX_MAX = 1024;

/** An error with one of these codes ends all work, and the stream with it. */
const ending: ReadonlySet<string> = new Set(["FENCED", "POISONED"]);

/** Answers the requests of one stream, until both sides are through. */
export async function* persistAnswers(
  requests: AsyncIterable<PersistRequest>,
  call: Call,
  home: Home,
): AsyncGenerator<Answer> {
  const reading = requests[Symbol.asyncIterator]();
  const fence = openingOf(await reading.next());
  const store = home.open();
  const fenced = store.fence.signalOf(fence);
  const close = store.fence.openStream(fence);
  const signal = AbortSignal.any([call.signal, fenced]);
  try {
    yield* new PersistStream(home, store, fence, signal).answers(reading);
  } catch (cause) {
    fenced.throwIfAborted();
    throw cause;
  } finally {
    close();
  }
}

function openingOf({ done, value }: IteratorResult<PersistRequest>): bigint {
  if (done !== true && value.message?.case === "opening") return value.message.value.fence;
  throw new PersisterError("USAGE", "the first message of a Persist stream is its opening");
}

class PersistStream {
  readonly #home: Home;
  readonly #store: OpenHome;
  readonly #fence: bigint;
  /** Aborts when the client is gone, or another writer was let in. */
  readonly #signal: AbortSignal;
  readonly #window: Window;
  readonly #feed = new CursorFeed();
  readonly #verdicts: Verdict[] = [];
  /** Blocks under way. */
  #blocks = 0;
  #laneFull = new AbortController();
  #waitSignal: AbortSignal;
  /** The client has half-closed, and everything that it sent has a verdict. */
  #isThrough = false;
  #failure: Error | undefined;
  /** The wait for the next move of a cursor. */
  #moving: Promise<void> | undefined;
  #isWoken = false;
  #resolveNews = (): void => undefined;
  #wakeReader = (): void => undefined;

  constructor(home: Home, store: OpenHome, fence: bigint, signal: AbortSignal) {
    this.#home = home;
    this.#store = store;
    this.#fence = fence;
    this.#signal = signal;
    this.#window = new Window(home.inFlight);
    this.#waitSignal = AbortSignal.any([signal, this.#laneFull.signal]);
  }

  async *answers(reading: AsyncIterator<PersistRequest>): AsyncGenerator<Answer> {
    const { keeper } = this.#store;
    yield { cursors: this.#feed.take(keeper.cursors) };
    detached(this.#read(reading));
    let isCaughtUp: ReturnType<typeof caughtUp> | undefined;
    while (isCaughtUp?.(keeper.cursors) !== true || this.#verdicts.length > 0) {
      await this.#news();
      this.#signal.throwIfAborted();
      if (this.#isThrough) isCaughtUp ??= caughtUp(keeper.cursors);
      const verdicts = this.#verdicts.splice(0);
      this.#wakeReader();
      const hasMoved = this.#feed.hasMoved(keeper.cursors);
      const cursors = hasMoved ? { cursors: this.#feed.take(keeper.cursors) } : {};
      if (verdicts.length > 0 || hasMoved) yield { verdicts, ...cursors };
      if (this.#failure) throw this.#failure;
    }
  }

  /**
   * Resolves when there is something to send, or the stream is to end. All that settles in one step of the
   * event loop goes into one message.
   */
  async #news(): Promise<void> {
    this.#moving ??= this.#cursorMoved();
    if (!this.#isWoken) {
      const woken = new Promise<void>((resolve) => {
        this.#resolveNews = resolve;
      });
      await Promise.race([this.#moving, woken]);
    }
    if (!this.#feed.hasMoved(this.#store.keeper.cursors)) await this.#behindTheGroup();
    await endOfStep();
    this.#isWoken = false;
  }

  /**
   * A verdict waits until the group of its item is on its way: one turn of the event loop to be taken, one to be
   * written. The cursors of a small group are durable by then and go into the same message; a large group is on its
   * way to the disk, and the message holds it up no more.
   */
  async #behindTheGroup(): Promise<void> {
    await nextTurn();
    await nextTurn();
  }

  /** The end of the store is told behind its last cursors. */
  async #cursorMoved(): Promise<void> {
    try {
      await this.#store.keeper.watchCursors(this.#feed.hasMoved, { signal: this.#signal });
      this.#moving = undefined;
    } catch (cause) {
      this.#failure ??= metError(cause);
    }
  }

  #wakeWriter(): void {
    this.#isWoken = true;
    this.#resolveNews();
  }

  async #read(reading: AsyncIterator<PersistRequest>): Promise<void> {
    try {
      for (let step = await reading.next(); step.done !== true; step = await reading.next()) {
        const { message } = step.value;
        if (message?.case !== "items") throw notItems();
        const { items } = message.value;
        if (items.length > WINDOW_ITEMS) throw tooManyItems(items.length);
        for (const { id, item } of items) await this.#begin(id, item);
      }
      while (this.#window.items > 0) await this.#window.freed(this.#signal);
      this.#isThrough = true;
    } catch (cause) {
      this.#failure = metError(cause);
    }
    this.#wakeWriter();
  }

  /** Begins the write of an item, once there is room for it. */
  async #begin(id: bigint, item: Item | undefined): Promise<void> {
    if (item === undefined) throw new PersisterError("USAGE", `item ${id} holds nothing`);
    // Before the window: a stream that ends here has nothing under way.
    while (this.#verdicts.length >= OUTBOX_MAX) await this.#outboxTaken();
    const bytes = bytesOf(item);
    while (!this.#window.tryEnter(bytes)) {
      await nextTurn();
      const doAllWait = this.#blocks === this.#window.items;
      if (doAllWait && this.#blocks > 0) this.#refuseWaiting();
      if (this.#window.items > 0) await this.#window.freed(this.#signal);
      else {
        await this.#window.enterBehindOthers(bytes, this.#signal);
        break;
      }
    }
    if (item.case === "block") this.#blocks += 1;
    detached(this.#write(id, item, bytes));
  }

  async #write(id: bigint, item: Item, bytes: number): Promise<void> {
    const { fence, keeper } = this.#store;
    try {
      const verdict = await fence.write(this.#fence, () => put(keeper, item, this.#waitSignal));
      this.#verdicts.push({ id, ...verdict });
    } catch (cause) {
      const error = metError(cause);
      if (ending.has(error.code)) this.#failure ??= error;
      else this.#verdicts.push({ id, ...refusal(error) });
      if (error.code !== "DUPLICATE") this.#note(item, error);
    }
    if (item.case === "block") this.#blocks -= 1;
    this.#window.leave(bytes);
    this.#wakeWriter();
  }

  #note(item: Item, { code, message }: ReturnType<typeof metError>): void {
    this.#home.refused({ code, kind: refusedKinds[item.case], message });
  }

  #refuseWaiting(): void {
    this.#laneFull.abort(laneFull());
    this.#laneFull = new AbortController();
    this.#waitSignal = AbortSignal.any([this.#signal, this.#laneFull.signal]);
  }

  async #outboxTaken(): Promise<void> {
    const signal = this.#signal;
    const what = "the wait for a client that reads";
    throwIfAborted(signal, what);
    await new Promise<void>((resolve, reject) => {
      const takeBack = whenAborted(signal, () => reject(aborted(signal, what)));
      this.#wakeReader = () => {
        takeBack();
        resolve();
      };
    });
  }
}

function notItems(): PersisterError {
  return new PersisterError("USAGE", "behind its opening a Persist stream takes items alone");
}

function tooManyItems(count: number): PersisterError {
  const most = `at most ${WINDOW_ITEMS} in a message`;
  return new PersisterError("OVERLOADED", `${count} items came at once: ${most}`);
}
