/**
 * Object storage of the suite's own, on `node:http`: users have Node alone. It proves each signature by a
 * code of its own, compares checksums, keeps the conditions of puts, and lists in pages.
 *
 * `fault` is asked before each request, and makes the server misbehave in one of the ways in which real
 * ones do.
 */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";

export const credentials = { accessKeyId: "AKTEST", secretAccessKey: "a secret / of +tests" };
export const bucketName = "tests";

/** A way in which one request goes wrong. */
export type Fault =
  /** The request is not carried out; this is the reply. */
  | {
      readonly kind: "reply";
      readonly status: number;
      readonly code?: string;
      readonly after?: string;
    }
  /** The request is carried out, and the connection is cut before the reply. */
  | { readonly kind: "done, then cut" }
  /** The reply is cut in its middle. */
  | { readonly kind: "cut in the reply" }
  /** The connection is reset in the middle of the reply. */
  | { readonly kind: "reset in the reply" }
  /** Nothing more comes behind the middle of the reply. */
  | { readonly kind: "stall in the reply" }
  /** Nothing comes back. */
  | { readonly kind: "stall" }
  /** A put is answered with success, and nothing was done. */
  | { readonly kind: "lie" }
  /** A put is carried out whatever its condition is. */
  | { readonly kind: "no condition" }
  /** A put stores other bytes than it was given. */
  | { readonly kind: "alter" }
  /** The checksum of a put is kept, and compared with nothing. */
  | { readonly kind: "no checksum" };

export interface Seen {
  readonly method: string;
  readonly name: string;
}

interface Held {
  readonly bytes: Buffer;
  readonly etag: string;
  /** The SHA-256 that came with it. */
  readonly sum: string | undefined;
}

/** Names in one page of a list. */
const PAGE = 3;

export class S3Server {
  readonly objects = new Map<string, Held>();
  readonly seen: Seen[] = [];
  fault: (seen: Seen) => Fault | undefined = () => undefined;
  readonly #server: Server;
  readonly #scheme: string;

  private constructor(tls: { readonly key: string; readonly cert: string } | undefined) {
    this.#scheme = tls ? "https" : "http";
    const answer = (request: IncomingMessage, response: ServerResponse): void => {
      this.#answer(request, response).catch((cause: unknown) => response.destroy(cause as Error));
    };
    this.#server = tls ? createSecureServer(tls, answer) : createServer(answer);
  }

  static async start(tls?: { readonly key: string; readonly cert: string }): Promise<S3Server> {
    const server = new S3Server(tls);
    await new Promise<void>((done) => server.#server.listen(0, "127.0.0.1", done));
    return server;
  }

  /** The address of the bucket, as `openBucket` takes it. */
  address(prefix = ""): string {
    const { port } = this.#server.address() as AddressInfo;
    return `s3://${bucketName}/${prefix}?endpoint=${this.#scheme}://127.0.0.1:${port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const url = new URL(request.url ?? "", `${this.#scheme}://${request.headers.host}`);
    const name = url.pathname.slice(`/${bucketName}/`.length);
    const seen = { method: request.method ?? "", name };
    this.seen.push(seen);
    const fault = this.fault(seen);
    if (fault?.kind === "stall") return;
    if (fault?.kind === "reply") {
      if (fault.after !== undefined) response.setHeader("retry-after", fault.after);
      fail(response, fault.status, fault.code ?? "Injected");
      return;
    }
    const wrong = wrongSignature(request, url, body);
    if (wrong !== undefined) {
      fail(response, 403, wrong);
      return;
    }
    if (!url.pathname.startsWith(`/${bucketName}/`)) fail(response, 404, "NoSuchBucket");
    else if (seen.method === "PUT") this.#put({ request, response, name, body, fault });
    else if (name === "") this.#list(url, response);
    else if (seen.method === "HEAD") this.#look(request, response, name);
    else this.#get(name, response, fault);
  }

  #put(call: {
    readonly request: IncomingMessage;
    readonly response: ServerResponse;
    readonly name: string;
    readonly body: Buffer;
    readonly fault: Fault | undefined;
  }): void {
    const { request, response, name, body, fault } = call;
    const held = this.objects.get(name);
    const { "if-none-match": none, "if-match": match } = request.headers;
    const isOpen = (none === undefined || !held) && (match === undefined || held?.etag === match);
    const sum = request.headers["x-amz-checksum-sha256"]?.toString();
    if (match !== undefined && !held) fail(response, 404, "NoSuchKey");
    else if (!isOpen && fault?.kind !== "no condition") fail(response, 412, "PreconditionFailed");
    else if (sum !== undefined && sum !== checksum(body) && fault?.kind !== "no checksum")
      fail(response, 400, "BadDigest");
    else {
      const bytes = fault?.kind === "alter" ? Buffer.from(body.map((byte) => byte ^ 1)) : body;
      const etag = `"${createHash("md5").update(bytes).digest("hex")}"`;
      if (fault?.kind !== "lie") this.objects.set(name, { bytes, etag, sum });
      if (fault?.kind === "done, then cut") response.destroy();
      else response.writeHead(200, { etag }).end();
    }
  }

  #look(request: IncomingMessage, response: ServerResponse, name: string): void {
    const held = this.objects.get(name);
    const isAsked = request.headers["x-amz-checksum-mode"] === "ENABLED";
    if (held && isAsked && held.sum !== undefined)
      response.setHeader("x-amz-checksum-sha256", held.sum);
    if (held) response.setHeader("content-length", held.bytes.length);
    response.writeHead(held ? 200 : 404).end();
  }

  #get(name: string, response: ServerResponse, fault: Fault | undefined): void {
    const held = this.objects.get(name);
    if (!held) {
      fail(response, 404, "NoSuchKey");
      return;
    }
    const { bytes, etag } = held;
    response.writeHead(200, { etag, "content-length": bytes.length });
    const half = bytes.subarray(0, bytes.length / 2);
    if (fault?.kind === "cut in the reply") response.write(half, () => response.destroy());
    else if (fault?.kind === "stall in the reply") response.write(half);
    else if (fault?.kind === "reset in the reply")
      response.write(half, () => response.socket?.resetAndDestroy());
    else response.end(bytes);
  }

  #list({ searchParams }: URL, response: ServerResponse): void {
    const prefix = searchParams.get("prefix") ?? "";
    const after = searchParams.get("continuation-token") ?? searchParams.get("start-after") ?? "";
    const names = [...this.objects.keys()]
      .filter((name) => name.startsWith(prefix) && name > after)
      .sort();
    const page = names.slice(0, PAGE);
    const contents = page.map((name) => {
      const { bytes } = this.objects.get(name) as Held;
      return `<Contents><Key>${name}</Key><Size>${bytes.length}</Size></Contents>`;
    });
    const isCut = names.length > PAGE;
    const next = isCut ? `<NextContinuationToken>${page.at(-1)}</NextContinuationToken>` : "";
    response.end(
      `<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">` +
        `<IsTruncated>${isCut}</IsTruncated>${next}${contents.join("")}</ListBucketResult>`,
    );
  }
}

function fail(response: ServerResponse, status: number, code: string): void {
  response.writeHead(status, { "content-type": "application/xml" });
  response.end(`<Error><Code>${code}</Code><Message>as the test wants</Message></Error>`);
}

function checksum(body: Buffer): string {
  return createHash("sha256").update(body).digest("base64");
}

/** The code of the refusal, or undefined where the signature is that of these credentials. */
function wrongSignature(request: IncomingMessage, url: URL, body: Buffer): string | undefined {
  const form =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/;
  const [, id, day = "", region = "", signed = "", signature = ""] =
    form.exec(request.headers.authorization ?? "") ?? [];
  if (id !== credentials.accessKeyId) return "InvalidAccessKeyId";
  const headers = signed.split(";");
  const needed = ["host", "x-amz-content-sha256", "x-amz-date"];
  if (needed.some((name) => !headers.includes(name))) return "AccessDenied";
  const hash = String(request.headers["x-amz-content-sha256"]);
  if (hash !== sha256(body)) return "XAmzContentSHA256Mismatch";
  const date = String(request.headers["x-amz-date"]);
  const query = [...url.searchParams]
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    .sort()
    .join("&");
  const canonical = [
    request.method,
    url.pathname,
    query,
    ...headers.map((name) => `${name}:${String(request.headers[name])}`),
    "",
    signed,
    hash,
  ].join("\n");
  const scope = `${day}/${region}/s3/aws4_request`;
  const text = ["AWS4-HMAC-SHA256", date, scope, sha256(Buffer.from(canonical))].join("\n");
  let key: Buffer = Buffer.from(`AWS4${credentials.secretAccessKey}`);
  for (const part of [day, region, "s3", "aws4_request"]) key = hmac(key, part);
  const isRight = timingSafeEqual(hmac(key, text), Buffer.from(signature, "hex"));
  return isRight ? undefined : "SignatureDoesNotMatch";
}

function sha256(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}
