/**
 * A lane's or the road's log as the older revision's persisters load it: all entries decoded, in
 * append order, their numbers consecutive. It verifies nothing else; that is `history.ts`.
 */
import { DecodeError } from "../../wire/decode-error.js";
import type { ReadableDisk } from "../readable-disk.js";
import { decodeCommitQC, decodeSignedBlock } from "./decode.js";
import type { CommitQC, SignedBlock } from "./messages.js";
import { OlderRefusal } from "./refusal.js";
import { CommitQC as CommitQCSchema, type OlderSchema, panicsThere, SignedMsg } from "./schema.js";
import { entriesOfLog, openTidwall, type TornTail } from "./tidwall.js";

export interface LoadedLog<T> {
  readonly directory: string;
  readonly records: readonly T[];
  /** The number above the last record's, modulo 2^64; 0 where there is none. */
  readonly next: bigint;
  /** What opening would cut off first. */
  readonly torn: TornTail | undefined;
}

interface Kind<T> {
  readonly schema: OlderSchema;
  readonly decode: (bytes: Uint8Array) => T;
  readonly numberOf: (record: T) => bigint;
}

const blocks: Kind<SignedBlock> = {
  schema: SignedMsg,
  decode: decodeSignedBlock,
  numberOf: ({ msg }) => msg.header.blockNumber,
};
const commitQCs: Kind<CommitQC> = {
  schema: CommitQCSchema,
  decode: decodeCommitQC,
  numberOf: ({ vote }) => vote.view.index,
};

/**
 * The blocks of one lane's directory.
 *
 * @throws {OlderRefusal} where the original's loader fails; else as `openTidwall`.
 */
export function loadLane(disk: ReadableDisk, directory: string): Promise<LoadedLog<SignedBlock>> {
  return loadLog(disk, directory, blocks);
}

/** The commit QCs; throws as `loadLane`. */
export function loadRoad(disk: ReadableDisk, directory: string): Promise<LoadedLog<CommitQC>> {
  return loadLog(disk, directory, commitQCs);
}

async function loadLog<T>(
  disk: ReadableDisk,
  directory: string,
  kind: Kind<T>,
): Promise<LoadedLog<T>> {
  const log = await openTidwall(disk, directory);
  const { schema, decode } = kind;
  const records: T[] = [];
  for await (const entry of entriesOfLog(disk, log)) {
    const what = `entry ${log.first + BigInt(records.length)}`;
    records.push(decodedOf(entry, { path: directory, what, schema, decode }));
  }
  let next = 0n;
  for (const [place, record] of records.entries()) {
    const number = kind.numberOf(record);
    if (place > 0 && number !== next) {
      throw new OlderRefusal("gap", directory, `${number} stands where ${next} should`);
    }
    next = BigInt.asUintN(64, number + 1n);
  }
  return { directory, records, next, torn: log.torn };
}

/** What was found, where, and how it is to be read. */
interface Found<T> extends Pick<Kind<T>, "schema" | "decode"> {
  readonly path: string;
  readonly what: string;
}

/** Decodes `bytes`, and says of a `DecodeError` what the original makes of them. */
export function decodedOf<T>(bytes: Uint8Array, found: Found<T>): T {
  try {
    return found.decode(bytes);
  } catch (cause) {
    if (!(cause instanceof DecodeError)) throw cause;
    const reason = panicsThere(cause, found.schema) ? "panic" : "decode";
    throw new OlderRefusal(reason, found.path, `${found.what}: ${cause.message}`, cause);
  }
}
