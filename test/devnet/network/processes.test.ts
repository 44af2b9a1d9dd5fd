/** The whole thing: validators as processes of their own, real sockets, real disks, real kills. */
import { execFile, spawn } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { Network, type NetworkOptions } from "../../../src/devnet/network/network.js";
import { randomOf } from "../protocol/simulated-network.js";

// On a machine that does other things too, a start takes seconds.
vi.setConfig({ testTimeout: 300_000 });

const root = fileURLToPath(new URL("../../..", import.meta.url));
const made: string[] = [];
/** The program, and the mutant, as plain processes run them: compiled by the tests. */
const scripts = { main: "", mutant: "" };

beforeAll(async () => {
  const dist = await mkdtemp(join(root, "node_modules", ".lanekeeper-devnet-"));
  made.push(dist);
  const config = join(dist, "tsconfig.json");
  const include = [join(root, "src"), join(root, "test", "devnet", "mutant-validator.ts")];
  const compilerOptions = {
    rootDir: root,
    outDir: dist,
    declaration: false,
    declarationMap: false,
    sourceMap: false,
  };
  const settings = { extends: join(root, "tsconfig.build.json"), compilerOptions, include };
  await writeFile(config, JSON.stringify(settings));
  const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
  await promisify(execFile)(process.execPath, [tsc, "-p", config, "--noCheck"], { cwd: root });
  for (const file of await readdir(join(root, "src"), { recursive: true })) {
    if (!/generated[/\\][^/\\]*\.js$/.test(file)) continue;
    await mkdir(dirname(join(dist, "src", file)), { recursive: true });
    await cp(join(root, "src", file), join(dist, "src", file));
  }
  await writeFile(join(dist, "package.json"), '{"type": "module"}');
  scripts.main = join(dist, "src", "cli", "main.js");
  scripts.mutant = join(dist, "test", "devnet", "mutant-validator.js");
});

afterAll(async () => {
  await Promise.all(made.map((directory) => rm(directory, { recursive: true })));
});

interface Cast {
  /** What validator 1 is; the others are honest. */
  readonly mutant?: string;
  readonly fraction?: () => number;
  readonly signal?: AbortSignal;
}

async function networkOf(options: Partial<NetworkOptions>, cast: Cast = {}): Promise<Network> {
  const directory = await mkdtemp(join(tmpdir(), "lanekeeper-devnet-test-"));
  made.push(directory);
  const defaults = { validators: 4, seconds: 3, payload: 4096, kills: 0, powerCuts: 0, seed: 1 };
  const { mutant, fraction = randomOf(7), signal = new AbortController().signal } = cast;
  const clockMs = () => performance.now();
  const honest = { args: [scripts.main, "devnet-validator"] };
  const lying = { args: [scripts.mutant, mutant ?? ""] };
  const programOf = (index: number) => (mutant !== undefined && index === 1 ? lying : honest);
  return new Network(
    { ...defaults, ...options },
    { directory, fraction, signal, clockMs, programOf },
  );
}

describe("a committee of processes", () => {
  test("goes on through kills and power cuts, loses nothing, and signs nothing twice", async () => {
    const network = await networkOf({ seconds: 6, kills: 2, powerCuts: 2 });
    await network.run();
    expect(network.judge.violations).toEqual([]);
    expect(network.counts).toMatchObject({ kills: 2, powerCuts: 2 });
    expect(network.executedNext).toBeGreaterThan(3n);
    expect(network.judge.counts.compared).toBeGreaterThan(20);
    // Four at the start, four blows, four at the end; those that were cut short told nothing.
    expect(network.counts.recoveries).toBeGreaterThanOrEqual(12);
  });

  test("ends early, and cleanly, when it is asked to", async () => {
    const stop = new AbortController();
    const network = await networkOf({ seconds: 600 }, { signal: stop.signal });
    const done = network.run();
    while (network.executedNext === 0n) await new Promise((resolve) => setTimeout(resolve, 50));
    stop.abort();
    await done;
    expect(network.judge.violations).toEqual([]);
    expect(network.seats.map(({ starts }) => starts)).toEqual([1, 1, 1, 1]);
    expect(network.seats.map(({ kills }) => kills)).toEqual([0, 0, 0, 0]);
  });
});

describe("a validator whose store lies is found out", () => {
  /** Strikes at validator 1, and at no recovery. */
  const fraction = () => 0.3;

  test.each([
    { mutant: "votes before durable", rule: "ACK_LOST" },
    { mutant: "forgets its votes", rule: "VOTES_LOST" },
  ])("it $mutant: $rule", async ({ mutant, rule }) => {
    const network = await networkOf({ kills: 3 }, { mutant, fraction });
    await network.run();
    const { violations } = network.judge;
    expect(violations.map((each) => each.rule)).toContain(rule);
    expect(violations.every(({ validator }) => validator === 1)).toBe(true);
  });
});

describe("lanekeeper devnet", () => {
  const devnet = (...args: readonly string[]) => {
    const child = spawn(process.execPath, [scripts.main, "devnet", ...args]);
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => (stdout += chunk));
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => (stderr += chunk));
    const ended = new Promise<{ code: number | null; stdout: string; stderr: string }>(
      (resolve) => {
        child.once("close", (code) => resolve({ code, stdout, stderr }));
      },
    );
    return { child, ended, text: () => stdout };
  };

  test("prints one JSON object with --json, and exits with 0", async () => {
    const { ended } = devnet("--seconds", "2", "--kills", "1", "--power-cuts", "0", "--json");
    const { code, stdout, stderr } = await ended;
    expect(stderr).toBe("");
    const summary = JSON.parse(stdout) as Record<string, unknown>;
    expect(summary).toMatchObject({ ok: true, validators: 4, kills: 1, violations: [] });
    expect(code).toBe(0);
  });

  test("prints plain lines and a table into a pipe; Ctrl-C ends it, and no process stays", async () => {
    const { child, ended, text } = devnet("--seconds", "600", "--kills", "0");
    while (!/[1-9]\d* roads executed/.test(text())) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const validators = await childrenOf(child.pid!);
    expect(validators).toHaveLength(4);
    child.kill("SIGINT");
    const { code, stdout, stderr } = await ended;
    expect(stderr).toBe("");
    expect(stdout).toMatch(/^committee +4 validators/m);
    expect(stdout).toMatch(/^violations +0$/m);
    expect(stdout).not.toContain("\u001b");
    expect(code).toBe(130);
    for (const pid of validators) expect(() => process.kill(pid, 0)).toThrow(/ESRCH/);
  });

  test("where its parent is killed, a validator ends by itself", async () => {
    // Nobody is left to remove it.
    const directory = await mkdtemp(join(tmpdir(), "lanekeeper-devnet-test-"));
    made.push(directory);
    const { child, ended, text } = devnet("--seconds", "600", "--dir", join(directory, "state"));
    while (!/[1-9]\d* roads executed/.test(text())) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const validators = await childrenOf(child.pid!);
    child.kill("SIGKILL");
    await ended;
    const isThere = (pid: number): boolean => {
      try {
        process.kill(pid, 0);
        return true;
      } catch {
        return false;
      }
    };
    while (validators.some(isThere)) await new Promise((resolve) => setTimeout(resolve, 50));
  });

  test("says what is wrong with an option, in one line, and exits with 2", async () => {
    for (const [option, value] of [
      ["--validators", "3"],
      ["--payload", "2GiB"],
      ["--power-cuts", "-1"],
    ] as const) {
      const { code, stderr } = await devnet(`${option}=${value}`).ended;
      expect(stderr).toMatch(new RegExp(`^lanekeeper: USAGE: ${option} .*\\n$`));
      expect(code).toBe(2);
    }
  });

  test("shows an example in its help", async () => {
    const { code, stdout } = await devnet("--help").ended;
    expect(stdout).toContain("$ lanekeeper devnet --validators 7");
    expect(code).toBe(0);
  });
});

/** The processes that `pid` has started. */
async function childrenOf(pid: number): Promise<number[]> {
  const found: number[] = [];
  for (const entry of await readdir("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    const stat = await readFile(`/proc/${entry}/stat`, "utf8").catch(() => "");
    const parent = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1];
    if (Number(parent) === pid) found.push(Number(entry));
  }
  return found;
}
