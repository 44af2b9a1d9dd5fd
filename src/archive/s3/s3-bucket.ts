/**
 * A bucket in object storage that speaks S3. `aws4fetch` signs; `send.ts` sends.
 *
 * A put whose answer was lost may have happened. Its next attempt is then refused by the condition, and
 * the object that is there is read back and compared before the put counts as lost.
 */
import { createHash } from "node:crypto";
import { Agent } from "node:http";
import { Agent as SecureAgent } from "node:https";
import { AwsV4Signer } from "aws4fetch";
import type { WaitOptions } from "../../async/signal.js";
import { hex } from "../../codec/hex.js";
import { PersisterError } from "../../types/errors.js";
import { attempts, type Pacing, realPacing, TryAgain } from "../bucket/attempts.js";
import {
  type Bucket,
  bucketClosed,
  checkName,
  type Comparison,
  type GetOptions,
  type ListedObject,
  type ListOptions,
  type PutOptions,
  type PutResult,
  sameBytes,
  type StoredObject,
  type Tag,
} from "../bucket/bucket.js";
import { type Environment, type S3Address, s3Address, urlOfObject } from "./address.js";
import { CredentialKeeper, type CredentialSource } from "./credentials.js";
import { pageIn } from "./listing.js";
import { verdictOf } from "./replies.js";
import { type HttpReply, type HttpRequest, send } from "./send.js";
import { refusesSum, sumHeaders, Sums, toldBy, wrongPut } from "./sums.js";

/** Connections at once, and so requests at once: others wait. */
const CONNECTIONS_MAX = 4;
const IDLE_MS = 20_000;
const TOTAL_MS = 300_000;
const NO_BODY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

export interface BucketChoices {
  readonly credentials?: CredentialSource | undefined;
  /** Certificates in PEM to trust in place of the platform's. */
  readonly ca?: string | undefined;
  readonly environment?: Environment | undefined;
  readonly pacing?: Pacing | undefined;
  readonly idleMs?: number | undefined;
}

type Outcome = HttpReply | "absent" | "held" | "wrong";

interface Call {
  readonly method: HttpRequest["method"];
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  readonly sha256?: string;
  readonly against?: Uint8Array;
  readonly room?: GetOptions["room"];
  /** It is to be refused: no other attempt is made. */
  readonly isWrong?: boolean;
  readonly signal: AbortSignal | undefined;
}

export class S3Bucket implements Bucket {
  readonly url: string;
  readonly #address: S3Address;
  readonly #agent: Agent;
  readonly #credentials: CredentialKeeper;
  readonly #pacing: Pacing;
  readonly #idleMs: number;
  /** Keys that sign, by day: aws4fetch fills it. */
  readonly #signing = new Map<string, ArrayBuffer>();
  readonly #sums = new Sums();
  #isClosed = false;

  /** @throws {PersisterError} USAGE for an address that is wrong. Nothing is asked of the server. */
  constructor(text: string, choices: BucketChoices = {}) {
    const { environment = process.env, ca } = choices;
    this.#address = s3Address(text, environment);
    const { bucket, prefix, endpoint } = this.#address;
    this.url = `s3://${bucket}/${prefix} at ${endpoint.origin}`;
    const options = { keepAlive: true, maxSockets: CONNECTIONS_MAX };
    const trusted = ca === undefined ? {} : { ca };
    this.#agent =
      endpoint.protocol === "https:"
        ? new SecureAgent({ ...options, ...trusted })
        : new Agent(options);
    this.#credentials = new CredentialKeeper(choices.credentials, environment);
    this.#pacing = choices.pacing ?? realPacing;
    this.#idleMs = choices.idleMs ?? IDLE_MS;
  }

  async get(name: string, { room, signal }: GetOptions = {}): Promise<StoredObject | undefined> {
    checkName(name);
    const outcome = await this.#call(`read ${name}`, {
      method: "GET",
      url: urlOfObject(this.#address, name),
      room,
      signal,
    });
    if (typeof outcome === "string") return undefined;
    return { bytes: outcome.body, tag: tagIn(outcome) };
  }

  async compare(
    name: string,
    bytes: Uint8Array,
    { sha256, signal }: PutOptions = {},
  ): Promise<Comparison> {
    checkName(name);
    const told = sha256 && (await this.#told(name, { length: bytes.length, sha256, signal }));
    if (told) return told;
    const url = urlOfObject(this.#address, name);
    const outcome = await this.#call(`compare ${name}`, {
      method: "GET",
      url,
      against: bytes,
      signal,
    });
    if (typeof outcome === "string") return "absent";
    return outcome.isSame === true ? "same" : "other";
  }

  async putIfAbsent(name: string, bytes: Uint8Array, options: PutOptions = {}): Promise<PutResult> {
    return await this.#put(name, bytes, { ...options, headers: { "if-none-match": "*" } });
  }

  async putIfMatch(
    name: string,
    bytes: Uint8Array,
    tag: Tag,
    options: PutOptions = {},
  ): Promise<PutResult> {
    return await this.#put(name, bytes, { ...options, headers: { "if-match": tag } });
  }

  async *list(prefix: string, { after, signal }: ListOptions = {}): AsyncGenerator<ListedObject> {
    const own = this.#address.prefix;
    let next: string | undefined;
    do {
      const url = urlOfObject(this.#address, "");
      url.searchParams.set("list-type", "2");
      url.searchParams.set("prefix", own + prefix);
      if (after !== undefined) url.searchParams.set("start-after", own + after);
      if (next !== undefined) url.searchParams.set("continuation-token", next);
      const outcome = await this.#call(`list ${prefix}`, { method: "GET", url, signal });
      const page = typeof outcome === "string" ? undefined : pageIn(outcome.body.toString("utf8"));
      if (!page) throw this.#refused(`list ${prefix}`, "the reply is no list of objects");
      for (const { key, bytes } of page.objects) yield { name: key.slice(own.length), bytes };
      next = page.next;
    } while (next !== undefined);
  }

  close(): Promise<void> {
    this.#isClosed = true;
    this.#agent.destroy();
    return Promise.resolve();
  }

  async #put(
    name: string,
    bytes: Uint8Array,
    { headers, sha256, signal }: PutOptions & { readonly headers: Record<string, string> },
  ): Promise<PutResult> {
    checkName(name);
    const sum = sha256 ?? createHash("sha256").update(bytes).digest();
    const outcome = await this.#call(`put ${name}`, {
      method: "PUT",
      url: urlOfObject(this.#address, name),
      headers: { ...headers, ...(this.#address.checksum === "none" ? {} : sumHeaders(sum)) },
      body: bytes,
      sha256: hex(sum),
      signal,
    });
    if (typeof outcome !== "string") return { stored: true, tag: tagIn(outcome) };
    const held = await this.get(name, { signal });
    const isSame = held !== undefined && sameBytes(held.bytes, bytes);
    return isSame ? { stored: true, tag: held.tag } : { stored: false, held };
  }

  /** The comparison as the server's own checksum tells it; `undefined` where that proves nothing. */
  async #told(
    name: string,
    of: WaitOptions & { readonly length: number; readonly sha256: Uint8Array },
  ): Promise<Comparison | undefined> {
    const { signal } = of;
    if (this.#address.checksum === "none") return undefined;
    if (!(await this.#sums.areEnough(() => this.#comparesSums(signal)))) return undefined;
    const outcome = await this.#call(`look at ${name}`, {
      method: "HEAD",
      url: urlOfObject(this.#address, name),
      headers: { "x-amz-checksum-mode": "ENABLED" },
      signal,
    });
    return typeof outcome === "string" ? "absent" : toldBy(outcome, of);
  }

  async #comparesSums(signal: AbortSignal | undefined): Promise<boolean> {
    const { name, bytes, sha256 } = wrongPut();
    const outcome = await this.#call("ask whether checksums are compared", {
      method: "PUT",
      url: urlOfObject(this.#address, name),
      headers: sumHeaders(sha256),
      body: bytes,
      sha256: hex(createHash("sha256").update(bytes).digest()),
      isWrong: true,
      signal,
    });
    return outcome === "wrong";
  }

  /** @throws {PersisterError} BUCKET_FAILED, BUCKET_REFUSED, ABORTED, CLOSED. */
  async #call(what: string, call: Call): Promise<Outcome> {
    let renewed = false;
    const attempt = async (): Promise<Outcome | TryAgain> => {
      if (this.#isClosed) throw bucketClosed(this.url);
      const reply = await this.#sent(call);
      if (reply instanceof TryAgain) return reply;
      if (call.isWrong && refusesSum(reply)) return "wrong";
      const verdict = verdictOf(reply);
      switch (verdict.step) {
        case "done":
          return reply;
        case "absent":
        case "held":
          return verdict.step;
        case "again":
          return new TryAgain(verdict.why, { afterMs: verdict.afterMs });
        case "renew":
          this.#credentials.forget();
          if (renewed) throw this.#refused(what, `${verdict.why} (the credentials have expired)`);
          renewed = true;
          return new TryAgain(verdict.why);
        case "refused":
          throw this.#refused(what, verdict.why);
      }
    };
    const { signal } = call;
    return await attempts(`${this.url}: ${what}`, attempt, { pacing: this.#pacing, signal });
  }

  async #sent(call: Call): Promise<HttpReply | TryAgain> {
    const { method, url, body, against, room, signal } = call;
    const headers = await this.#signed(call);
    const sending = { agent: this.#agent, idleMs: this.#idleMs, totalMs: TOTAL_MS, signal };
    try {
      return await send({ method, url, headers, body, against, room }, sending);
    } catch (cause) {
      if (cause instanceof PersisterError) throw cause;
      const why = reasonOf(cause);
      if (!isOfCertificate(cause)) return new TryAgain(why, { cause });
      throw this.#refused(
        `${method} ${url.pathname}`,
        `${why} (give the certificates of its authority as \`ca\`, or by NODE_EXTRA_CA_CERTS)`,
        cause,
      );
    }
  }

  async #signed(call: Call): Promise<Record<string, string>> {
    const { accessKeyId, secretAccessKey, sessionToken } = await this.#credentials.current();
    const signer = new AwsV4Signer({
      method: call.method,
      url: call.url.href,
      headers: { ...call.headers, "x-amz-content-sha256": call.sha256 ?? NO_BODY_SHA256 },
      accessKeyId,
      secretAccessKey,
      ...(sessionToken === undefined ? {} : { sessionToken }),
      service: "s3",
      region: this.#address.region,
      cache: this.#signing,
    });
    const { headers } = await signer.sign();
    return Object.fromEntries(headers.entries());
  }

  #refused(what: string, why: string, cause?: unknown): PersisterError {
    const facts = cause === undefined ? {} : { cause };
    return new PersisterError("BUCKET_REFUSED", `${this.url}: ${what}: ${why}`, facts);
  }
}

function tagIn({ headers }: HttpReply): Tag {
  return headers.etag ?? "";
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  // A host with several addresses fails with an error for each, and no message of its own.
  const first: unknown = cause instanceof AggregateError ? cause.errors[0] : cause;
  return first instanceof Error && first.message !== "" ? first.message : cause.name;
}

function isOfCertificate(cause: unknown): boolean {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  return /CERT|UNABLE_TO_VERIFY|SELF_SIGNED/.test(code);
}
