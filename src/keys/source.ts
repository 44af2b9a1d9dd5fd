/** The sources of a user's keys, and the choice of keys that `open` takes. */
import { z } from "zod";
import { readingArguments, wrongArgument } from "../types/arguments.js";
import { PersisterError } from "../types/errors.js";
import { readKeyFile } from "./key-file.js";
import { Key } from "./key.js";
import { keyBytesIn } from "./text.js";

/**
 * The source of one key:
 * - `file`: 32 raw bytes, 64 hex digits or base64; refused unless it is its owner's alone;
 * - `env`: the name of an environment variable with hex digits or base64. A variable is a string that
 *   stays in the memory of the process: prefer a file;
 * - bytes, which are copied;
 * - a function that gives the bytes, as of a key management service. They are copied, and zeroed.
 */
export type KeySource =
  | { readonly file: string }
  | { readonly env: string }
  | Uint8Array
  | (() => Uint8Array | Promise<Uint8Array>);

/** The keys of a store: one writes, any number read. */
export interface KeyChoices {
  /**
   * The key of all that is written from now on; `"plain"` gives encryption up: what is written from now on
   * is readable on disk.
   */
  readonly write: KeySource | "plain";
  /** Older keys, for what was written with them. */
  readonly read?: readonly KeySource[] | undefined;
}

/** The words for a source of a key. */
const keySourceWords = "a file, an environment variable, 32 bytes, or a function";
/** For the options of a reader. */
export const keySourceSchema = z.custom<KeySource>((value) => isKeySource(value), keySourceWords);

/** For the options of a store. */
export const keyChoicesSchema = z.strictObject({
  write: z.union([keySourceSchema, z.literal("plain")]),
  read: z.array(keySourceSchema).readonly().optional(),
});

function isKeySource(value: unknown): value is KeySource {
  if (typeof value === "function" || value instanceof Uint8Array) return true;
  if (typeof value !== "object" || value === null) return false;
  const [entry, more] = Object.entries(value as Record<string, unknown>);
  if (!entry || more) return false;
  const [name, text] = entry;
  return (name === "file" || name === "env") && typeof text === "string" && text.length > 0;
}

/** @throws {PersisterError} USAGE unless `value` is a source of a key. */
export function keySourceArgument(value: unknown): KeySource {
  if (readingArguments("the key", () => isKeySource(value)) && isKeySource(value)) return value;
  throw wrongArgument("the key", keySourceWords, value);
}

/** @throws {PersisterError} KEY_REFUSED where the source gives no key; CALLBACK_FAILED where it throws. */
export async function keyFrom(source: KeySource): Promise<Key> {
  if (source instanceof Uint8Array) return new Key(source, "the key");
  if (typeof source === "function") return await keyOfFunction(source);
  return "file" in source ? await readKeyFile(source.file) : keyInVariable(source.env);
}

async function keyOfFunction(source: () => Uint8Array | Promise<Uint8Array>): Promise<Key> {
  let bytes: unknown;
  try {
    bytes = await source();
  } catch (cause) {
    throw new PersisterError("CALLBACK_FAILED", "the function that gives a key threw", { cause });
  }
  if (!(bytes instanceof Uint8Array)) {
    throw new PersisterError("KEY_REFUSED", "the function that gives a key gave no Uint8Array");
  }
  try {
    return new Key(bytes, "the function that gives a key");
  } finally {
    bytes.fill(0);
  }
}

function keyInVariable(name: string): Key {
  const text = Buffer.from(process.env[name] ?? "", "latin1");
  // Raw bytes are no text: 32 characters are a mistake.
  const bytes = text.length > 32 ? keyBytesIn(text) : undefined;
  text.fill(0);
  if (!bytes) {
    throw new PersisterError(
      "KEY_REFUSED",
      `the environment variable ${name} holds no key: it is 64 hex digits or 43 digits of base64`,
    );
  }
  try {
    return new Key(bytes, `the environment variable ${name}`);
  } finally {
    bytes.fill(0);
  }
}
