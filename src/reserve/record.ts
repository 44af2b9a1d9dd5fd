/**
 * The record of a validator's reservations: one object for each chain and validator, in a store that all of
 * its machines reach. It is JSON; numbers of 64 bits are strings of digits.
 *
 * ```
 * { "version": 2, "chainId": ..., "validator": <key>, "nonce": <random>,
 *   "holder": <machine>, "taken": { "reason": ..., "atMs": ... },
 *   "runs":   { <machine>: <random>, ... },
 *   "series": { "road":          { "of": <machine>, "first": "64", "next": "192" },
 *               "votes/<lane>":  { "of": <machine>, "first": "70", "next": "198" },
 *               "blocks/<lane>": { "of": <machine>, "first": "0",  "next": "128" } } }
 * ```
 *
 * A series is a row of numbered places: the road, the votes for the blocks of one lane, the blocks of the
 * validator's own lane. Of each one the record says which machine may sign in [first, next). Nobody has
 * reserved `next` or anything above it. `runs` has the newest run of each machine that has put a record.
 * `nonce` is another one in each put, so that two puts never have the same bytes. Version 1 had no runs.
 */
import { u64Text } from "../codec/u64-text.js";
import { createHash } from "node:crypto";
import { z } from "zod";
import { PersisterError } from "../types/errors.js";
import { isLaneId, type LaneId, laneParts } from "../types/lane.js";
import { hex } from "../codec/hex.js";

/** A store of the validator: its id, or that of its life since it was restored. */
export type Machine = string;

/** "road", "votes/LANE" or "blocks/LANE". */
export type SeriesName = "road" | `votes/${LaneId}` | `blocks/${LaneId}`;

/** The places [first, next) of a series are one machine's. */
export interface Reach {
  readonly of: Machine;
  readonly first: bigint;
  readonly next: bigint;
}

export interface ReservationRecord {
  readonly chainId: string;
  /** The validator's key, in hexadecimal digits. */
  readonly validator: string;
  /** The machine that may reserve more. */
  readonly holder: Machine;
  /** When and why the holder became it. */
  readonly taken: { readonly reason: string; readonly atMs: number };
  /** The newest run of each machine that has put a record. */
  readonly runs: ReadonlyMap<Machine, string>;
  readonly series: ReadonlyMap<SeriesName, Reach>;
}

/** A record has some 250 bytes for each lane that its validator ever voted for. */
const RECORD_BYTES_MAX = 16 * 1024 * 1024;

const reach = z
  .strictObject({ of: z.string().min(1), first: u64Text, next: u64Text })
  .refine(({ first, next }) => first <= next);
const seriesName = z.custom<SeriesName>((value) => typeof value === "string" && isSeries(value));

const schema = z.strictObject({
  version: z.union([z.literal(1), z.literal(2)]),
  chainId: z.string(),
  validator: z.string(),
  nonce: z.string(),
  holder: z.string().min(1),
  taken: z.strictObject({ reason: z.string(), atMs: z.number() }),
  runs: z.record(z.string(), z.string()).default({}),
  series: z
    .record(z.string(), z.unknown())
    .transform((fields) => Object.entries(fields))
    .pipe(z.array(z.tuple([seriesName, reach]))),
});

/** The name of the object of one chain and validator. */
export function recordName(chainId: string, validator: Uint8Array): string {
  const chain = createHash("sha256").update(chainId).digest("hex").slice(0, 32);
  return `reservations/${chain}/${hex(validator)}`;
}

/** Whether a series is about the blocks of the validator's own lane. */
export function isOfBlocks(name: SeriesName): name is `blocks/${LaneId}` {
  return name.startsWith("blocks/");
}

/** The lane of a series of votes or blocks. */
export function laneOf(name: Exclude<SeriesName, "road">): LaneId {
  return name.slice(name.indexOf("/") + 1) as LaneId;
}

export function encodeRecord(record: ReservationRecord, nonce: string): Uint8Array {
  const { chainId, validator, holder, taken, runs, series } = record;
  const each = [...series].map(([name, { of, first, next }]) => {
    return [name, { of, first: String(first), next: String(next) }] as const;
  });
  const fields = { version: 2, chainId, validator, nonce, holder, taken };
  const [allRuns, allSeries] = [Object.fromEntries(runs), Object.fromEntries(each)];
  return Buffer.from(JSON.stringify({ ...fields, runs: allRuns, series: allSeries }));
}

/**
 * The record in an object, checked to be that of this chain and validator.
 *
 * @throws {PersisterError} RESERVATIONS_UNREADABLE. Nothing may be signed on such a record.
 */
export function decodeRecord(
  bytes: Uint8Array,
  {
    chainId,
    validator,
    at,
  }: { readonly chainId: string; readonly validator: string; readonly at: string },
): ReservationRecord {
  const read = bytes.length > RECORD_BYTES_MAX ? undefined : schema.safeParse(parsed(bytes)).data;
  if (!read) throw unreadable(at, "it is no record of reservations");
  if (read.chainId !== chainId) throw unreadable(at, `it is of chain "${read.chainId}"`);
  if (read.validator !== validator) throw unreadable(at, `it is of validator ${read.validator}`);
  const { holder, taken, runs, series } = read;
  const stray = series.find(([name]) => {
    return isOfBlocks(name) && hex(laneParts(laneOf(name)).key) !== validator;
  });
  if (stray) throw unreadable(at, `${stray[0]} is no lane of this validator`);
  const allRuns = new Map(Object.entries(runs));
  return { chainId, validator, holder, taken, runs: allRuns, series: new Map(series) };
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch {
    return undefined;
  }
}

function isSeries(name: string): boolean {
  if (name === "road") return true;
  const [kind, lane, ...more] = name.split("/");
  return (kind === "votes" || kind === "blocks") && isLaneId(lane) && more.length === 0;
}

function unreadable(at: string, why: string): PersisterError {
  return new PersisterError("RESERVATIONS_UNREADABLE", `the reservations at ${at}: ${why}`);
}
