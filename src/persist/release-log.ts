/**
 * The operator's decisions to lift a pin (D6), on record: who looks at an equivocation later finds
 * when, and why, a number was given free. The last ones are kept, in a log of the journal.
 */
import type { LaneLog, RecordKind } from "../log/lane-log.js";
import type { LogSet } from "../log/log-set.js";
import { assert } from "../types/assert.js";
import { isLaneId, type LaneId } from "../types/lane.js";

/** The log's name. No lane is called so. */
export const RELEASES = "releases";

/** How many decisions stay on record. */
const RELEASES_MAX = 64n;

/** One pin that was lifted by decision. */
export interface Release {
  readonly lane: LaneId;
  readonly number: bigint;
  /** The block to which the number was pinned, 64 hex digits. */
  readonly headerHash: string;
  readonly reason: string;
  readonly atMs: number;
}

/** The release in a record, or `undefined` where it is none. */
export function readRelease(bytes: Uint8Array): Release | undefined {
  const { lane, number, headerHash, reason, atMs } = parsed(Buffer.from(bytes).toString("utf8"));
  const isRelease =
    typeof lane === "string" &&
    isLaneId(lane) &&
    typeof number === "string" &&
    /^\d{1,20}$/.test(number) &&
    typeof headerHash === "string" &&
    typeof reason === "string" &&
    typeof atMs === "number";
  return isRelease ? { lane, number: BigInt(number), headerHash, reason, atMs } : undefined;
}

/** Reads a text that is no JSON object as an object without fields. */
function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function encodeRelease(release: Release): Uint8Array {
  return Buffer.from(JSON.stringify({ ...release, number: String(release.number) }), "utf8");
}

const releaseKind: RecordKind<Release> = {
  noun: "release",
  decode: decodeProven,
  facts: () => ({}),
};

/** Recovery has read every record that is there. */
function decodeProven(bytes: Uint8Array): Release {
  const release = readRelease(bytes);
  assert(release !== undefined, "a held release reads as one");
  return release;
}

export class ReleaseLog {
  readonly #log: LaneLog<Release>;

  constructor(logs: LogSet) {
    this.#log = logs.open(RELEASES, releaseKind);
  }

  /** Durable when resolved. */
  async append(release: Release): Promise<void> {
    const number = this.#log.appendNext;
    const start = number - RELEASES_MAX + 1n;
    await this.#log.write({
      ...(start > 0n ? { prune: { start } } : {}),
      append: { records: [{ number, payload: encodeRelease(release) }] },
    });
  }

  /** Those on record, oldest first. */
  async list(): Promise<Release[]> {
    const found: Release[] = [];
    for await (const { bytes } of this.#log.scan()) found.push(decodeProven(bytes));
    return found;
  }
}
