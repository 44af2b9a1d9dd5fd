/**
 * The pages that are open, and the events that they get (server-sent events): `look` when it changed, at
 * most twice a second, `samples` for the plots, and a comment every 15 seconds, so that a dead connection
 * is noticed. A page that does not read is let go; nothing waits for it.
 */
import type { ServerResponse } from "node:http";
import type { Look, Sample } from "../page/look.js";

export const CLIENTS_MAX = 16;

const TICK_MS = 500;
const COMMENT_MS = 15_000;

/** Unread bytes of a page before it is let go. */
const UNREAD_BYTES_MAX = 1024 * 1024;

/** A page tries again so long after it lost its connection. */
const RETRY_MS = 2000;

export interface EventSources {
  readonly look: () => Promise<Look>;
  readonly samples: () => readonly Sample[];
  /** Told of a look that failed. */
  readonly failed: (cause: unknown) => void;
}

export class EventStream {
  readonly #sources: EventSources;
  /** With what says whether the page may still look. */
  readonly #clients = new Map<ServerResponse, () => boolean>();
  #timer: NodeJS.Timeout | undefined;
  /** The look that every page has. */
  #sent = "";
  #sentAtMs = 0;
  #id = 0;
  #isTicking = false;

  constructor(sources: EventSources) {
    this.#sources = sources;
  }

  get size(): number {
    return this.#clients.size;
  }

  get isFull(): boolean {
    return this.#clients.size >= CLIENTS_MAX;
  }

  /**
   * Takes over `response`: the page gets the samples so far, then everything that comes, as long as it
   * may look.
   */
  async add(response: ServerResponse, mayLook: () => boolean): Promise<void> {
    this.#clients.set(response, mayLook);
    response.once("close", () => this.#gone(response));
    // A write that a vanished page meets: its close follows, and is enough.
    response.on("error", () => {});
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(`retry: ${RETRY_MS}\n\n`);
    this.#send([response], "samples", JSON.stringify(this.#sources.samples()));
    this.#send([response], "look", JSON.stringify(await this.#sources.look()));
    const tick = (): void => {
      this.#tick().catch(this.#sources.failed);
    };
    this.#timer ??= setInterval(tick, TICK_MS).unref();
  }

  /** A new sample, for every page. */
  sample(sample: Sample): void {
    this.#send(this.#clients.keys(), "samples", JSON.stringify([sample]));
  }

  /** Ends every page's connection. */
  close(): void {
    clearInterval(this.#timer);
    for (const client of this.#clients.keys()) client.end();
  }

  async #tick(): Promise<void> {
    if (this.#isTicking) return;
    this.#isTicking = true;
    try {
      for (const [client, mayLook] of this.#clients) if (!mayLook()) client.end();
      const look = JSON.stringify(await this.#sources.look());
      const clients = [...this.#clients.keys()];
      if (look !== this.#sent) this.#send(clients, "look", look);
      else if (Date.now() - this.#sentAtMs >= COMMENT_MS) this.#write(clients, ": here\n\n");
      this.#sent = look;
    } finally {
      this.#isTicking = false;
    }
  }

  #send(clients: Iterable<ServerResponse>, event: string, json: string): void {
    this.#id += 1;
    this.#write(clients, `id: ${this.#id}\nevent: ${event}\ndata: ${json}\n\n`);
  }

  #write(clients: Iterable<ServerResponse>, text: string): void {
    this.#sentAtMs = Date.now();
    for (const client of clients) {
      if (client.writableLength > UNREAD_BYTES_MAX) client.destroy();
      else client.write(text);
    }
  }

  #gone(response: ServerResponse): void {
    this.#clients.delete(response);
    if (this.#clients.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
