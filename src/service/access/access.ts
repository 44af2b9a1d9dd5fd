/**
 * The door of the gRPC listeners: who calls, and whether the caller may. Wrong tokens are counted; beyond a
 * number in a minute they are refused without a line in the log, so that a flood of them fills no disk. A
 * right token passes always: nobody locks a validator out by guessing.
 */
import { PersisterError } from "../../types/errors.js";
import type { AccessList } from "./access-file.js";
import { type Allowed, type Caller, localCaller } from "./caller.js";

const WRONG_MAX = 10;
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
  #wrong = { sinceMs: Number.NEGATIVE_INFINITY, count: 0 };

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
      throw this.#wrongToken();
    }
    const known = commonName === undefined ? undefined : list?.byCertificate(commonName);
    if (known) return known;
    if (this.#isOpen) return localCaller;
    throw new PersisterError(
      "UNAUTHENTICATED",
      "the call has no token and no certificate that this service knows: send `authorization: Bearer TOKEN`",
    );
  }

  #wrongToken(): PersisterError {
    const now = this.#nowMs();
    if (now - this.#wrong.sinceMs >= MINUTE_MS) this.#wrong = { sinceMs: now, count: 0 };
    this.#wrong.count += 1;
    if (this.#wrong.count <= WRONG_MAX) {
      return new PersisterError("UNAUTHENTICATED", "the token is none that this service knows");
    }
    const text = `more than ${WRONG_MAX} wrong tokens came in this minute: try again in the next one`;
    return new PersisterError("OVERLOADED", text);
  }
}
