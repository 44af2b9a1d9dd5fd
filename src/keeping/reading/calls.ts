/** The reading of a store as a user asks for it: on the real disk, with arguments checked at the door. */
import { signalSchema } from "../../async/opening.js";
import { z } from "zod";
import { absolutePath, type PathInput } from "../../disk/path.js";
import { RealDisk } from "../../disk/real/real.js";
import { type KeySource, keySourceSchema } from "../../keys/source.js";
import { checkChoices } from "../../types/choices.js";
import { StoreSnapshot } from "./snapshot.js";

export interface ReadChoices {
  /** The keys of sealed payloads. */
  readonly keys?: readonly KeySource[] | undefined;
  /** Ends the call with ABORTED. */
  readonly signal?: AbortSignal | undefined;
}

const schema = z.strictObject({
  keys: z.array(keySourceSchema).default([]),
  signal: signalSchema,
});

/**
 * Reads the store in `directory` from a second process, or one that nobody has open: a snapshot of the moment. It
 * takes no lock and writes nothing, so nothing that it says is a promise. The newest blocks in it may not be
 * durable yet: only their owner may vote for them. It checks what an open checks, and verifies no signature:
 * `inspectStore` does. Pruned records are not in it.
 *
 * @example
 * await using snapshot = await readStore("state");
 * for (const [lane, { first, next }] of snapshot.facts.lanes) console.log(lane, first, next);
 *
 * @throws {PersisterError} as `Lanekeeper.open` where the store is damaged, retired ones and copies taken;
 * KEY_MISSING, NOT_A_STORE, FORMAT_TOO_NEW; OUT_OF_SEQUENCE where the store went on at each attempt; ABORTED,
 * READ_ONLY, IO, USAGE.
 */
export async function readStore(
  directory: PathInput,
  choices: ReadChoices = {},
): Promise<StoreSnapshot> {
  const given = checkChoices(schema, choices);
  const disk = new RealDisk();
  return await StoreSnapshot.take({
    ...given,
    disk,
    directory: absolutePath(directory),
    nowMs: Date.now,
  });
}
