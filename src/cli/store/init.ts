/** `lanekeeper init`: makes a store, once in a validator's life (D10). */
import type { Command } from "commander";
import { Lanekeeper } from "../../node/lanekeeper.js";
import { PersisterError } from "../../types/errors.js";
import type { CliPort } from "../port.js";
import { writeDocument } from "../terminal/json-document.js";
import { printable } from "../terminal/table.js";

const help = `
The directory must be missing or empty. A validator makes its store once: a new store knows nothing of
what the validator has signed before. If its store was lost, do not make another one in its place.

Examples:
  $ lanekeeper init ./state --chain-id pacific-1
  $ lanekeeper init ./state --chain-id example-1 && node scripts/example.mjs ./state
`;

export function addInitCommand(program: Command, port: CliPort): void {
  program
    .command("init")
    .description("Makes an empty store for one validator of one chain.")
    .argument("<store>", "the state directory to make")
    .requiredOption("--chain-id <id>", "the chain that the store serves")
    .option("--json", "print one JSON object instead of a line")
    .addHelpText("after", help)
    .action(async (store: string, { chainId, json }: { chainId: string; json?: boolean }) => {
      if (store === "") throw new PersisterError("USAGE", "the store must have a name");
      await Lanekeeper.init(store, { chainId });
      if (json === true) {
        await writeDocument(port.stdout, { ok: true, exitCode: 0, directory: store, chainId });
        return;
      }
      const made = `${printable(store)} is an empty store of chain ${chainId}`;
      port.stdout.write(`${made}: open it with this chain id\n`);
    });
}
