/** Every path of the admin listener, in one table: who may ask, and what is answered. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Meters } from "../metrics/meters.js";
import type { Observed } from "../observed.js";
import type { Look } from "../page/look.js";
import { readinessOf } from "../readiness.js";
import type { Access, Login } from "./access.js";
import type { Asset } from "./assets.js";
import type { EventStream } from "./event-stream.js";
import { securityHeaders } from "./headers.js";

export interface RouteParts {
  readonly observed: Observed;
  readonly meters: Meters;
  readonly access: Access;
  readonly refused: Refused;
  readonly assets: ReadonlyMap<string, Asset>;
  readonly events: EventStream;
  readonly look: () => Promise<Look>;
}

/** Told of a token that was refused, of the path that was asked for, and of the caller's address. */
export type Refused = (refusal: Refusal, path: string, from: string) => void;

interface Refusal {
  readonly code: "UNAUTHENTICATED" | "PERMISSION_DENIED" | "OVERLOADED";
  readonly message: string;
}

interface Asked {
  readonly parts: RouteParts;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

interface Route {
  /** `open`: health, for those who restart the process. `token`: everything that tells of the store. */
  readonly access: "open" | "token";
  readonly method: "GET" | "POST";
  readonly answer: (asked: Asked) => Promise<void> | void;
}

const routes: ReadonlyMap<string, Route> = new Map<string, Route>([
  ["/healthz", { access: "open", method: "GET", answer: health }],
  ["/readyz", { access: "open", method: "GET", answer: readiness }],
  ["/metrics", { access: "token", method: "GET", answer: scrape }],
  ["/api/status", { access: "token", method: "GET", answer: status }],
  ["/events", { access: "token", method: "GET", answer: openEvents }],
  ["/session", { access: "token", method: "POST", answer: beginSession }],
]);

/** Answers a request, whatever it is. */
export async function answer(
  parts: RouteParts,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  for (const [name, value] of Object.entries(securityHeaders)) response.setHeader(name, value);
  if (!parts.access.isOurHost(request)) {
    return end(response, 421, "this host name is not one of the service's: see admin.hosts\n");
  }
  if (hasBody(request)) return refuseBody(response);
  const path = pathOf(request);
  const route = routes.get(path);
  const asset = parts.assets.get(path);
  const method = request.method === "HEAD" ? "GET" : request.method;
  if (!route && !asset) return end(response, 404, "there is nothing here\n");
  if (method !== (route?.method ?? "GET")) return end(response, 405, "this is for reading only\n");
  if (asset) return endBytes(response, asset);
  if (!route) return;
  if (route.access === "token" && !isLoggedIn(parts, request, response)) return;
  await route.answer({ parts, request, response });
}

function pathOf({ url = "/" }: IncomingMessage): string {
  return url.split("?", 1)[0] ?? "/";
}

/** No request has a body here; one that does is not read. */
function hasBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || (headers["content-length"] ?? "0") !== "0";
}

function refuseBody(response: ServerResponse): void {
  response.setHeader("connection", "close");
  end(response, 413, "a request has no body here\n");
}

interface LoginRefusal {
  readonly status: 401 | 403 | 429;
  readonly text: string;
  /** A caller without a token is asked for one, and was not refused. */
  readonly code?: Refusal["code"];
}

const refusals: Readonly<Record<Exclude<Login, "right">, LoginRefusal>> = {
  none: { status: 401, text: "a token is needed: Authorization: Bearer TOKEN" },
  wrong: { status: 401, text: "this token is not known", code: "UNAUTHENTICATED" },
  "not allowed": {
    status: 403,
    text: "this token may not look: it needs the role reader, operator or metrics",
    code: "PERMISSION_DENIED",
  },
  "too many": {
    status: 429,
    text: "too many wrong tokens: try again in a minute",
    code: "OVERLOADED",
  },
};

function isLoggedIn(
  { access, refused }: RouteParts,
  request: IncomingMessage,
  response: ServerResponse,
): boolean {
  const login = access.login(request);
  if (login === "right") return true;
  const { status: statusCode, text, code } = refusals[login];
  const { remoteAddress, remotePort } = request.socket;
  const path = pathOf(request);
  if (code) refused({ code, message: `admin: ${text}` }, path, `${remoteAddress} ${remotePort}`);
  if (statusCode === 401) response.setHeader("www-authenticate", "Bearer");
  if (statusCode === 429) response.setHeader("retry-after", "60");
  end(response, statusCode, `${text}\n`);
  return false;
}

/** The process answers: that is all. */
function health({ response }: Asked): void {
  end(response, 200, "ok\n");
}

/** Nothing but the code, for anybody may ask. */
function readiness({ parts, response }: Asked): void {
  const found = readinessOf(parts.observed);
  if (found.isReady) end(response, 200, "ready\n");
  else end(response, 503, `not ready${found.code ? `: ${found.code}` : ""}\n`);
}

async function scrape({ parts, response }: Asked): Promise<void> {
  const { meters, observed, events } = parts;
  meters.pageClients = events.size;
  const text = await meters.text(observed);
  response.setHeader("content-type", meters.contentType);
  response.end(text);
}

async function status({ parts, response }: Asked): Promise<void> {
  const look = await parts.look();
  response.setHeader("content-type", "application/json");
  response.end(`${JSON.stringify(look)}\n`);
}

async function openEvents({ parts, request, response }: Asked): Promise<void> {
  if (request.method === "HEAD") return end(response, 200, "");
  if (parts.events.isFull) {
    response.setHeader("retry-after", "30");
    return end(response, 503, "too many pages are open\n");
  }
  await parts.events.add(response, () => parts.access.login(request) === "right");
}

/** The page cannot send headers with its events: its token becomes a cookie that no script can read. */
function beginSession({ parts, request, response }: Asked): void {
  response.setHeader("set-cookie", parts.access.begin(request));
  response.writeHead(204).end();
}

function end(response: ServerResponse, statusCode: number, text: string): void {
  response.writeHead(statusCode, { "content-type": "text/plain; charset=utf-8" }).end(text);
}

function endBytes(response: ServerResponse, { type, bytes }: Asset): void {
  response.writeHead(200, { "content-type": type, "content-length": bytes.length }).end(bytes);
}
