/** `lanekeeper init`: makes a store, once in a validator's life (D10), or a journal. */
import type { Command } from "commander";
import { RealDisk } from "../../disk/real/real.js";
import { Lanekeeper } from "../../node/lanekeeper.js";
import { checkInit } from "../../node/options.js";
import { Journal } from "../../records/journal.js";
import { usageError } from "../../types/errors.js";
import { addCommand, tellDone, withDryRun } from "../terminal/manners.js";
import type { CliPort } from "../terminal/port.js";
import { printable } from "../terminal/table.js";
import { placeOf, requireEmpty } from "./places.js";

const help = `
The directory must be missing or empty. A validator makes its store once: a new store knows nothing of
what the validator has signed before. If its store was lost, do not make another one in its place.

With --journal a journal of records is made, as a service serves it from journal.directory.
`;

interface Choices {
  readonly chainId?: string;
  readonly journal?: boolean;
  readonly json?: boolean;
  readonly dryRun?: boolean;
}

export function addInitCommand(program: Command, port: CliPort): void {
  const init = addCommand(program, "init", {
    what: "Makes an empty store for one validator of one chain, or an empty journal.",
    help,
    examples: ["init ./new-state --chain-id pacific-1", "init ./new-journal --journal"],
  });
  withDryRun(init)
    .argument("<store>", "the state directory to make")
    .option("--chain-id <id>", "the chain that the store serves")
    .option("--journal", "make a journal of records in place of a validator's store")
    .action(async (directory: string, choices: Choices) => {
      const { json, dryRun = false } = choices;
      const made = makingOf(directory, choices);
      if (dryRun) await requireEmpty(new RealDisk(), await placeOf(directory));
      else await made.make();
      const text = dryRun ? `can become ${made.what}` : `is ${made.what}: ${made.next}`;
      const members = { directory, ...made.members, dryRun };
      await tellDone(port, json, members, `${printable(directory)} ${text}\n`);
    });
}

/** The thing that is to be made, and the words for it. @throws {PersisterError} USAGE. */
function makingOf(directory: string, { chainId, journal = false }: Choices) {
  if (directory === "") throw usageError("the store must have a name");
  if (journal === (chainId !== undefined)) {
    throw usageError("name the chain with --chain-id, or ask for a --journal: one of the two");
  }
  if (chainId === undefined) {
    return {
      what: "an empty journal",
      next: "open it with the types of its records",
      members: { journal },
      make: () => Journal.init(directory),
    };
  }
  checkInit({ chainId });
  return {
    what: `an empty store of chain ${chainId}`,
    next: "open it with this chain id",
    members: { chainId },
    make: () => Lanekeeper.init(directory, { chainId }),
  };
}
