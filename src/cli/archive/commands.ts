/** `lanekeeper archive`: the flags of its commands. */
import { type Command, Option } from "commander";
import { committeeFileHelp } from "../../inspect/committee-file.js";
import { addCommand } from "../terminal/manners.js";
import type { CliPort } from "../terminal/port.js";
import { getRecord, listArchive, restoreArchive, verifyArchive } from "./archive.js";

const help = `
A bucket is a folder, file:///var/archive, or object storage:
  s3://BUCKET/PREFIX?endpoint=https://host:9000&region=us-east-1&style=path&checksum=sha256
style=host puts the bucket into the name of the host. checksum=none is for servers that know none. Credentials
come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or from the file and the profile that
AWS_SHARED_CREDENTIALS_FILE and AWS_PROFILE name. They need the rights to read and to list alone.
`;

export function addArchiveCommand(program: Command, port: CliPort): void {
  const archive = program
    .command("archive")
    .description("Reads what a node has archived in a bucket, proves it, and brings it back.")
    .addHelpText("after", help);
  withBucket(
    addCommand(archive, "ls", {
      what: "Lists the lanes and the road that are archived, with their ranges.",
      examples: ["archive ls file://./bucket --chain-id test-chain --json | jq '.logs'"],
    }),
  ).action(async (bucket: string, options: object) => await listArchive(port, bucket, options));
  withLog(
    withBucket(
      addCommand(archive, "get", {
        what: "Prints one block or commit QC as hex digits, or writes it to a file.",
        examples: ["archive get file://./bucket --chain-id test-chain --road --number 1"],
      }),
    ),
  )
    .requiredOption("--number <n>", "the block number, or the road index")
    .option("--out <file>", "writes the bytes to a new file")
    .action(async (bucket: string, options: object) => await getRecord(port, bucket, options));
  withLog(
    withBucket(
      addCommand(archive, "verify", {
        what: "Proves everything that is archived by the bucket and the committees alone.",
        help: committeeFileHelp,
        examples: [
          "archive verify file://./bucket --chain-id test-chain --committee ./committee.json",
        ],
      }),
    ),
  )
    .requiredOption("--committee <file>", "the committees of all epochs")
    .action(async (bucket: string, options: object) => await verifyArchive(port, bucket, options));
  withLog(
    withBucket(
      addCommand(archive, "restore", {
        what: "Copies logs into another bucket, such as a folder here, each object proven by its link.",
        examples: ["archive restore file://./bucket file://./new-bucket --chain-id test-chain"],
      }),
    ),
  )
    .argument("<to>", "the other bucket; objects that it has already are left")
    .option("--dry-run", "say what would be done, and change nothing")
    .action(async (bucket: string, to: string, options: object) => {
      await restoreArchive(port, { bucket, to }, options);
    });
}

function withBucket(command: Command): Command {
  return command
    .argument("<bucket>", "the bucket: file:///folder or s3://BUCKET/PREFIX")
    .requiredOption("--chain-id <id>", "the chain whose records are read")
    .option("--key <file...>", "keys of sealed objects")
    .option("--ca <file>", "certificates in PEM to trust in place of the platform's");
}

function withLog(command: Command): Command {
  return command
    .addOption(new Option("--lane <digits>", "the one lane that begins so").conflicts("road"))
    .option("--road", "the road alone");
}
