/**
 * The orders of the parent to a validator's process, over its standard input, as lines of JSON.
 *
 * The parent says when a process shall close. An input that ends without that word is the end of the parent,
 * in whatever way: the process ends at once, as a kill would end it, whatever it does at that moment. Nobody is
 * left who could do so.
 */
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
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
  /** A block of the own lane is made so long behind the one before it at least; left out for no pause. */
  paceMs: z.number().optional(),
  retainBytes: z.number(),
  /** Left out for segments of the usual size. */
  segmentBytes: z.number().optional(),
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

/** The others that this machine reaches from now on: the bucket of the reservations, and its peers. */
const reachSchema = z.strictObject({
  kind: z.literal("reach"),
  bucket: z.boolean(),
  peers: z.boolean(),
});

/** The last order: the store is closed, and the process ends. */
const closeSchema = z.strictObject({ kind: z.literal("close") });

const orderSchema = z.discriminatedUnion("kind", [
  startSchema,
  dialSchema,
  takeSchema,
  reachSchema,
  closeSchema,
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

/** A process that was told to close does so in less time, or not at all. */
const CLOSE_MS_MAX = 25_000;

/** The orders from `input` up to the last one, which is left out. `end` ends the process at once. */
export async function* ordersFrom(
  input: Readable,
  end: () => void,
): AsyncGenerator<Order, undefined> {
  const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
  const orders: Order[] = [];
  let isLast = false;
  let wake = (): void => undefined;
  lines.on("line", (line) => {
    const order = decodeOrder(line);
    if (order.kind === "close") isLast = true;
    else orders.push(order);
    wake();
  });
  const ended = (): void => {
    if (isLast) setTimeout(end, CLOSE_MS_MAX).unref();
    else end();
  };
  input.once("end", ended).once("error", ended);
  for (;;) {
    const order = orders.shift();
    if (order) yield order;
    else if (isLast) return undefined;
    else {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  }
}

/** The one epoch of a devnet: every key has weight 1; it does not end. */
export function epochOfKeys(keys: readonly string[]): Epoch {
  const members = keys.map((key) => ({ key: Buffer.from(key, "hex"), weight: 1n }));
  const committee = Committee.genesis(members);
  return { index: 0n, firstRoad: 0n, nextRoad: U64_MAX, committee };
}
