/**
 * Asks a bucket whether it keeps the conditions of a put. Servers exist that ignore them and answer that
 * all is well, or let two puts win: on such a one, two machines would each believe that they were first.
 *
 * A probe leaves one small object of a random name under `probe/`: nothing here removes objects, so that
 * credentials need no right to do so.
 */
import { randomBytes } from "node:crypto";
import type { WaitOptions } from "../../async/signal.js";
import { PersisterError } from "../../types/errors.js";
import { type Bucket, type PutResult, sameBytes, type StoredObject } from "./bucket.js";

/** Puts that are made at once: a server that lets two win does so in one of a few tries. */
const PUTS_AT_ONCE = 8;

/** The condition that is asked for: an archive only creates; a reservation also replaces. */
export type Needs = "create" | "create and replace";

/**
 * Resolves if the bucket kept every condition.
 *
 * @throws {PersisterError} BUCKET_UNSAFE saying which one it did not keep; BUCKET_FAILED,
 * BUCKET_REFUSED, ABORTED.
 */
export async function probe(
  bucket: Probed,
  needs: Needs,
  options: WaitOptions = {},
): Promise<void> {
  const name = `probe/${randomBytes(16).toString("hex")}`;
  const created = await atOnce((bytes) => bucket.putIfAbsent(name, bytes, options));
  const held = await judge(bucket, name, { what: "creates", puts: created, options });
  if (needs === "create") return;
  const wrong = await bucket.putIfMatch(name, unique(), `${held.tag}-not`, options);
  if (wrong.stored) throw unsafe(bucket, "it replaced an object although the tag was another one");
  const replaced = await atOnce((bytes) => bucket.putIfMatch(name, bytes, held.tag, options));
  await judge(bucket, name, { what: "replacements of one tag", puts: replaced, options });
}

/** The part of a bucket that is asked. */
export type Probed = Pick<Bucket, "url" | "get" | "putIfAbsent" | "putIfMatch">;

interface Put {
  readonly bytes: Uint8Array;
  readonly result: PutResult;
}

async function atOnce(put: (bytes: Uint8Array) => Promise<PutResult>): Promise<readonly Put[]> {
  const all = Array.from({ length: PUTS_AT_ONCE }, async () => {
    const bytes = unique();
    return { bytes, result: await put(bytes) };
  });
  return await Promise.all(all);
}

/** One of the puts has won, and its bytes are there. */
async function judge(
  bucket: Probed,
  name: string,
  asked: { readonly what: string; readonly puts: readonly Put[]; readonly options: WaitOptions },
): Promise<StoredObject> {
  const { what, puts, options } = asked;
  const won = puts.filter(({ result }) => result.stored);
  const [first] = won;
  if (!first || won.length > 1) {
    throw unsafe(bucket, `of ${puts.length} ${what} at once ${won.length} won, and one must`);
  }
  const held = await bucket.get(name, options);
  if (!held || !sameBytes(held.bytes, first.bytes)) {
    throw unsafe(bucket, `of ${puts.length} ${what} at once, the one that won is not there`);
  }
  return held;
}

function unique(): Uint8Array {
  return Buffer.from(
    `lanekeeper asks whether conditions are kept: ${randomBytes(16).toString("hex")}`,
  );
}

function unsafe(bucket: Probed, why: string): PersisterError {
  return new PersisterError("BUCKET_UNSAFE", `${bucket.url} does not keep conditions: ${why}`);
}
