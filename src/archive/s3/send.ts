/**
 * One request over HTTP, and the whole of its reply. The platform's `fetch` takes no certificates of
 * one's own and copies each body; `node:http` does neither.
 */
import { once } from "node:events";
import { type Agent, type IncomingHttpHeaders, type IncomingMessage, request } from "node:http";
import { request as secureRequest } from "node:https";
import { clearTimeout, setTimeout } from "node:timers";
import { aborted, whenAborted } from "../../async/signal.js";
import { OBJECT_BYTES_MAX, sameBytes } from "../bucket/bucket.js";

export interface HttpRequest {
  readonly method: "GET" | "HEAD" | "PUT";
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | undefined;
  /** The body of a reply that succeeds is compared with these bytes as it comes, and not kept. */
  readonly against?: Uint8Array | undefined;
  /** Gives memory for the body of a reply that succeeds, where its length is told. */
  readonly room?: ((bytes: number) => Uint8Array) | undefined;
}

export interface HttpReply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** Whether the body was the one that was asked for in `against`. */
  readonly isSame?: boolean;
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
  const { method, url, headers, body, against, room } = what;
  const { agent, idleMs, totalMs, signal } = sending;
  const open = url.protocol === "https:" ? secureRequest : request;
  const length = body === undefined ? {} : { "content-length": String(body.length) };
  const call = open(url, { method, headers: { ...headers, ...length }, agent, timeout: idleMs });
  const giveUp = (ms: number) => (): void => {
    call.destroy(new Error(`no reply within ${ms} ms`));
  };
  call.on("timeout", giveUp(idleMs));
  // A connection that is reset, or given up, behind the begin of the reply is an error of the request, too, of which
  // nobody but the reader of the body is to hear. Without a listener it would end the process.
  call.on("error", () => {});
  const timer = setTimeout(giveUp(totalMs), totalMs);
  const takeBack =
    signal && whenAborted(signal, () => call.destroy(aborted(signal, `${method} ${url.pathname}`)));
  try {
    call.end(body);
    const [reply] = (await once(call, "response")) as [IncomingMessage];
    const { statusCode: status = 0, headers: told } = reply;
    if (against === undefined || status !== 200) {
      const take = status === 200 ? room : undefined;
      const read = method === "HEAD" ? noneOf(reply) : bodyOf(reply, take);
      return { status, headers: told, body: await read };
    }
    const isSame = await isBody(reply, against);
    return { status, headers: told, body: Buffer.alloc(0), isSame };
  } finally {
    takeBack?.();
    clearTimeout(timer);
  }
}

/** Whether the body is `wanted`. One that is another is not read to its end: its connection is given up. */
async function isBody(reply: IncomingMessage, wanted: Uint8Array): Promise<boolean> {
  const told = reply.headers["content-length"];
  let length = 0;
  for await (const chunk of reply as AsyncIterable<Buffer>) {
    if (!sameBytes(chunk, wanted.subarray(length, length + chunk.length))) return false;
    length += chunk.length;
  }
  if (told !== undefined && length !== Number(told)) {
    throw new Error(`the reply was cut: ${length} of ${told} bytes came`);
  }
  return length === wanted.length;
}

/** Bytes of a body of unknown length that are taken: a list of names, or an error. */
const UNKNOWN_BYTES_MAX = 4 * 1024 * 1024;

/** The reply to HEAD tells the length of a body that does not come. */
async function noneOf(reply: IncomingMessage): Promise<Buffer> {
  for await (const _ of reply);
  return Buffer.alloc(0);
}

async function bodyOf(reply: IncomingMessage, room: HttpRequest["room"]): Promise<Buffer> {
  const told = reply.headers["content-length"];
  const most = told === undefined ? UNKNOWN_BYTES_MAX : Number(told);
  if (!(most <= OBJECT_BYTES_MAX)) {
    reply.destroy();
    throw new Error(`the reply has ${told} bytes: no object of ours is so large`);
  }
  const parts: Buffer[] | undefined = told === undefined ? [] : undefined;
  const whole = parts ? Buffer.alloc(0) : viewOf(room?.(most), most);
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

/** `length` bytes of the memory that was given, or new ones. */
function viewOf(given: Uint8Array | undefined, length: number): Buffer {
  if (!given) return Buffer.allocUnsafeSlow(length);
  return Buffer.from(given.buffer, given.byteOffset, length);
}
