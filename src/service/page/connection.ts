/**
 * The connection to the service: its events, and whether it is alive. A page that hears nothing for five
 * seconds says so: a look that is old must never pass for a look at now.
 */
import type { Look, Sample } from "./look.js";

const SILENCE_MS = 5000;

/** Samples of ten minutes. */
const SAMPLES_MAX = 300;

/** `asked`: the service wants a token before it tells anything. */
export type Link = "opening" | "live" | "lost" | "asked";

export interface Heard {
  link: Link;
  look: Look | undefined;
  /** When the last event came, by this machine's clock. */
  atMs: number;
  samples: readonly Sample[];
}

export class Connection {
  readonly heard: Heard = { link: "opening", look: undefined, atMs: 0, samples: [] };
  readonly #changed: () => void;
  #source: EventSource | undefined;

  /** `changed` is called when there is something new to draw. */
  constructor(changed: () => void) {
    this.#changed = changed;
    this.#open();
    setInterval(() => this.#listen(), 1000);
  }

  /** Begins a session with this token. Returns why the service refuses it, or nothing. */
  async login(token: string): Promise<string> {
    const headers = { authorization: `Bearer ${token}` };
    const answer = await fetch("/session", { method: "POST", headers });
    if (!answer.ok) return await answer.text();
    this.#open();
    return "";
  }

  #open(): void {
    this.#source?.close();
    const source = new EventSource("/events");
    this.#source = source;
    source.addEventListener("look", (event) => {
      this.heard.look = JSON.parse(String(event.data)) as Look;
      this.#alive();
    });
    source.addEventListener("samples", (event) => {
      const more = JSON.parse(String(event.data)) as readonly Sample[];
      const all = more.length === 1 ? [...this.heard.samples, ...more] : more;
      this.heard.samples = all.slice(-SAMPLES_MAX);
      this.#alive();
    });
    source.addEventListener("error", () => {
      // The browser tries again by itself, unless the answer was no stream of events.
      if (source.readyState === EventSource.CLOSED) this.#ask();
    });
  }

  #alive(): void {
    this.heard.atMs = Date.now();
    this.heard.link = "live";
    this.#changed();
  }

  /** Looks why there are no events: without a token the page asks for one; else it tries again. */
  #ask(): void {
    fetch("/api/status").then(
      ({ status }) => {
        if (status === 401 || status === 403) this.#becomes("asked");
        else setTimeout(() => this.#open(), SILENCE_MS);
      },
      () => {
        this.#becomes("lost");
        setTimeout(() => this.#open(), SILENCE_MS);
      },
    );
  }

  /** Each second: a page that heard nothing draws how old its look is. */
  #listen(): void {
    if (this.heard.link === "asked") return;
    if (Date.now() - this.heard.atMs >= SILENCE_MS) this.#becomes("lost");
  }

  #becomes(link: Link): void {
    if (this.heard.link === "opening" && link === "lost" && this.heard.atMs === 0) {
      this.heard.atMs = Date.now();
      return;
    }
    this.heard.link = link;
    this.#changed();
  }
}
