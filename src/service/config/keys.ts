/**
 * Every setting of a service: its key in the YAML file, its form, its default and its reason. The variable
 * LANEKEEPER_LIMITS_STREAMS and the flag `--limits-streams` of the key `limits.streams` follow from its name.
 *
 * Sizes and durations are strings with a unit. YAML would read `0600` as 600, and no key is a file mode.
 *
 * The description of a form says how a right value looks: "must be" stands in front of it where one is refused.
 */
import { z } from "zod";
import { archiveDefaults } from "../../archive/writing/options.js";
import {
  defaults as keeperDefaults,
  SEGMENT_BYTES_MAX,
  SEGMENT_BYTES_MIN,
} from "../../node/options.js";
import { levels } from "./levels.js";
import { defaultLimits } from "./limits.js";
import { sizeOf, sizeText } from "./units.js";

const size = (min: number, max: number) =>
  z
    .union([z.string(), z.number()])
    .transform((given) => sizeOf(String(given)))
    .pipe(z.number().min(min).max(max))
    .describe(`a size from ${sizeText(min)} to ${sizeText(max)}, such as 16MiB`);

const whole = (min: number, max: number) =>
  z
    .union([z.string().regex(/^\d+$/), z.number()])
    .transform(Number)
    .pipe(z.number().int().min(min).max(max))
    .describe(`a whole number from ${min} to ${max}`);

const yes = z
  .union([z.boolean(), z.enum(["true", "false"])])
  .transform((value) => String(value) === "true")
  .describe("true or false");
const path = z.string().min(1).describe("the name of a file");
const text = (what: string) => z.string().min(1).describe(what);

const address = z
  .string()
  .transform((given, context) => {
    const found = /^(\[[0-9a-fA-F:]+\]|[^:\s]+):(\d{1,5})$/.exec(given);
    const port = Number(found?.[2]);
    if (found?.[1] !== undefined && port <= 65_535) {
      return { host: found[1].replace(/^\[|\]$/g, ""), port };
    }
    context.addIssue({ code: "custom" });
    return z.NEVER;
  })
  .describe("HOST:PORT, such as 127.0.0.1:9463");

/** A list, or its items with commas between them. */
const texts = (item: z.ZodString, what: string) =>
  z
    .union([z.string(), z.array(z.string())])
    .transform((given) => (typeof given === "string" ? given.split(",") : given))
    .pipe(z.array(item))
    .describe(what);

const types = z
  .union([z.string(), z.array(z.number())])
  .transform((given) => (typeof given === "string" ? given.split(",").map(Number) : given))
  .pipe(z.array(z.number().int().min(0).max(0xffff)))
  .describe("numbers from 0 to 65535");

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;

/** A setting: its form, the text of its default, and a line of help. */
interface Key {
  readonly form: z.ZodTypeAny;
  readonly fallback?: string;
  readonly help: string;
}

export const keys = {
  chainId: { form: text("the id of a chain, as a text"), help: "the chain that the store serves" },
  committee: { form: path, help: "the file with the committee of each epoch" },
  socket: {
    form: text("the name of a socket"),
    help: 'the UNIX socket, or "off"; STORE/lanekeeper.sock as a rule',
  },
  listen: { form: address, help: "also listen on this TCP address" },
  insecure: { form: yes, fallback: "false", help: "TCP without TLS, on a loopback address alone" },
  "tls.certificate": { form: path, help: "the certificate of the TCP listener, PEM" },
  "tls.key": { form: path, help: "its key, PEM" },
  "tls.clientCa": {
    form: path,
    help: "the authority of client certificates, PEM: every client needs one then",
  },
  access: { form: path, help: "the file of tokens and certificates, and of their roles" },
  "admin.listen": {
    form: z.union([z.literal("off"), address]).describe(`"off", or ${address.description}`),
    fallback: "127.0.0.1:9464",
    help: 'metrics, health and page, or "off"',
  },
  "admin.hosts": {
    form: texts(z.string().regex(/^[\w.-]{1,253}$/), "names of hosts"),
    fallback: "",
    help: "names by which the page is called, beside localhost",
  },
  segment: {
    form: size(SEGMENT_BYTES_MIN, SEGMENT_BYTES_MAX),
    fallback: sizeText(keeperDefaults.segmentBytes),
    help: "the smallest journal segment",
  },
  retain: {
    form: size(0, 1024 * GIB),
    fallback: sizeText(keeperDefaults.retainBytes),
    help: "pruned blocks and QCs that stay readable",
  },
  cache: {
    form: size(0, 64 * GIB),
    fallback: sizeText(keeperDefaults.cacheBytes),
    help: "durable blocks in memory",
  },
  "reserve.at": {
    form: z
      .string()
      .regex(/^(?:file|s3|etcd):\/\/./)
      .describe("s3://BUCKET/PREFIX, file:///folder or etcd://HOST:PORT"),
    help: "reserve each place here before it is signed: another machine has the same keys",
  },
  "reserve.validator": {
    form: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .describe("64 lower-case hex digits"),
    help: "the public key of the validator",
  },
  "reserve.places": {
    form: whole(8, 4096),
    fallback: String(keeperDefaults.reservePlaces),
    help: "places that are reserved in one put",
  },
  "archive.to": {
    form: z
      .string()
      .regex(/^(?:file|s3):\/\/./)
      .describe("file:///folder or s3://BUCKET/PREFIX"),
    help: "archive in this bucket what leaves the live window",
  },
  "archive.gate": {
    form: z.enum(["strict", "best effort"]).describe('"strict" or "best effort"'),
    fallback: archiveDefaults.gate,
    help: "strict gives nothing back that is not archived; best effort gives the oldest back",
  },
  "archive.held": {
    form: size(MIB, 1024 * GIB),
    fallback: sizeText(archiveDefaults.heldBytes),
    help: "bytes that a strict gate holds back before blocks are refused",
  },
  "archive.compress": { form: yes, fallback: "false", help: "compress objects of the archive" },
  "archive.encrypt": {
    form: yes,
    fallback: "true",
    help: "seal objects of the archive, where the store has keys",
  },
  "archive.ca": { form: path, help: "certificates to trust for the bucket, PEM" },
  "limits.message": {
    form: size(4 * MIB, 64 * MIB),
    fallback: sizeText(defaultLimits.messageBytes),
    help: "bytes of one message",
  },
  "limits.streams": {
    form: whole(1, 10_000),
    fallback: String(defaultLimits.streams),
    help: "calls at once of one connection",
  },
  "limits.connections": {
    form: whole(1, 100_000),
    fallback: String(defaultLimits.connections),
    help: "connections at once of one listener",
  },
  "limits.inFlight": {
    form: size(16 * MIB, 16 * GIB),
    fallback: sizeText(defaultLimits.inFlightBytes),
    help: "bytes under way of all writers' streams",
  },
  "journal.directory": {
    form: path,
    help: "serve the journal in this directory",
  },
  "journal.types": {
    form: types,
    fallback: "",
    help: "the types of record that clients understand",
  },
  "jobs.directory": { form: path, help: "serve the jobs in this directory" },
  "keys.files": {
    form: texts(path, "names of files"),
    fallback: "",
    help: "the files of the keys for encryption at rest: the first one writes, the others read",
  },
  "keys.environment": {
    form: texts(z.string().regex(/^[A-Za-z_]\w*$/), "names of variables"),
    fallback: "",
    help: "the variables with these keys, in place of files",
  },
  "keys.command": {
    form: text("a command of the shell"),
    help: "a command of the shell that prints these keys, one on each line",
  },
  "keys.plain": {
    form: yes,
    fallback: "false",
    help: "write plain from now on; the keys only read",
  },
  "log.level": {
    form: z.enum(levels).describe(`one of ${levels.join(", ")}`),
    fallback: "info",
    help: levels.join(", "),
  },
  strict: {
    form: yes,
    fallback: "false",
    help: "end with the error's exit code if the store is refused",
  },
} as const satisfies Readonly<Record<string, Key>>;

export type KeyName = keyof typeof keys;
export const keyNames = Object.keys(keys) as readonly KeyName[];

/** The settings of a service; a key without a default may be missing. */
export type Settings = {
  readonly [Name in KeyName]: (typeof keys)[Name] extends { readonly fallback: string }
    ? z.output<(typeof keys)[Name]["form"]>
    : z.output<(typeof keys)[Name]["form"]> | undefined;
};

/** The name of a key as words: ["limits", "in", "flight"]. */
function wordsOf(name: KeyName): readonly string[] {
  return name
    .split(".")
    .flatMap((part) => part.split(/(?=[A-Z])/).map((word) => word.toLowerCase()));
}

export function variableOf(name: KeyName): string {
  return `LANEKEEPER_${wordsOf(name).join("_").toUpperCase()}`;
}

export function flagOf(name: KeyName): string {
  return `--${wordsOf(name).join("-")}`;
}
