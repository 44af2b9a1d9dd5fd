/** `import` and `export` as the command line offers them. */
import type { Command } from "commander";
import { errorCodes } from "../../types/errors.js";
import { committeeFileHelp } from "../../inspect/committee-file.js";
import { exportCommand } from "./export/export.js";
import { importWalCommand } from "./import/wal.js";
import { importCommand } from "./import/import.js";
import { keyOption } from "../store/key-files.js";
import { CHAIN_ID_DEFAULT } from "./options.js";
import { addCommand, withDryRun } from "../terminal/manners.js";
import type { CliPort } from "../terminal/port.js";

const importHelp = `
The directory is only read; stop the node that owns it first. Every signature, hash, link and QC is
verified, before the store is made and again while it is made. If anything is refused, no store is made
and the exit code is ${errorCodes.INVALID.exit}: a refused block or vote may have been sent before, and a node that does not know
of it could sign another in its place. --partial stores what verifies, with exit code 0.

sei-chain keeps its prune anchor in its block store and not in this directory. Without an anchor road
and lanes must start at 0. With one, the road starts at the anchor, and a lane anywhere in the anchor's
range of it: sei-chain prunes whole files, up to the end of that range.

The store is made beside its place, as <store>.importing, and renamed when all of it is durable. A
signal takes that directory away again; a kill leaves it: remove it, and import again.

With --from-walmanager a journal of records is made of a log of WalManager, and each --key opens what was
encrypted with it, also what WalManager cannot read any more. An import that was stopped goes on.
${committeeFileHelp}
`;

const exportHelp = `
The store is opened with its lock, and loses nothing. The directory is read back and compared. With
--committee, sei-chain's opening of it is rehearsed too: lanes, road, and the votes by the latest epoch.
The prune anchor goes to a file of its own, since sei-chain keeps it in its block store: a node that has
no anchor there, or another one, may refuse the directory. Retained blocks and releases have no place in
sei-chain and stay behind. A store with pins is refused with exit code ${errorCodes.PINNED.exit}: sei-chain knows of no pins.

Stop the node of the store for good before the node of the directory starts: two nodes with one key sign
twice. A signal takes away what was written; a kill leaves files to be removed, and the next export
names them.
${committeeFileHelp}
`;

export function addImportCommands(
  program: Command,
  port: CliPort,
  setExit: (code: number) => void,
): void {
  const taken = addCommand(program, "import", {
    what: "Makes a store of a state directory of sei-chain, or a journal of a log of WalManager.",
    help: importHelp,
    examples: [
      "import --from-sei ./sei-state --committee ./committee.json ./new-state --dry-run",
      "import --from-sei ./sei-state --committee ./committee.json ./new-state --json | jq '.road'",
      "import --from-walmanager ./wal ./new-journal",
    ],
  });
  withDryRun(taken)
    .argument("<store>", "the state directory to make: missing or empty")
    .option("--from-sei <directory>", "the state directory of sei-chain")
    .option("--committee <file>", "the committees that everything is verified by")
    .option("--from-walmanager <path>", "a log of WalManager, for a journal of records")
    .option("--key <file...>", "the keys of encrypted records of that log")
    .option("--chain-id <id>", "the chain that the store serves", CHAIN_ID_DEFAULT)
    .option("--anchor <file>", "the prune anchor (default: <from-sei>.anchor.pb, if it is there)")
    .option("--partial", "store what verifies, though something is refused")
    .action(async (store: string, parsed: object) =>
      setExit(
        "fromWalmanager" in parsed
          ? await importWalCommand(store, parsed, port)
          : await importCommand(store, parsed, port),
      ),
    );
  const given = addCommand(program, "export", {
    what: "Writes what a store holds as a state directory that sei-chain can open.",
    help: exportHelp,
    examples: [
      "export --to-sei ./new-sei-state --committee ./committee.json ./state --dry-run",
      "export --to-sei ./new-sei-state --committee ./committee.json ./state",
    ],
  });
  withDryRun(given)
    .argument("<store>", "the state directory to read")
    .requiredOption("--to-sei <directory>", "the directory to write: missing or empty")
    .option("--committee <file>", "the committees; needed if the store has a prune anchor")
    .option("--anchor <file>", "the file for the prune anchor (default: <to-sei>.anchor.pb)")
    .option("--moved", "the store was copied or moved, and the original never runs again")
    .addOption(keyOption("a key of sealed payloads: what is exported is plain"))
    .action(async (store: string, parsed: object) =>
      setExit(await exportCommand(store, parsed, port)),
    );
}
