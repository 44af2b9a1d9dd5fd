/**
 * One request over HTTP, and the whole of its reply. The platform's `fetch` takes no certificates of
 * one's own and copies each body; `node:http` does neither.
 */
import { once } from "node:events";
import { type Agent, type IncomingHttpHeaders, type IncomingMessage, request } from "node:http";
import { request as secureRequest } from "node:https";
import { aborted, whenAborted } from "../../async/signal.js";
import { OBJECT_BYTES_MAX } from "../bucket/bucket.js";

export interface HttpRequest {
  readonly method: "GET" | "PUT";
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | undefined;
}

export interface HttpReply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface Sending {
  readonly agent: Agent;
  /** A connection on which nothing moves for so long is given up. */
  readonly idleMs: number;
  /** A request that takes so long is given up, whatever moves. */
  readonly totalMs: number;
  readonly signal: AbortSignal | undefined;
}

/** Rejects with what Node says of the connection, or with ABORTED. A reply that was cut is no reply. */
export async function send(what: HttpRequest, sending: Sending): Promise<HttpReply> {
  const { method, url, headers, body } = what;
  const { agent, idleMs, totalMs, signal } = sending;
  const open = url.protocol === "https:" ? secureRequest : request;
  const length = body === undefined ? {} : { "content-length": String(body.length) };
  const call = open(url, { method, headers: { ...headers, ...length }, agent, timeout: idleMs });
  const giveUp = (ms: number) => (): void => {
    call.destroy(new Error(`no reply within ${ms} ms`));
  };
  call.on("timeout", giveUp(idleMs));
  const timer = setTimeout(giveUp(totalMs), totalMs);
  const takeBack =
    signal && whenAborted(signal, () => call.destroy(aborted(signal, `${method} ${url.pathname}`)));
  try {
    call.end(body);
    const [reply] = (await once(call, "response")) as [IncomingMessage];
    const { statusCode = 0, headers: told } = reply;
    return { status: statusCode, headers: told, body: await bodyOf(reply) };
  } finally {
    takeBack?.();
    clearTimeout(timer);
  }
}

/** Bytes of a body of unknown length that are taken: a list of names, or an error. */
const UNKNOWN_BYTES_MAX = 4 * 1024 * 1024;

async function bodyOf(reply: IncomingMessage): Promise<Buffer> {
  const told = reply.headers["content-length"];
  const most = told === undefined ? UNKNOWN_BYTES_MAX : Number(told);
  if (!(most <= OBJECT_BYTES_MAX)) {
    reply.destroy();
    throw new Error(`the reply has ${told} bytes: no object of ours is so large`);
  }
  const parts: Buffer[] | undefined = told === undefined ? [] : undefined;
  const whole = Buffer.allocUnsafeSlow(parts ? 0 : most);
  let length = 0;
  for await (const chunk of reply as AsyncIterable<Buffer>) {
    if (length + chunk.length > most) throw new Error(`the reply has more than ${most} bytes`);
    if (parts) parts.push(chunk);
    else whole.set(chunk, length);
    length += chunk.length;
  }
  if (told !== undefined && length !== most) {
    throw new Error(`the reply was cut: ${length} of ${most} bytes came`);
  }
  return parts ? Buffer.concat(parts, length) : whole;
}
