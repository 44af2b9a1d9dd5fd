/**
 * Whether a machine is fit for the store of a validator: each check of the table, in its order, with a plain verdict. The
 * table is all that is examined; a new doubt is a new row.
 */
import { PersisterError } from "../../types/errors.js";
import { throwIfAborted } from "../../async/signal.js";
import {
  lookAtDurability,
  lookAtFileSystem,
  lookAtFlush,
  lookAtLock,
  lookAtNames,
  lookAtRights,
  lookAtSpace,
} from "./disk-checks.js";
import type { Machine } from "./machine.js";
import { lookAtClock, lookAtLimits, lookAtMemory } from "./machine-checks.js";
import type { Examined, Outcome } from "./outcome.js";

interface Check {
  readonly name: string;
  readonly look: (examined: Examined) => Promise<Outcome>;
}

/** A way of writing is known once a file was opened for it; a step of the clock, once time has passed. */
export const checks: readonly Check[] = [
  { name: "file system", look: lookAtFileSystem },
  { name: "rights", look: lookAtRights },
  { name: "lock and names", look: lookAtLock },
  { name: "space", look: lookAtSpace },
  { name: "inodes", look: lookAtNames },
  { name: "limits", look: lookAtLimits },
  { name: "memory", look: lookAtMemory },
  { name: "flush", look: lookAtFlush },
  { name: "durable writes", look: lookAtDurability },
  { name: "clock", look: lookAtClock },
];

export interface Judged extends Outcome {
  readonly name: string;
}

/**
 * Examines `directory`, as each check ends. Its disk is written to for `forMs`, in one file that is gone at the end.
 *
 * @throws {PersisterError} USAGE where there is no such directory; ABORTED.
 */
export async function* examine(
  machine: Machine,
  directory: string,
  choices: Pick<Examined, "forMs" | "signal" | "onProgress">,
): AsyncGenerator<Judged> {
  if ((await machine.disk.kind(directory)) !== "directory") {
    const text = `${directory} is no directory: name the one that the store is in, or is to be in`;
    throw new PersisterError("USAGE", text, { file: directory });
  }
  const clockAtBeginMs = machine.wallMs() - machine.steadyMs();
  for (const { name, look } of checks) {
    throwIfAborted(choices.signal, "the examination");
    yield { name, ...(await outcomeOf(look, { ...choices, machine, directory, clockAtBeginMs })) };
  }
}

/** A check that fails is a verdict, too. @throws {PersisterError} ABORTED. */
async function outcomeOf(look: Check["look"], examined: Examined): Promise<Outcome> {
  try {
    return await look(examined);
  } catch (cause) {
    if (!(cause instanceof PersisterError) || cause.code === "ABORTED") throw cause;
    return { level: "bad", text: cause.message, figures: { code: cause.code } };
  }
}
