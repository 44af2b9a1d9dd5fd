/**
 * RETIRED: the record of a store that was handed over. A store with a file of this name never opens again,
 * whatever is in the file: a crash may leave it empty or torn, and the store is retired then, too.
 */
import { z } from "zod";
import type { Disk } from "../../disk/disk.js";
import { RETIRED_FILE } from "./store.js";

const FILE_BYTES_MAX = 16 * 1024;

const schema = z.strictObject({
  /** 16 random bytes in hexadecimal digits: of this retirement alone. */
  token: z.string().regex(/^[0-9a-f]{32}$/),
  reason: z.string(),
  atMs: z.number().int(),
});

export type Retirement = z.output<typeof schema>;

/** The record in a state directory; "torn" if there is one that cannot be read. */
export async function readRetirement(
  disk: Disk,
  directory: string,
): Promise<Retirement | "torn" | undefined> {
  const file = await disk.openToRead(`${directory}/${RETIRED_FILE}`);
  if (!file) return undefined;
  try {
    return decoded(await file.read(0, FILE_BYTES_MAX));
  } finally {
    await file.close();
  }
}

function decoded(bytes: Uint8Array): Retirement | "torn" {
  try {
    return schema.safeParse(JSON.parse(Buffer.from(bytes).toString("utf8"))).data ?? "torn";
  } catch {
    return "torn"; // No JSON: a crash came while it was written.
  }
}

export function encodeRetirement(retirement: Retirement): Uint8Array {
  return Buffer.from(`${JSON.stringify(retirement)}\n`, "utf8");
}
