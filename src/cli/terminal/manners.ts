/**
 * The manners that all commands share. `test/cli/terminal/manners.test.ts` walks the tree of commands and holds each of
 * them to these: `--json`, examples that run, a dry run and consent where something is taken away.
 */
import type { Command } from "commander";
import { PersisterError } from "../../types/errors.js";
import type { CliPort } from "./port.js";
import { put, writeDocument } from "./json-document.js";
import { sentenceOf } from "./table.js";

/** A command, as its help tells of it. */
export interface Told {
  readonly what: string;
  /** The text behind its options. */
  readonly help?: string;
  /** Its examples, without the name of the program. A test runs each in a folder that has `./state` and others. */
  readonly examples: readonly [string, ...string[]];
}

/** Adds a command that does something, with `--json` and its examples. */
export function addCommand(parent: Command, name: string, told: Told): Command {
  const { what, help, examples } = told;
  const lines = examples.map((example) => `  $ lanekeeper ${example}\n`);
  return (
    parent
      .command(name)
      .description(what)
      // The list of all commands has a line for each.
      .summary(sentenceOf(what))
      .option("--json", "print one JSON document in place of text")
      .addHelpText(
        "after",
        `${help === undefined ? "" : `\n${help.trim()}\n`}\nExamples:\n${lines.join("")}`,
      )
  );
}

/** Adds `--dry-run` to a command that changes something. */
export function withDryRun(command: Command): Command {
  return command.option("--dry-run", "say what would be done, and change nothing");
}

/** Adds `--yes` and `--dry-run` to a command that takes something away for good. */
export function withConsent(command: Command): Command {
  return withDryRun(command).option("--yes", "really do it: it cannot be undone");
}

/** The flags of a command that takes something away. */
export interface Consent {
  readonly yes: boolean;
  readonly dryRun: boolean;
}

/**
 * Whether a deed is to be done; a dry run only tells of it.
 *
 * @throws {PersisterError} USAGE, with `deed`, where neither `--yes` nor `--dry-run` is given.
 */
export function consented({ yes, dryRun }: Consent, deed: string): boolean {
  if (dryRun || yes) return !dryRun;
  throw new PersisterError("USAGE", `this ${deed} for good: add --yes, or --dry-run to look first`);
}

/** Tells that a command has done its work: as a document with `members`, or as `text`. */
export async function tellDone(
  { stdout }: Pick<CliPort, "stdout">,
  json: boolean | undefined,
  members: object,
  text: string,
): Promise<void> {
  if (json === true) await writeDocument(stdout, { ok: true, exitCode: 0, ...members });
  else await put(stdout, text);
}
