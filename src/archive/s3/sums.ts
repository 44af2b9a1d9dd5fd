/**
 * The checksums of object storage. A server that compares the SHA-256 of a put with the bytes that came, and keeps it
 * beside them, proves a put for the price of a small reply. Servers exist that compare nothing: one that takes bytes
 * with a wrong checksum proves nothing.
 */
import { hash, randomBytes } from "node:crypto";
import type { Comparison } from "../bucket/bucket.js";
import type { HttpReply } from "./send.js";

/** One in so many objects is read back as a whole all the same, the first one included. */
const READ_BACK_EVERY = 16;

/** The headers of a put by which the server proves its bytes. */
export function sumHeaders(sha256: Uint8Array): Readonly<Record<string, string>> {
  return { "x-amz-checksum-sha256": base64(sha256) };
}

/** A small put with the checksum of other bytes: a server that compares refuses it. */
export function wrongPut(): {
  readonly name: string;
  readonly bytes: Buffer;
  readonly sha256: Buffer;
} {
  const name = `probe/${randomBytes(16).toString("hex")}`;
  const bytes = Buffer.from("lanekeeper asks whether checksums are compared");
  return { name, bytes, sha256: hash("sha256", name, "buffer") };
}

/** The refusal of a checksum: servers call it BadDigest, and some InvalidRequest or a word of their own with it. */
export function refusesSum({ status, body }: HttpReply): boolean {
  return status === 400 && /digest|checksum/i.test(body.toString("utf8"));
}

/** The answer of a server to a look at an object; `undefined` where it tells no checksum or no length. */
export function toldBy(
  { headers }: HttpReply,
  of: { readonly length: number; readonly sha256: Uint8Array },
): Comparison | undefined {
  const { "x-amz-checksum-sha256": sum, "content-length": length } = headers;
  if (sum === undefined || length === undefined) return undefined;
  return sum === base64(of.sha256) && Number(length) === of.length ? "same" : "other";
}

/** Whether a server is asked for its checksum, or for the bytes. */
export class Sums {
  #compared = 0;
  #isProven: Promise<boolean> | undefined;

  /** `ask` puts a wrong checksum: whether it was refused. Its answer counts for good. */
  async areEnough(ask: () => Promise<boolean>): Promise<boolean> {
    if (this.#compared++ % READ_BACK_EVERY === 0) return false;
    this.#isProven ??= ask();
    try {
      return await this.#isProven;
    } catch (cause) {
      this.#isProven = undefined;
      throw cause;
    }
  }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}
