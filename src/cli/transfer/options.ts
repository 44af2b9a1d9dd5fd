/** The options of `import` and `export`, checked once. */
import { z } from "zod";
import { PersisterError } from "../../types/errors.js";
import type { Schema } from "../../types/choices.js";

/** The chain of a store for which no other is named. */
export const CHAIN_ID_DEFAULT = "sei";

const path = z.string().min(1, "must have a name");
const chainId = z.string().regex(/^[\x20-\x7e]{1,255}$/, "1 to 255 printable ASCII characters");

const importSchema = z.object({
  fromSei: path,
  committee: path,
  store: path,
  chainId: chainId.default(CHAIN_ID_DEFAULT),
  anchor: path.optional(),
  partial: z.boolean().default(false),
  dryRun: z.boolean().default(false),
  json: z.boolean().default(false),
});

const exportSchema = z.object({
  toSei: path,
  store: path,
  committee: path.optional(),
  anchor: path.optional(),
  moved: z.boolean().default(false),
  key: z.array(path).default([]),
  dryRun: z.boolean().default(false),
  json: z.boolean().default(false),
});

/** Checks the argument and the parsed options. @throws {PersisterError} USAGE naming the wrong one. */
export function importOptions(store: string, parsed: object): z.output<typeof importSchema> {
  return checked(importSchema, { ...parsed, store });
}

/** As `importOptions`. */
export function exportOptions(store: string, parsed: object): z.output<typeof exportSchema> {
  return checked(exportSchema, { ...parsed, store });
}

function checked<Output>(schema: Schema<Output>, given: unknown): Output {
  const result = schema.safeParse(given);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new PersisterError("USAGE", `${issue?.path.join(".")}: ${issue?.message}`);
}
