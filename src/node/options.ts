/**
 * The options of a user, checked once, with every default and its reason in one table.
 */
import { z } from "zod";
import { type OpeningChoices, openingShape } from "../async/opening.js";
import type { EpochOf } from "../wire/committee.js";
import { checkChoices } from "../types/choices.js";
import { PersisterError } from "../types/errors.js";
import { isVerifier, type Verifier } from "../wire/verifier.js";
import type { Flush } from "../disk/surroundings.js";
import type { Observe } from "../types/measures.js";
import { type KeyChoices, keyChoicesSchema } from "../keys/source.js";
import { archiveSchema, type ArchiveToChoices } from "../archive/writing/options.js";
import type { LogEntry } from "./events.js";

const KIB = 1024;
const MIB = 1024 * KIB;

/** All defaults. */
export const defaults = {
  /** Holds the largest block (2.1 MB) beside others, and is written in one go within 10 ms or so. */
  segmentBytes: 4 * MIB,
  /** A peer that is some anchors behind is served from it. Open reads none of it. */
  retainBytes: 64 * MIB,
  /** The last blocks of a large committee, as peers ask for them. */
  cacheBytes: 64 * MIB,
  /** A put takes some 50 ms: half of them last for seconds. */
  reservePlaces: 64,
} as const;

/** Smallest and largest segment. The smallest is for tests: it holds no block of full size. */
export const SEGMENT_BYTES_MIN = 40 * KIB;
export const SEGMENT_BYTES_MAX = 64 * MIB;

export interface InitChoices {
  /** The chain that this store serves: 1 to 255 printable ASCII characters. */
  readonly chainId: string;
  /**
   * Size of the smallest journal segment in bytes, 40 KiB to 64 MiB. A quarter of it, and at most 512 KiB,
   * is kept for the list of lanes and segments at its begin: about 2,900 lanes at 4 MiB, 90 at 64 KiB, 46
   * at 40 KiB. One more is refused with TOO_MANY_LANES.
   *
   * @defaultValue 4 MiB
   */
  readonly segmentBytes?: number;
}

export interface OpenChoices extends InitChoices, OpeningChoices {
  /** The committee of each epoch, for verifying what is pushed and the anchor that is recovered. */
  readonly epochOf: EpochOf;
  /**
   * Bytes of pruned blocks and QCs that stay readable, in whole segments. Open reads none of them.
   *
   * @defaultValue 64 MiB
   */
  readonly retainBytes?: number;
  /**
   * Bytes of durable blocks that are kept in memory for readers.
   *
   * @defaultValue 64 MiB
   */
  readonly cacheBytes?: number;
  /**
   * How small groups of records are written. `auto`: by a call that holds the event loop, as long as the disk
   * is measured to answer within 0.2 ms; the status tells. `async`: never by such a call.
   *
   * @defaultValue "auto"
   */
  readonly flush?: Flush;
  /**
   * The verifier of the node: signatures and certificates that it has verified are not verified again
   * when they are pushed. It stays the node's to close.
   *
   * @defaultValue a verifier of the store's own
   */
  readonly verifier?: Verifier;
  /**
   * Gets a line for each event of the store, to be written to a log. It is called in a step of its own.
   *
   * @defaultValue none
   */
  readonly log?: (entry: LogEntry) => void;
  /**
   * Encrypts blocks, QCs and releases on disk: one key writes, any number read. Payloads that were written
   * before stay as they are until it is pruned, or moved by a rotation.
   *
   * @defaultValue none: payloads are plain
   */
  readonly keys?: KeyChoices | undefined;
  /**
   * Archives blocks and commit QCs, as they leave the live window, in a bucket beyond this machine.
   *
   * @defaultValue none
   */
  readonly archive?: ArchiveToChoices | undefined;
  /**
   * Gets each measure that the store takes of itself: durations, sizes of groups. It is called within the
   * work that it measures, so it must be cheap. A store without it takes no measures.
   *
   * @defaultValue none
   */
  readonly observe?: Observe;
  /**
   * The caller's word that the store was copied or moved, and that the original never runs again. Without
   * it such a store is refused with STORE_MOVED: two stores of one validator sign twice.
   *
   * @defaultValue false
   */
  readonly moved?: boolean;
  /**
   * Reserves each place before it may be signed, in a store that every machine with the keys of this validator
   * reaches: one of them may then take over from another at any moment. The first of them makes the record with
   * `takeReservations`.
   *
   * @defaultValue none: this machine alone has the keys
   */
  readonly reserve?:
    | {
        /**
         * `s3://BUCKET/PREFIX`, `file:///folder` or `etcd://HOST:PORT/PREFIX`. Each machine of the validator
         * gives the same.
         */
        readonly at: string;
        /** The public key of the validator, 32 bytes. */
        readonly validator: Uint8Array;
        /**
         * Places that are reserved in one put, 8 to 4096. A standby that takes over leaves out as many votes.
         *
         * @defaultValue 64
         */
        readonly places?: number | undefined;
        /**
         * The validator asks from another process than this one, and so may sign on a word that was given before
         * this process began. After a crash its own lane then stays with this machine: it is not given back.
         *
         * @defaultValue false
         */
        readonly remote?: boolean | undefined;
      }
    | undefined;
}

const chainId = z.string().regex(/^[\x20-\x7e]{1,255}$/, "1 to 255 printable ASCII characters");
const segmentBytes = z.number().int().min(SEGMENT_BYTES_MIN).max(SEGMENT_BYTES_MAX);

const initSchema = z.strictObject({
  chainId,
  segmentBytes: segmentBytes.default(defaults.segmentBytes),
});

const openSchema = initSchema.extend({
  epochOf: z.custom<EpochOf>(isFunction, "a function"),
  cacheBytes: z.number().int().safe().min(0).default(defaults.cacheBytes),
  retainBytes: z.number().int().safe().min(0).default(defaults.retainBytes),
  verifier: z.custom<Verifier>(isVerifier, "a Verifier").optional(),
  log: z.custom<(entry: LogEntry) => void>(isFunction, "a function").optional(),
  keys: keyChoicesSchema.optional(),
  observe: z.custom<Observe>(isFunction, "a function").optional(),
  archive: archiveSchema.optional(),
  flush: z.enum(["auto", "async"]).default("auto"),
  moved: z.boolean().default(false),
  ...openingShape,
  reserve: z
    .strictObject({
      at: z.string().min(1),
      validator: z.custom<Uint8Array>(isPublicKey, "a public key: 32 bytes (a Uint8Array)"),
      places: z.number().int().min(8).max(4096).default(defaults.reservePlaces),
      remote: z.boolean().default(false),
    })
    .optional(),
});

function isPublicKey(value: unknown): boolean {
  return value instanceof Uint8Array && value.length === 32;
}

function isFunction(value: unknown): boolean {
  return typeof value === "function";
}

export type InitSettings = z.output<typeof initSchema>;
export type OpenSettings = z.output<typeof openSchema>;

/** @throws {PersisterError} USAGE naming the first wrong option. */
export function checkInit(choices: InitChoices): InitSettings {
  return checkChoices(initSchema, choices);
}

/** @throws {PersisterError} USAGE naming the first wrong option. */
export function checkOpen(choices: OpenChoices): OpenSettings {
  const settings = checkChoices(openSchema, choices);
  if (settings.archive && settings.retainBytes === 0) {
    const text = "option archive needs retainBytes above 0: it reads what is retained";
    throw new PersisterError("USAGE", text);
  }
  return settings;
}
