/**
 * The door of the gRPC listeners: who calls, and whether the caller may. Calls of nobody who is known are
 * counted; beyond a number in a minute they are refused without a line in the log, so that a flood of them
 * fills no disk. A right token passes always: nobody locks a validator out by guessing.
 */
import { PersisterError } from "../../types/errors.js";
import type { AccessList } from "./access-file.js";
import { type Allowed, type Caller, localCaller } from "./caller.js";

const UNKNOWN_MAX = 10;
const MINUTE_MS = 60_000;

/** The caller's papers: what a call carries. */
export interface Papers {
  /** The value of the header `authorization`. */
  readonly authorization: string | undefined;
  /** The common name of a client certificate that was verified. */
  readonly commonName: string | undefined;
}

export class Door {
  readonly #list: () => AccessList | undefined;
  /** Over this listener everybody is let in who can reach it. */
  readonly #isOpen: boolean;
  readonly #nowMs: () => number;
  #unknown = { sinceMs: Number.NEGATIVE_INFINITY, count: 0 };

  constructor(list: () => AccessList | undefined, isOpen: boolean, nowMs: () => number) {
    this.#list = list;
    this.#isOpen = isOpen;
    this.#nowMs = nowMs;
  }

  /** @throws {PersisterError} UNAUTHENTICATED, NOT_ALLOWED, OVERLOADED. */
  admit(papers: Papers, allowed: Allowed): Caller {
    const caller = this.#callerOf(papers);
    if (allowed.some((role) => caller.roles.has(role))) return caller;
    const has = [...caller.roles].join(", ");
    const text = `"${caller.name}" is ${has}: this call needs the role ${allowed.join(" or ")}`;
    throw new PersisterError("NOT_ALLOWED", text);
  }

  #callerOf({ authorization, commonName }: Papers): Caller {
    const list = this.#list();
    const token = /^Bearer +(\S+)$/i.exec(authorization ?? "")?.[1];
    if (token !== undefined) {
      const caller = list?.byToken(token);
      if (caller) return caller;
      throw this.#refusal("the token is none that this service knows");
    }
    const known = commonName === undefined ? undefined : list?.byCertificate(commonName);
    if (known) return known;
    if (this.#isOpen) return localCaller;
    throw this.#refusal(
      "the call has no token and no certificate that this service knows: send `authorization: Bearer TOKEN`",
    );
  }

  #refusal(why: string): PersisterError {
    const now = this.#nowMs();
    if (now - this.#unknown.sinceMs >= MINUTE_MS) this.#unknown = { sinceMs: now, count: 0 };
    this.#unknown.count += 1;
    if (this.#unknown.count <= UNKNOWN_MAX) return new PersisterError("UNAUTHENTICATED", why);
    const text = `${why}; more than ${UNKNOWN_MAX} such calls came in this minute: try again in the next one`;
    return new PersisterError("OVERLOADED", text);
  }
}
