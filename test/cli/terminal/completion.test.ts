/** Completion, in the shells themselves where they are there. */
import { spawnSync } from "node:child_process";
import { beforeAll, describe, expect, test } from "vitest";
import { sabotages } from "../../../src/devnet/validator/sabotage.js";
import { call } from "../program-kit.js";

const scripts = new Map<string, string>();

beforeAll(async () => {
  for (const shell of ["bash", "zsh", "fish"]) {
    scripts.set(shell, (await call("completion", shell)).stdout);
  }
});

function has(shell: string): boolean {
  return spawnSync(shell, ["-c", "true"]).status === 0;
}

/** The words that bash offers for the last of `words`. */
function bash(...words: readonly string[]): readonly string[] {
  const script = `${scripts.get("bash")}
COMP_WORDS=("$@"); COMP_CWORD=$(( $# - 1 )); _lanekeeper; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr, status } = spawnSync(
    "bash",
    ["-c", script, "bash", "lanekeeper", ...words],
    {
      encoding: "utf8",
    },
  );
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  return stdout.split("\n").filter((line) => line !== "");
}

describe("bash", () => {
  test("commands, and those below a command", () => {
    expect(bash("")).toEqual(expect.arrayContaining(["init", "status", "jobs", "completion"]));
    expect(bash("in")).toEqual(["init", "inspect"]);
    expect(bash("jobs", "")).toEqual(
      expect.arrayContaining(["ls", "count", "get", "scan", "export", "import", "verify", "drop"]),
    );
    expect(bash("jobs", "e")).toEqual(["export"]);
  });

  test("options of the command that was named, whatever stands between", () => {
    expect(bash("jobs", "drop", "./jobs", "peers", "--")).toEqual(
      expect.arrayContaining(["--yes", "--dry-run", "--json", "--help"]),
    );
    expect(bash("inspect", "./state", "--js")).toEqual(["--json"]);
    expect(bash("init", "--y")).toEqual([]);
  });

  test("the choices of an argument and of an option; files are left to the shell", () => {
    expect(bash("ls", "")).toEqual(["lanes", "road", "pins", "segments", "retained"]);
    expect(bash("completion", "f")).toEqual(["fish"]);
    expect(bash("devnet", "--sabotage", "")).toEqual(Object.keys(sabotages));
    expect(bash("verify", "./state", "--committee", "")).toEqual([]);
    expect(bash("status", "")).toEqual([]);
  });

  test("a value that looks like a command does not lead astray", () => {
    expect(bash("init", "jobs", "--chain")).toEqual(["--chain-id"]);
  });
});

test.each(["bash", "zsh", "fish"])(
  "%s: no word of the tree is missing, and none is a stranger",
  async (shell) => {
    const script = scripts.get(shell) ?? "";
    const { stdout: help } = await call("--help");
    const commands = [...help.matchAll(/^ {2}([a-z]+)(?: \[options\])?(?: <| \[| {2})/gm)].map(
      ([, name = ""]) => name,
    );
    expect(commands.length).toBeGreaterThan(10);
    for (const name of commands) expect(script).toMatch(new RegExp(`\\b${name}\\b`));
  },
);

describe.each([
  ["bash", ["-n"]],
  ["zsh", ["-n"]],
] as const)("%s", (shell, args) => {
  test.runIf(has(shell))("takes the script without a fault", () => {
    const { status, stderr } = spawnSync(shell, args, {
      input: scripts.get(shell) ?? "",
      encoding: "utf8",
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  });
});

describe.runIf(has("fish"))("fish", () => {
  test.each([
    ["lanekeeper in", ["init", "inspect"]],
    ["lanekeeper jobs e", ["export"]],
    ["lanekeeper inspect ./state --js", ["--json"]],
    ["lanekeeper ls ", ["lanes", "road", "pins", "segments", "retained"]],
  ])("%s", (line, words) => {
    const { stdout, stderr } = spawnSync(
      "fish",
      ["-c", `${scripts.get("fish")}\ncomplete -C '${line}'`],
      {
        encoding: "utf8",
      },
    );
    expect(stderr).toBe("");
    const offered = stdout.split("\n").map((each) => each.split("\t")[0] ?? "");
    expect(offered.filter((word) => word !== "").toSorted()).toEqual(words.toSorted());
  });
});

/** The completion system of zsh, as far as the script asks it: it prints what is offered. */
const asked = `
compdef() { :; }
_files() { print -- "(files)"; }
_describe() { print -l -- "\${(@P)2}"; }
compadd() { shift; print -l -- "$@"; }
`;

describe.runIf(has("zsh"))("zsh", () => {
  test.each([
    [["jobs", ""], "export:Prints every row of a job, or of all jobs, as JSON, one line each."],
    [["inspect", "./state", "--"], "--json:print one JSON document in place of text"],
    [["ls", ""], "segments:the parts to list"],
    [["devnet", "--sabotage", ""], "forget-vote-state"],
    [["verify", "--committee", ""], "(files)"],
  ])("%j offers %s", (words, offered) => {
    const line = ["lanekeeper", ...words].map((word) => `'${word}'`).join(" ");
    const script = `${asked}${scripts.get("zsh")}\nwords=(${line}); CURRENT=$#words; _lanekeeper`;
    const { stdout, stderr } = spawnSync("zsh", ["-f", "-c", script], { encoding: "utf8" });
    expect(stderr).toBe("");
    expect(stdout.split("\n")).toContain(offered);
  });
});
