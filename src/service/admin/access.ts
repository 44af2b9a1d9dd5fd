/**
 * Those who may look. A request must name a host that is ours (a page of another site, whose name was bound
 * to this address, does not), and where tokens are asked for it must bring one: as `Authorization: Bearer`,
 * or by the cookie of a session. A session holds its token, which is judged anew at each request: a token
 * that was revoked takes its sessions with it.
 */
import { randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { isIPv6 } from "node:net";
import type { Caller, Role } from "../access/caller.js";

const COOKIE = "lanekeeper_session";

/** Sessions at once; the oldest goes first. */
const SESSIONS_MAX = 64;

/** Wrong tokens in a minute, of all callers together; more are refused without a word in the log. */
const WRONG_TOKENS_MAX = 10;
const MINUTE_MS = 60_000;

const OWN_HOSTS = ["localhost", "127.0.0.1", "[::1]"] as const;

/** The outcome of a look at a caller's token. */
export type Login = ReturnType<TokenCheck> | "none" | "too many";

/** Judges a token: the caller with it may look, nobody has it, or its caller has other roles alone. */
export type TokenCheck = (given: string) => "right" | "wrong" | "not allowed";

export interface AccessOptions {
  /** Names by which this service is called, beside localhost. */
  readonly hosts: readonly string[];
  /** Compares in constant time; without it everybody may look who reaches the listener. */
  readonly tokens?: TokenCheck | undefined;
  readonly nowMs?: () => number;
}

export class Access {
  readonly #hosts: ReadonlySet<string>;
  readonly #tokens: AccessOptions["tokens"];
  readonly #nowMs: () => number;
  /** The token of each session, oldest session first. */
  readonly #sessions = new Map<string, string>();
  #wrong = { sinceMs: 0, count: 0 };

  constructor({ hosts, tokens, nowMs = Date.now }: AccessOptions) {
    this.#hosts = new Set(
      [...OWN_HOSTS, ...hosts.map(bracketed)].map((host) => host.toLowerCase()),
    );
    this.#tokens = tokens;
    this.#nowMs = nowMs;
  }

  /** Whether the request names a host that is ours. The port does not matter. */
  isOurHost({ headers }: Pick<IncomingMessage, "headers">): boolean {
    const host = headers.host?.replace(/:\d+$/, "").toLowerCase();
    return host !== undefined && this.#hosts.has(host);
  }

  /** Judges the token of a request, or of its session. */
  login({ headers }: Pick<IncomingMessage, "headers">): Login {
    if (!this.#tokens) return "right";
    const session = cookieOf(headers.cookie);
    const given = bearerOf(headers.authorization) ?? this.#sessions.get(session ?? "");
    if (given === undefined) return "none";
    // A right token is let in during a flood of wrong ones too: nobody can lock the operator out.
    const found = this.#tokens(given);
    return found === "wrong" ? this.#wrongToken() : found;
  }

  /** Begins a session for the token of this request, which was found right: the cookie to be set. */
  begin({ headers }: Pick<IncomingMessage, "headers">): string {
    const id = randomBytes(32).toString("base64url");
    const token =
      bearerOf(headers.authorization) ?? this.#sessions.get(cookieOf(headers.cookie) ?? "");
    this.#sessions.set(id, token ?? "");
    for (const oldest of this.#sessions.keys()) {
      if (this.#sessions.size <= SESSIONS_MAX) break;
      this.#sessions.delete(oldest);
    }
    return `${COOKIE}=${id}; HttpOnly; SameSite=Strict; Path=/`;
  }

  #wrongToken(): Login {
    const nowMs = this.#nowMs();
    if (nowMs - this.#wrong.sinceMs >= MINUTE_MS) this.#wrong = { sinceMs: nowMs, count: 0 };
    this.#wrong.count += 1;
    return this.#wrong.count > WRONG_TOKENS_MAX ? "too many" : "wrong";
  }
}

function bracketed(host: string): string {
  return isIPv6(host) ? `[${host}]` : host;
}

function bearerOf(header: string | undefined): string | undefined {
  return /^Bearer ([\x21-\x7e]{1,512})$/i.exec(header ?? "")?.[1];
}

function cookieOf(header: string | undefined): string | undefined {
  return new RegExp(`(?:^|; )${COOKIE}=([\\w-]{43})(?:;|$)`).exec(header ?? "")?.[1];
}

/** Metrics and the page are for those who read, operate or measure. */
export function loginOf(caller: Caller | undefined): ReturnType<TokenCheck> {
  const lookers: readonly Role[] = ["reader", "operator", "metrics"];
  if (caller === undefined) return "wrong";
  return lookers.some((role) => caller.roles.has(role)) ? "right" : "not allowed";
}
