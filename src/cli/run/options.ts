/** The options of `lanekeeper run`: their defaults, and the one place where they are checked. */
import { z } from "zod";
import { PersisterError } from "../../types/errors.js";
import { TXS_BYTES_MAX, VALIDATORS_MAX } from "../../wire/messages.js";
import { formatSize, parseSize } from "../terminal/sizes.js";

/** As they stand in `--help`. */
export const defaults = {
  /** A small committee that still has a quorum of three. */
  lanes: "4",
  seconds: "20",
  /** What a lane's block holds under moderate load. */
  payload: "16KiB",
  kills: "5",
} as const;

const SECONDS_MAX = 86_400;
const KILLS_MAX = 10_000;
/** The parent keeps up to 30 blocks of each lane: 30 times this at most. */
const LANES_BYTES_MAX = 16 * 1024 * 1024;

export interface RunOptions {
  readonly lanes: number;
  readonly seconds: number;
  readonly payload: number;
  readonly kills: number;
  /** A temporary directory where undefined. */
  readonly dir: string | undefined;
  readonly seed: number;
  readonly json: boolean;
}

const whole = (min: number, max: number) => {
  const message = `must be a whole number from ${min} to ${max}`;
  return z
    .string()
    .regex(/^\d+$/, message)
    .transform(Number)
    .refine((value) => value >= min && value <= max, message);
};

const size = (min: number, max: number) => {
  const message = `must be a size from ${min} to ${max} bytes, such as 16KiB`;
  return z.string().transform((text, context) => {
    const bytes = parseSize(text);
    if (bytes !== undefined && bytes >= min && bytes <= max) return bytes;
    context.addIssue({ code: "custom", message });
    return z.NEVER;
  });
};

const schema = z
  .object({
    lanes: whole(1, VALIDATORS_MAX),
    seconds: whole(1, SECONDS_MAX),
    payload: size(1, TXS_BYTES_MAX),
    kills: whole(0, KILLS_MAX),
    dir: z.string().min(1, "must name a directory").optional(),
    seed: whole(0, Number.MAX_SAFE_INTEGER).optional(),
    json: z.boolean().optional(),
  })
  .refine(({ lanes, payload }) => lanes * payload <= LANES_BYTES_MAX, {
    path: ["payload"],
    message: `times --lanes must be at most ${formatSize(LANES_BYTES_MAX)}`,
  });

/**
 * Checks what the parser read; `drawSeed` gives the seed where none is named.
 *
 * @throws {PersisterError} USAGE when an option has a wrong value.
 */
export function runOptions(parsed: unknown, drawSeed: () => number): RunOptions {
  const result = schema.safeParse(parsed);
  if (!result.success) {
    const [issue] = result.error.issues;
    throw new PersisterError("USAGE", `--${issue?.path.join(".")} ${issue?.message}`);
  }
  const { dir, seed, json, ...rest } = result.data;
  return Object.freeze({ ...rest, dir, seed: seed ?? drawSeed(), json: json ?? false });
}
