/** The options of `lanekeeper devnet`: their defaults, and the one place where they are checked. */
import { z } from "zod";
import type { NetworkOptions } from "../../devnet/network/options.js";
import { isSabotage, sabotages } from "../../devnet/validator/sabotage.js";
import { PersisterError } from "../../types/errors.js";
import { parseSize } from "../terminal/sizes.js";

/** As they stand in `--help`. */
export const devnetDefaults = {
  /** The smallest committee that works on while one of its validators is away. */
  validators: "4",
  seconds: "30",
  /** The size of a lane's block under moderate load. */
  payload: "16KiB",
  kills: "3",
  powerCuts: "1",
  restore: "0",
  lose: "0",
} as const;

/** The same where nobody strikes but a person, who also says when it ends. */
export const byHandDefaults = { seconds: "86400", kills: "0", powerCuts: "0" } as const;

/** Each is a process, with a line to every other. */
export const VALIDATORS_MAX = 16;
/** A successor leaves out some roads, and a new machine all of a while: the others must go on by themselves. */
const OTHERS_GO_ON_MIN = 4;
const SECONDS_MAX = 86_400;
const KILLS_MAX = 10_000;
const PAYLOAD_BYTES_MAX = 1024 * 1024;

export interface DevnetOptions extends NetworkOptions {
  /** A temporary directory where undefined. */
  readonly dir: string | undefined;
  readonly json: boolean;
}

const whole = (min: number, max: number) => {
  const message = `must be a whole number from ${min} to ${max}`;
  const inRange = (value: number) => value >= min && value <= max;
  return z.string().regex(/^\d+$/, message).transform(Number).refine(inRange, message);
};

const payload = z.string().transform((text, context) => {
  const bytes = parseSize(text);
  if (bytes !== undefined && bytes >= 1 && bytes <= PAYLOAD_BYTES_MAX) return bytes;
  const message = `must be a size from 1 to ${PAYLOAD_BYTES_MAX} bytes, such as 16KiB`;
  context.addIssue({ code: "custom", message });
  return z.NEVER;
});

const schema = z.object({
  validators: whole(1, VALIDATORS_MAX),
  seconds: whole(1, SECONDS_MAX),
  payload,
  kills: whole(0, KILLS_MAX),
  powerCuts: whole(0, KILLS_MAX),
  restore: whole(0, KILLS_MAX),
  lose: whole(0, KILLS_MAX),
  dir: z.string().min(1, "must name a directory").optional(),
  seed: whole(0, Number.MAX_SAFE_INTEGER).optional(),
  sabotage: z
    .string()
    .refine(isSabotage, `must be one of ${Object.keys(sabotages).join(", ")}`)
    .optional(),
  service: z.boolean().optional(),
  byHand: z.boolean().optional(),
  standby: z.boolean().optional(),
  archive: z
    .string()
    .regex(/^(?:file|s3):\/\//, "must be file:///folder or s3://BUCKET/PREFIX")
    .optional(),
  json: z.boolean().optional(),
});

/**
 * Checks what the parser read; `drawSeed` gives the seed where none is named.
 *
 * @throws {PersisterError} USAGE when an option has a wrong value.
 */
export function devnetOptions(parsed: unknown, drawSeed: () => number): DevnetOptions {
  const result = schema.safeParse(withDefaults(parsed));
  if (!result.success) {
    const [issue] = result.error.issues;
    const name = issue?.path.join(".") === "powerCuts" ? "power-cuts" : issue?.path.join(".");
    throw new PersisterError("USAGE", `--${name} ${issue?.message}`);
  }
  const {
    dir,
    seed,
    json,
    sabotage,
    archive,
    service = false,
    standby = false,
    byHand = false,
    restore: restores,
    lose: losses,
    ...rest
  } = result.data;
  if (standby && (service || restores > 0 || rest.validators < OTHERS_GO_ON_MIN)) {
    const other = service ? "--service" : "--restore";
    const why =
      service || restores > 0
        ? `and ${other} exclude each other`
        : `wants ${OTHERS_GO_ON_MIN} validators or more`;
    throw new PersisterError("USAGE", `--standby ${why}`);
  }
  if (archive !== undefined && (service || standby || restores > 0)) {
    const text = "--archive goes with none of --service, --standby and --restore";
    throw new PersisterError("USAGE", text);
  }
  if (losses > 0 && (archive === undefined || rest.validators < OTHERS_GO_ON_MIN)) {
    const text = `--lose wants --archive, and ${OTHERS_GO_ON_MIN} validators or more`;
    throw new PersisterError("USAGE", text);
  }
  if (sabotage === "lease-by-time" && !standby) {
    throw new PersisterError("USAGE", "--sabotage lease-by-time wants --standby");
  }
  if (
    byHand &&
    (standby || archive !== undefined || restores > 0 || rest.kills + rest.powerCuts > 0)
  ) {
    const text =
      "--by-hand goes with none of --kills, --power-cuts, --restore, --standby and --archive";
    throw new PersisterError("USAGE", text);
  }
  const drawn = { seed: seed ?? drawSeed(), json: json ?? false };
  return Object.freeze({
    ...rest,
    restores,
    losses,
    dir,
    sabotage,
    service,
    byHand,
    standby,
    archive,
    ...drawn,
  });
}

const isByHand = z.object({ byHand: z.literal(true) });

function withDefaults(parsed: unknown): unknown {
  const { seconds, kills, powerCuts } = devnetDefaults;
  const defaults = isByHand.safeParse(parsed).success
    ? byHandDefaults
    : { seconds, kills, powerCuts };
  return typeof parsed === "object" ? { ...defaults, ...parsed } : parsed;
}
