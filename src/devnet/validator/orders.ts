/** The orders of the parent to a validator's process, over its standard input, as lines of JSON. */
import { z } from "zod";
import { U64_MAX } from "../../types/numbers.js";
import { Committee, type Epoch } from "../../wire/committee.js";
import { isSabotage } from "./sabotage.js";

const hexKey = z.string().regex(/^[0-9a-f]{64}$/);

const startSchema = z.strictObject({
  kind: z.literal("start"),
  directory: z.string(),
  chainId: z.string(),
  /** The secret seed of this validator's key. */
  seed: hexKey,
  /** The keys of the committee, each of weight 1. */
  keys: z.array(hexKey),
  payloadBytes: z.number(),
  retainBytes: z.number(),
  /** The bucket in which this validator archives, with all others. */
  archive: z.string().optional(),
  /**
   * The directory from which unacknowledged writes can be taken back; left out without power cuts.
   */
  undoDirectory: z.string().optional(),
  /**
   * The socket of the service that has the store, a process of its own; left out where the validator opens
   * the store itself.
   */
  socket: z.string().optional(),
  /** The bucket of the reservations; left out where the validator has one machine. */
  reserve: z.string().optional(),
  /** The machine that makes the record of the reservations at its first start. */
  isFirst: z.boolean(),
  /** The way in which this validator breaks the contract; left out for an honest one. */
  sabotage: z.string().refine(isSabotage).optional(),
});

/** One machine of a validator listens at a port. */
const dialSchema = z.strictObject({
  kind: z.literal("dial"),
  lane: z.string(),
  machine: z.number(),
  port: z.number(),
});

/** This machine takes the reservations. */
const takeSchema = z.strictObject({
  kind: z.literal("take"),
  reason: z.string(),
});

/** The bucket of the reservations answers this machine, or does not. */
const reachSchema = z.strictObject({ kind: z.literal("reach"), isReachable: z.boolean() });

const orderSchema = z.discriminatedUnion("kind", [
  startSchema,
  dialSchema,
  takeSchema,
  reachSchema,
]);

/** Everything a validator's process needs to start. */
export type StartOrder = z.output<typeof startSchema>;
export type Order = z.output<typeof orderSchema>;

export function encodeOrder(order: Order): string {
  return `${JSON.stringify(order)}\n`;
}

export function decodeOrder(line: string): Order {
  return orderSchema.parse(JSON.parse(line));
}

/** The one epoch of a devnet: every key has weight 1; it does not end. */
export function epochOfKeys(keys: readonly string[]): Epoch {
  const members = keys.map((key) => ({ key: Buffer.from(key, "hex"), weight: 1n }));
  const committee = Committee.genesis(members);
  return { index: 0n, firstRoad: 0n, nextRoad: U64_MAX, committee };
}
