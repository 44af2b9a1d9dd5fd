/**
 * The end of the program: by signals, in a terminal and without one, at any moment; with nobody who
 * reads its output, or with an output that is full. Exit code 1 is a violation and nothing else.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { programOf } from "../../harness/built.js";
import { eventually, until } from "../../harness/eventually.js";
import { FakeTerminal } from "./fake-terminal.js";
import { IS_SHORT } from "../../scale.js";

/** A stop takes two or three seconds; on a machine that does much else so long. A devnet that is not stopped runs on. */
const STOP_MS_MAX = 60_000;

let script = "";
/** The temporary directory of the programs that are started here: nothing may stay in it. */
let temporary = "";

beforeAll(async () => {
  script = await programOf("src/cli/main.ts");
  temporary = mkdtempSync(join(tmpdir(), "lanekeeper-ending-"));
});

afterAll(() => {
  rmSync(temporary, { recursive: true, force: true });
});

interface End {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface Started extends ChildProcess {
  readonly ended: Promise<End>;
  /** Resolves when it has written words to its output that match, or has ended. */
  readonly said: (words: RegExp) => Promise<void>;
}

function start(command: string, args: readonly string[]): Started {
  const env = { ...process.env, TMPDIR: temporary };
  const child = spawn(command, args, { env, stdio: "pipe", detached: true });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (stdout += chunk));
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => (stderr += chunk));
  const ended = new Promise<End>((resolve) => {
    // A program that was not loaded yet dies of the signal itself: to a shell that is the same.
    child.once("close", (code, signal) => {
      resolve({ code: signal === null ? code : 128 + constants.signals[signal], stdout, stderr });
    });
  });
  const said = async (words: RegExp): Promise<void> => {
    let wake = (): void => undefined;
    child.stdout.on("data", () => wake());
    const isOver = ended.then(() => true);
    while (!words.test(stdout)) {
      const more = new Promise<boolean>((resolve) => {
        wake = () => resolve(false);
      });
      if (await Promise.race([more, isOver])) return;
    }
  };
  return Object.assign(child, { ended, said });
}

/**
 * Runs `line` in a shell, with `$main` as the program and its exit code at the end of the output.
 */
async function shell(line: string): Promise<End> {
  const main = `main() { "${process.execPath}" "${script}" "$@"; }; `;
  return await start("bash", ["-c", main + line]).ended;
}

/** The validators that any devnet of this test has started and that are still there. */
function validatorsLeft(): number {
  const program = join("devnet", "validator.js");
  return readdirSync("/proc").filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    const told = (name: string): string => readFileSync(`/proc/${pid}/${name}`, "utf8");
    try {
      return told("environ").includes(`TMPDIR=${temporary}`) && told("cmdline").includes(program);
    } catch {
      return false;
    }
  }).length;
}

function expectNothingLeft(): void {
  expect(readdirSync(temporary)).toEqual([]);
  expect(validatorsLeft()).toBe(0);
}

const committee = ["devnet", "--seconds", "600", "--kills", "200", "--power-cuts", "50"];
/** The same of two validators, for ends that ask no more of it. */
const devnet = [...committee, "--validators", "2"];

describe("a signal ends the devnet within seconds, with a line and an exit code that say so", () => {
  test.each([
    ["SIGINT", 130, "a moment", 300],
    ["SIGHUP", 129, "its first word", 100],
    ["SIGTERM", 143, "its first word", 2_000],
    ...(IS_SHORT
      ? []
      : ([
          ["SIGTERM", 143, "a moment", 700],
          ["SIGINT", 130, "its first word", 6_000],
        ] as const)),
  ] as const)(
    "%s: exit code %i, behind %s and %i ms",
    async (signal, exitCode, behind, afterMs) => {
      const child = start(process.execPath, [script, ...devnet]);
      if (behind === "its first word") await child.said(/./);
      await sleep(afterMs);
      const sentMs = performance.now();
      // To the whole group, as a terminal does it.
      process.kill(-Number(child.pid), signal);
      const { code, stderr } = await child.ended;
      expect(performance.now() - sentMs).toBeLessThan(STOP_MS_MAX);
      expect(code).toBe(exitCode);
      // One that was not loaded yet has nothing to clean up, and nobody to tell.
      if (behind === "a moment" && stderr === "") return expectNothingLeft();
      expect(stderr).toBe(`lanekeeper: ${signal}: stopping\n`);
      expectNothingLeft();
    },
  );

  test("the moment it is live: its last words say that it was stopped", async () => {
    const child = start(process.execPath, [script, ...committee]);
    await child.said(/[1-9]\d* roads executed/);
    child.kill("SIGTERM");
    const { code, stdout } = await child.ended;
    expect(stdout).toMatch(/^STOPPED after [\d.]+ s: no violation until then\n$/m);
    expect(code).toBe(143);
    expectNothingLeft();
  });

  test("a validator that is told to end with the group leaves that to its parent", async () => {
    const child = start(process.execPath, [script, ...committee]);
    await child.said(/[1-9]\d* roads executed/);
    const listed = spawnSync("pgrep", ["-P", String(child.pid)], { encoding: "utf8" });
    const validators = listed.stdout.trim().split("\n").map(Number);
    expect(validators.length).toBeGreaterThanOrEqual(3);
    for (const pid of validators) process.kill(pid, "SIGTERM");
    await sleep(1_000);
    expect(child.exitCode).toBeNull();
    child.kill("SIGTERM");
    expect((await child.ended).code).toBe(143);
    expectNothingLeft();
  });
});

const ESCAPE = "\u001b";
const hasPty = spawnSync("script", ["--version"]).status === 0;

describe.skipIf(!hasPty)("in a terminal", () => {
  const inTerminal = (columns: number) => {
    const line = [process.execPath, script, ...devnet].map((part) => `'${part}'`).join(" ");
    const sized = `stty cols ${columns} rows 40; exec ${line}`;
    return start("script", ["-qefc", sized, "/dev/null"]);
  };

  test.each(IS_SHORT ? [500] : [0, 500, 3_000])(
    "Ctrl-C %i ms behind its first words ends it with 130",
    async (afterMs) => {
      const child = inTerminal(60);
      await child.said(/./);
      await sleep(afterMs);
      child.stdin?.write("\u0003");
      const { code, stdout } = await child.ended;
      expect(code).toBe(130);
      expect(stdout).not.toMatch(/Error|\n +at .*:\d+/);
      // The table is there once at most, however often it was drawn, and gone at the end.
      const terminal = new FakeTerminal(60);
      const isOfTable = (row: string): boolean => row.startsWith("validator  state");
      for (const [at, part] of stdout.split(ESCAPE).entries()) {
        terminal.write(at === 0 ? part : ESCAPE + part);
        expect(terminal.rows.filter(isOfTable).length).toBeLessThanOrEqual(1);
      }
      expect(terminal.rows.filter(isOfTable)).toEqual([]);
      expectNothingLeft();
    },
  );

  test("a terminal that hangs up ends it, and leaves nothing", async () => {
    const child = inTerminal(60);
    await child.said(/validator {2}state/);
    child.kill("SIGKILL");
    await child.ended;
    await eventually(expectNothingLeft);
  });
});

describe("an output that nobody reads", () => {
  test.each([
    "main devnet --validators 2 --seconds 600 --kills 0 | head -n 1; exit ${PIPESTATUS[0]}",
    "main inspect /nowhere --json | true; exit ${PIPESTATUS[0]}",
    "main devnet --help | true; exit ${PIPESTATUS[0]}",
  ])("ends quietly, as any program does: %s", async (line) => {
    const { code, stderr } = await shell(line);
    expect(stderr).toBe("");
    expect(code).toBe(141);
    expectNothingLeft();
  });

  test.each([
    "main devnet --seconds 600 --kills 0 > /dev/full",
    "main inspect /nowhere > /dev/full",
    "main --version > /dev/full",
  ])("or that is full is told, and is no violation: %s", async (line) => {
    const { code, stderr } = await shell(line);
    expect(stderr).toMatch(/^lanekeeper: DISK_FULL: standard output could not be written: .*\n$/);
    expect(code).toBe(40);
    expectNothingLeft();
  });

  test("errors that nobody reads change nothing", async () => {
    const { code } = await shell("main walk 2>&1 >/dev/null | true; exit ${PIPESTATUS[0]}");
    expect(code).toBe(2);
  });
});

test("an error that nobody caught ends with the code of a bug, and not with 1", async () => {
  const bug = "data:text/javascript,setTimeout(() => { throw new Error('a bug') }, 500)";
  const { code, stderr } = await start(process.execPath, ["--import", bug, script, ...devnet])
    .ended;
  expect(stderr).toContain("Error: a bug");
  expect(code).toBe(70);
  // Its validators end by themselves: nobody is left to tell them.
  await until(() => validatorsLeft() === 0);
  for (const name of readdirSync(temporary)) rmSync(join(temporary, name), { recursive: true });
});
