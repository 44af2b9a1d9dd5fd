/**
 * The record of a job in the journal: that there is such a job, which life of it, and the state in which
 * its LevelDB database was left. The newest record of an id is the one that counts.
 *
 * ```
 * making   its folder is being made: there is nothing in it yet that counts
 * open     LevelDB has it open, or had it when the process ended; `manifest` was durable
 * closed   LevelDB let go of it; every file of it is listed, with its size and checksum
 * dropped  the job is gone; its folder is to be removed where it still is
 * ```
 *
 * The payload is JSON, so that an operator can read it; `life` is a decimal string.
 */
import { z } from "zod";

const file = z.strictObject({
  name: z.string(),
  bytes: z.number().int().min(0),
  crc: z.number().int().min(0),
});

const base = {
  version: z.literal(1),
  id: z.string(),
  life: z
    .string()
    .regex(/^\d{1,20}$/)
    .transform(BigInt),
  schema: z.number().int().min(1),
};

const schema = z.discriminatedUnion("kind", [
  z.strictObject({ ...base, kind: z.literal("making") }),
  z.strictObject({ ...base, kind: z.literal("open"), manifest: file }),
  z.strictObject({ ...base, kind: z.literal("closed"), files: z.array(file).readonly() }),
  z.strictObject({ ...base, kind: z.literal("dropped") }),
]);

/** A file of a LevelDB database: its name, its size, and the CRC-32C of as many bytes. */
export type FileMark = Readonly<z.output<typeof file>>;
export type JobRecord = Readonly<z.output<typeof schema>>;

export function encodeJobRecord(record: JobRecord): Uint8Array {
  return Buffer.from(JSON.stringify({ ...record, life: String(record.life) }));
}

/** `undefined` for bytes that are no record of a job. */
export function decodeJobRecord(payload: Uint8Array): JobRecord | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(payload).toString("utf8"));
  } catch {
    return undefined;
  }
  const result = schema.safeParse(parsed);
  return result.success ? result.data : undefined;
}
