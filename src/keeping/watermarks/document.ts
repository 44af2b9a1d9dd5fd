/**
 * Watermarks: how far a validator has signed, as a small document that goes from its old machine to a new one,
 * as EIP-3076 is for its chain. The validator of the store that takes it signs only above.
 *
 * ```json
 * { "format": "lanekeeper watermarks", "version": 1, "chainId": "pacific-1", "signer": "KEY or null",
 *   "isComplete": true, "unread": [],
 *   "lanes": [{ "lane": "ID", "kind": "proposed", "number": "57", "headerHash": "HASH or null" }],
 *   "votes": [{ "kind": "commit", "roadIndex": "104", "view": "0" }] }
 * ```
 *
 * A document may name a place for each message that was signed, or the highest ones alone: of several in a lane, or
 * on the road, the highest counts. So does the highest of several documents.
 *
 * `isComplete`: nothing was signed above what is named, and nothing in a lane that is not named. `unread` says what
 * an export could not read. An incomplete document proves no height: it can only raise one that is known.
 */
import { u64Text } from "../../codec/u64-text.js";
import { z } from "zod";
import { type Heights, laneHeight, type Raise } from "../../persist/guards/heights.js";
import { PersisterError } from "../../types/errors.js";
import { isLaneId, type LaneId } from "../../types/lane.js";
import { U64_MAX } from "../../types/numbers.js";

/** Every number has one above it: the height. */
const number = u64Text.refine((value) => value < U64_MAX, "below 2^64 - 1");

const hex = (bytes: number) => z.string().regex(new RegExp(`^[0-9a-f]{${2 * bytes}}$`));

const laneSchema: z.ZodType<LaneId> = z.custom<LaneId>(isLaneId, "a lane id");

const laneMarkSchema = z.strictObject({
  /** `null` for every lane that no other mark names. */
  lane: laneSchema.nullable(),
  kind: z.enum(["proposed", "voted"]),
  number,
  headerHash: hex(32).nullable(),
});

const voteMarkSchema = z.strictObject({
  /** "any" is a vote that was lost while it was being written, or a proposal. */
  kind: z.enum(["prepare", "commit", "timeout", "app", "any"]),
  roadIndex: number,
  view: number.nullable(),
});

const schema = z.strictObject({
  format: z.literal("lanekeeper watermarks"),
  version: z.literal(1),
  chainId: z.string().min(1).max(255),
  /** The validator's key; `null` where the store does not tell it. */
  signer: hex(32).nullable(),
  isComplete: z.boolean(),
  unread: z.array(z.string()).readonly(),
  lanes: z.array(laneMarkSchema).readonly(),
  votes: z.array(voteMarkSchema).readonly(),
});

export type Watermarks = z.output<typeof schema>;
export type LaneMark = z.output<typeof laneMarkSchema>;
export type VoteMark = z.output<typeof voteMarkSchema>;

/** The document as JSON text; numbers of 64 bits are strings. */
export function encodeWatermarks(watermarks: Watermarks): string {
  const plain = (_: string, value: unknown): unknown => {
    return typeof value === "bigint" ? String(value) : value;
  };
  return `${JSON.stringify(watermarks, plain, 2)}\n`;
}

/**
 * The document in `text`, which is that of `file`.
 *
 * @throws {PersisterError} INVALID where it is none; FORMAT_TOO_NEW where a later version wrote it.
 */
export function decodeWatermarks(text: string, file: string): Watermarks {
  const document = parsed(text, file);
  const newer = z.object({ format: schema.shape.format, version: z.number().min(2) });
  if (newer.safeParse(document).success) {
    const message = `${file}: a newer Lanekeeper wrote these watermarks: use that version`;
    throw new PersisterError("FORMAT_TOO_NEW", message, { file });
  }
  const read = schema.safeParse(document);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  throw invalid(file, `${issue?.path.join(".") ?? ""}: ${issue?.message ?? ""}`);
}

function parsed(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw invalid(file, "it is no JSON", cause);
  }
}

function invalid(file: string, why: string, cause?: unknown): PersisterError {
  const message = `${file}: these are no watermarks: ${why}`;
  return new PersisterError("INVALID", message, {
    file,
    ...(cause === undefined ? {} : { cause }),
  });
}

/** The store and the validator that a document must be of. */
export interface Meant {
  readonly chainId: string;
  /** The validator's key in hex; `undefined` where nobody says it. */
  readonly signer: string | undefined;
}

/**
 * The heights that follow from a document, for guards as they are: an incomplete document leaves unknown what
 * is unknown, unless its word is taken for whole.
 *
 * @throws {PersisterError} WRONG_CHAIN for another chain; INVALID for another signer.
 */
export function raiseOf(
  watermarks: Watermarks,
  heights: Heights,
  { chainId, signer, takeIncomplete }: Meant & { readonly takeIncomplete: boolean },
): Raise {
  if (watermarks.chainId !== chainId) {
    const text = `these watermarks are of chain ${watermarks.chainId}, and the store is of ${chainId}`;
    throw new PersisterError("WRONG_CHAIN", text);
  }
  if (signer !== undefined && watermarks.signer !== null && watermarks.signer !== signer) {
    const text = `these watermarks are of the validator ${watermarks.signer}, and this one is ${signer}`;
    throw new PersisterError("INVALID", text);
  }
  const isWhole = watermarks.isComplete || takeIncomplete;
  const byLane = new Map<LaneId, bigint>();
  let lanes = 0n;
  for (const { lane, number: signed } of watermarks.lanes) {
    if (lane === null) lanes = lanes > signed ? lanes : signed + 1n;
    else if ((byLane.get(lane) ?? 0n) <= signed) byLane.set(lane, signed + 1n);
  }
  // The result of an execution is the same in both lives: an app vote raises nothing.
  const roads = watermarks.votes.flatMap(({ kind, roadIndex }) => {
    return kind === "app" ? [] : [roadIndex + 1n];
  });
  const votes = roads.reduce((a, b) => (a > b ? a : b), 0n);
  if (isWhole) return { lanes, byLane, votes };
  const known = [...byLane].filter(([lane]) => laneHeight(heights, lane) !== "unknown");
  return {
    ...(heights.lanes === "unknown" ? {} : { lanes }),
    byLane: new Map(known),
    ...(heights.votes === "unknown" ? {} : { votes }),
  };
}
