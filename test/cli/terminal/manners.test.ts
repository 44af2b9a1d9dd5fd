/** The manners of every command: `--json`, a dry run where something changes, and examples that run. */
import { spawnSync } from "node:child_process";
import type { Command } from "commander";
import { describe, expect, test } from "vitest";
import { commandTree } from "../../../src/cli/program.js";
import { addCommand, consented } from "../../../src/cli/terminal/manners.js";
import { errorCodes } from "../../../src/types/error-codes.js";
import { call, portOf } from "../program-kit.js";
import { sceneOf } from "../scene.js";

const hasJq = spawnSync("jq", ["--version"]).status === 0;

interface Leaf {
  /** As it is called: `jobs ls`. */
  readonly name: string;
  readonly command: Command;
}

function leavesOf(command: Command, path: readonly string[] = []): Leaf[] {
  const below = command.commands.flatMap((each) => leavesOf(each, [...path, each.name()]));
  const isLeaf =
    below.length === 0 || command.registeredArguments.length > 0 || command.name() === "devnet";
  return isLeaf ? [{ name: path.join(" "), command }, ...below] : below;
}

const leaves = leavesOf(commandTree(portOf().port, () => undefined));

/**
 * Commands that go on until they are stopped, and those of a devnet by hand, which change no store of their caller.
 * Their examples are parsed here.
 */
const lasting = ["devnet", "devnet kill", "devnet start", "devnet end", "serve"];

/** Commands that change nothing. */
const looking = new Set([
  "status",
  "ls",
  "dump",
  "du",
  "digest",
  "pins ls",
  "backup verify",
  "watermarks export",
  "archive ls",
  "archive get",
  "archive verify",
  "completion",
  "doctor",
  "inspect",
  "verify",
  "key id",
  "jobs ls",
  "jobs count",
  "jobs get",
  "jobs scan",
  "jobs verify",
  ...lasting,
]);

/** The examples in the help of a command, without the name of the program. */
async function examplesOf(name: string): Promise<readonly string[]> {
  const { stdout } = await call(...name.split(" "), "--help");
  return [...stdout.matchAll(/^ {2}\$ lanekeeper (.*)$/gm)].map(([, line = ""]) => line);
}

/** The words of a line, as a shell splits them. */
function wordsOf(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(([, one, two, bare]) => {
    return one ?? two ?? bare ?? "";
  });
}

/** Runs the line as a shell would; behind `|` stands a filter of jq, and behind `>` a file. */
async function run(line: string, at: (name: string) => string): Promise<void> {
  const [before = "", filter] = line.split(" | jq ");
  const [bare = ""] = before.split(" > ");
  const args = wordsOf(bare).map((word) =>
    word.replace(/\.\/([\w.-]+)/, (_, name: string) => at(name)),
  );
  const { code, stdout, stderr } = await call(...args);
  // The machine of a test may be bad at what it is.
  const mayBe = line.startsWith("doctor") && code === errorCodes.UNFIT.exit ? code : 0;
  expect({ line, code, stderr }).toMatchObject({ code: mayBe });
  if (filter === undefined || !hasJq) return;
  const jq = spawnSync("jq", wordsOf(filter), { input: stdout, encoding: "utf8" });
  expect({ line, status: jq.status, stderr: jq.stderr }).toEqual({ line, status: 0, stderr: "" });
}

describe.each(leaves)("$name", ({ name, command }) => {
  const flags = command.options.map(({ long }) => long);

  test("is told of in the help, and takes --json", () => {
    expect(command.description()).toMatch(/^[A-Z][^]*\.$/);
    expect(flags).toContain("--json");
    for (const { description } of command.options) expect(description).not.toBe("");
    for (const { description } of command.registeredArguments) expect(description).not.toBe("");
  });

  test("has a dry run if it changes something, and wants --yes only beside one", () => {
    expect(flags.includes("--dry-run")).toBe(!looking.has(name));
    if (flags.includes("--yes")) expect(flags).toContain("--dry-run");
  });

  test("every example in its help runs", async () => {
    const examples = await examplesOf(name);
    expect(examples.length).toBeGreaterThan(0);
    for (const line of examples) expect(line.startsWith(name)).toBe(true);
    if (lasting.includes(name)) {
      for (const line of examples) await parse(line);
      return;
    }
    await using scene = await sceneOf(examples);
    for (const line of examples) await run(line, scene.at);
  });
});

/** The line is taken by the parser; nothing is begun. */
async function parse(line: string): Promise<void> {
  const tree = commandTree(portOf().port, () => undefined);
  let begun = "";
  for (const { name, command } of leavesOf(tree)) command.action(() => void (begun = name));
  await tree.parseAsync(wordsOf(line), { from: "user" });
  expect(line.startsWith(begun) && begun !== "").toBe(true);
}

describe("what takes something away", () => {
  test("is refused unless it is meant, and says what it takes", () => {
    const deed = "removes job peers with 3 rows";
    expect(() => consented({ yes: false, dryRun: false }, deed)).toThrow(
      "this removes job peers with 3 rows for good: add --yes, or --dry-run to look first",
    );
    expect(consented({ yes: true, dryRun: false }, deed)).toBe(true);
  });

  test("a dry run wins over --yes", () => {
    expect(consented({ yes: true, dryRun: true }, "removes it")).toBe(false);
    expect(consented({ yes: false, dryRun: true }, "removes it")).toBe(false);
  });
});

test("a command without an example does not compile", () => {
  const tree = commandTree(portOf().port, () => undefined);
  // @ts-expect-error an example is wanted
  addCommand(tree, "bare", { what: "Does nothing.", examples: [] });
});
