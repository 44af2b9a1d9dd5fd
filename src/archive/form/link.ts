/**
 * The links of a log: small JSON objects, numbered from 0 without a gap, each with the SHA-256 of the one
 * before. A link names one object by its range and its SHA-256. So an object that is missing, cut,
 * swapped or altered is noticed; and so is a link, by the one behind it.
 *
 * A link is put only if none of its ordinal is there: of several writers one goes on with the chain, and
 * the others read what it wrote.
 *
 * Behind a link comes its receipt, a small object with its hash: so the last link is missed, too, if it is gone. A
 * crash before the receipt leaves a link without one, and it is put before the next link is.
 */
import { u64Text } from "../../codec/u64-text.js";
import { createHash } from "node:crypto";
import { z } from "zod";
import { hex } from "../../codec/hex.js";
import { PersisterError } from "../../types/errors.js";
import { sameBytes } from "../bucket/bucket.js";

const FORMAT = 1;

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

const schema = z.strictObject({
  format: z.literal(FORMAT),
  chain: z.string(),
  log: z.string(),
  ordinal: z.number().int().nonnegative(),
  before: sha256.nullable(),
  first: u64Text,
  next: u64Text,
  bytes: z.number().int().positive(),
  sha256,
  last: sha256,
});

export interface Link {
  readonly chain: string;
  readonly log: string;
  readonly ordinal: number;
  /** SHA-256 of the link before; `null` in the first one. */
  readonly before: string | null;
  /** The records of the object: [first, next). */
  readonly first: bigint;
  readonly next: bigint;
  /** Size and SHA-256 of the object as it lies in the bucket. */
  readonly bytes: number;
  readonly sha256: string;
  /** The hash of the last record: of a block's header, or of a commit QC's proposal. */
  readonly last: string;
}

/** A link, and the SHA-256 of its own bytes. */
export interface ReadLink extends Link {
  readonly hash: string;
}

/** The same bytes for the same link. */
export function encodeLink(link: Link): Uint8Array {
  const { chain, log, ordinal, before, first, next, bytes, sha256: sum, last } = link;
  const fields = {
    format: FORMAT,
    chain,
    log,
    ordinal,
    before,
    first: String(first),
    next: String(next),
    bytes,
    sha256: sum,
    last,
  };
  return Buffer.from(`${JSON.stringify(fields)}\n`, "utf8");
}

/** @throws {PersisterError} ARCHIVE_CORRUPT, FORMAT_TOO_NEW; `name` is told. */
export function decodeLink(name: string, bytes: Uint8Array): ReadLink {
  let fields: unknown;
  try {
    fields = JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch (cause) {
    throw new PersisterError("ARCHIVE_CORRUPT", `${name} is no link of an archive`, {
      file: name,
      cause,
    });
  }
  const { format } = Object(fields) as { readonly format?: unknown };
  if (typeof format === "number" && format > FORMAT) {
    const text = `${name} has format ${format}: ${FORMAT} is known`;
    throw new PersisterError("FORMAT_TOO_NEW", text, { file: name });
  }
  const read = schema.safeParse(fields);
  const isLink = read.success && read.data.first < read.data.next;
  // One form for each link: a space more would be another link with the same meaning.
  if (!isLink || !sameBytes(encodeLink(read.data), bytes)) {
    throw new PersisterError("ARCHIVE_CORRUPT", `${name} is no link of an archive`, { file: name });
  }
  return { ...read.data, hash: hashOfLink(bytes) };
}

/** The bytes of the receipt of a link with this hash. */
export function encodeReceipt(hash: string): Uint8Array {
  return Buffer.from(`${hash}\n`, "latin1");
}

export function hashOfLink(bytes: Uint8Array): string {
  return hex(createHash("sha256").update(bytes).digest());
}
