/** `lanekeeper jobs`: looks into a store of jobs, verifies it, drops jobs, and brings them in and out. */
import type { Command } from "commander";
import { addCommand, withConsent, withDryRun } from "../terminal/manners.js";
import { keyOption } from "../store/key-files.js";
import type { CliPort } from "../terminal/port.js";
import {
  countRows,
  dropJob,
  exportJobs,
  getValue,
  listJobs,
  scanRows,
  verifyJobs,
} from "./jobs.js";
import { importSqlite } from "./sqlite/import.js";

type GetArguments = [root: string, job: string, category: string, key: string];

const help = `
A store of jobs is opened for it, as its node would: it must not be open elsewhere. Keys are given and
printed in hex; beside them stand the parts that they fit. Values are printed in hex. A store that is
sealed stays as it is, with the key that writes; an import into a new one seals it with the first --key.
`;

/** Adds a command of `jobs`, with the options that all of them have. */
type Add = (name: string, what: string, ...examples: [string, ...string[]]) => Command;

export function addJobsCommand(program: Command, port: CliPort): void {
  const jobs = program
    .command("jobs")
    .description("Looks into a store of jobs, verifies it, drops jobs, and brings them in and out.")
    .addHelpText("after", help);
  const add: Add = (name, what, ...examples) =>
    addCommand(jobs, name, { what, examples })
      .argument("<root>", "the folder of the store of jobs")
      .addOption(keyOption("the file of a key that the store is sealed with"))
      .option("--moved", "the folder was copied or moved, and no other copy will be opened again");
  addLooks(add, port);
  addMoves(add, port);
}

function addLooks(command: Add, port: CliPort): void {
  command("ls", "Lists the jobs: state, schema version, bytes on disk.", "jobs ls ./jobs").action(
    async (root: string, options: object) => await listJobs(port, root, options),
  );
  command("count", "Counts the rows of a job, by category.", "jobs count ./jobs peers")
    .argument("<job>", "the id of the job")
    .argument("[category]", "one category alone")
    .action(async (root: string, job: string, category: string | undefined, options: object) => {
      await countRows(port, { root, job, category }, options);
    });
  command("get", "Prints the value at a key.", "jobs get ./jobs peers score 00066e6f64652d37")
    .argument("<job>", "the id of the job")
    .argument("<category>", "the category")
    .argument("<key>", "the key, in hex")
    .action(async (...[root, job, category, key, options]: [...GetArguments, object]) => {
      await getValue(port, { root, job, category, key }, options);
    });
  command(
    "scan",
    "Prints the rows of a category, in the order of their keys.",
    "jobs scan ./jobs peers score --limit 10",
  )
    .argument("<job>", "the id of the job")
    .argument("<category>", "the category")
    .option("--prefix <hex>", "only the keys that begin with these bytes")
    .option("--limit <rows>", "rows at most")
    .option("--reverse", "from the last key to the first")
    .action(async (root: string, job: string, category: string, options: object) => {
      await scanRows(port, { root, job, category }, options);
    });
  command(
    "verify",
    "Reads every value of a job, or of all jobs, and compares with the journal.",
    "jobs verify ./jobs",
  )
    .argument("[job]", "the id of the job")
    .action(async (root: string, job: string | undefined, options: object) => {
      await verifyJobs(port, { root, job }, options);
    });
}

function addMoves(command: Add, port: CliPort): void {
  const given = command(
    "export",
    "Prints every row of a job, or of all jobs, as JSON, one line each.",
    "jobs export ./jobs peers > ./peers.jsonl",
    "jobs export ./jobs --to-sqlite ./new-data",
    "jobs export ./sealed-jobs --key ./state.key --plaintext > ./peers.jsonl",
  );
  withDryRun(given)
    .argument("[job]", "the id of the job")
    .option("--plaintext", "the values are sealed, and the export may be read by everybody")
    .option("--to-sqlite <folder>", "write a file of the persistency library for each job")
    .action(async (root: string, job: string | undefined, options: object) => {
      await exportJobs(port, { root, job }, options);
    });
  const taken = command(
    "import",
    "Brings SQLite files of the persistency library into jobs.",
    "jobs import ./jobs --from-sqlite ./data --dry-run",
  );
  withDryRun(taken)
    .requiredOption(
      "--from-sqlite <path>",
      "a file, or a folder of them: one job each, by its name",
    )
    .option("--job <id>", "the job of one file, if its name is no id")
    .action(async (root: string, options: object) => await importSqlite(port, root, options));
  const drop = command(
    "drop",
    "Removes a job and all of its values.",
    "jobs drop ./jobs peers --dry-run",
    "jobs drop ./jobs peers --yes",
  );
  withConsent(drop)
    .argument("<job>", "the id of the job")
    .action(async (root: string, job: string, options: object) => {
      await dropJob(port, { root, job }, options);
    });
}
