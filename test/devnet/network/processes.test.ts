/** The whole thing: validators as processes of their own, real sockets, real disks, real kills. */
import { spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { Archive } from "../../../src/archive/reading/archive.js";
import { type Start, startsOf } from "../../../src/devnet/network/starts.js";
import { epochOfKeys } from "../../../src/devnet/validator/orders.js";
import { Network } from "../../../src/devnet/network/network.js";
import type { NetworkOptions } from "../../../src/devnet/network/options.js";
import { type BuiltProgram, buildProgram } from "../../cli/program-kit.js";
import { randomOf } from "../protocol/simulated-network.js";
import { SCALE } from "../../scale.js";

// On a machine that does other things too, a start takes seconds.
vi.setConfig({ testTimeout: 300_000 });

const made: string[] = [];
let program: BuiltProgram | undefined;
let script = "";

beforeAll(async () => {
  program = await buildProgram();
  script = program.script;
});

afterAll(async () => {
  await Promise.all(made.map((directory) => rm(directory, { recursive: true })));
  program?.[Symbol.dispose]();
});

async function networkOf(
  options: Partial<NetworkOptions>,
  signal = new AbortController().signal,
): Promise<Network> {
  const directory = await mkdtemp(join(tmpdir(), "lanekeeper-devnet-test-"));
  made.push(directory);
  const defaults = { validators: 4, seconds: 3, payload: 4096, kills: 0, powerCuts: 0, seed: 1 };
  const clockMs = () => performance.now();
  const programOf = () => ({ args: [validatorOf(script)] });
  const serviceProgram = { args: [join(dirname(validatorOf(script)), "service.js")] };
  return new Network(
    { ...defaults, ...options },
    { directory, fraction: randomOf(7), signal, clockMs, programOf, serviceProgram },
  );
}

describe("a committee of processes", () => {
  test("goes on through kills and power cuts, loses nothing, and signs nothing twice", async () => {
    const network = await networkOf({ seconds: SCALE < 1 ? 4 : 8, kills: 2, powerCuts: 2 });
    await network.run();
    expect(network.judge.violations).toEqual([]);
    expect(network.counts).toMatchObject({ kills: 2, powerCuts: 2 });
    expect(network.executedNext).toBeGreaterThan(3n);
    expect(network.judge.counts.compared).toBeGreaterThan(20);
    // Four at the start, four blows, four at the end; those that were cut short told nothing.
    expect(network.counts.recoveries).toBeGreaterThanOrEqual(12);
  });

  test("archives in one bucket, catches up from it, and the bucket alone proves the history", async () => {
    const folder = await mkdtemp(join(tmpdir(), "lanekeeper-devnet-bucket-"));
    made.push(folder);
    const archive = `file://${folder}`;
    const network = await networkOf({
      seconds: 5,
      kills: 3,
      powerCuts: 1,
      archive,
      payload: 32_768,
    });
    await network.run();
    expect(network.judge.violations).toEqual([]);
    const [{ order }] = startsOf(
      { validators: 4, seconds: 5, kills: 3, powerCuts: 1, seed: 1, payload: 0 },
      folder,
    ) as [Start, ...Start[]];
    const epoch = epochOfKeys(order.keys);
    await using read = await Archive.open(archive, { chainId: order.chainId });
    let records = 0n;
    for await (const log of read.logs()) {
      const proven = await read.verify(log, { epochOf: () => epoch });
      expect(proven).toMatchObject({ first: 0n, holes: [] });
      records += proven.records;
    }
    expect(records).toBeGreaterThan(20n);
  });

  test("ends early, and cleanly, when it is asked to", async () => {
    const stop = new AbortController();
    const network = await networkOf({ seconds: 600 }, stop.signal);
    const done = network.run();
    while (network.executedNext === 0n) await new Promise((resolve) => setTimeout(resolve, 50));
    stop.abort();
    await done;
    expect(network.judge.violations).toEqual([]);
    expect(network.seats.map(({ starts }) => starts)).toEqual([1, 1, 1, 1]);
    expect(network.seats.map(({ kills }) => kills)).toEqual([0, 0, 0, 0]);
  });
});

describe("a committee whose validators come back from old backups", () => {
  test("signs nothing twice, and each of them signs again", async () => {
    const network = await networkOf({ seconds: 2, restores: SCALE < 1 ? 1 : 4 });
    await network.run();
    expect(network.judge.violations).toEqual([]);
    const { restores, raised } = network.counts;
    expect(restores).toBe(SCALE < 1 ? 1 : 4);
    expect(raised).toBe(restores);
  });
});

describe("a committee over services", () => {
  test("goes on while validators and services are killed, each by itself or together", async () => {
    const network = await networkOf({ service: true, seconds: 8, kills: 4, powerCuts: 3 });
    await network.run();
    expect(network.judge.violations).toEqual([]);
    expect(network.counts).toMatchObject({ kills: 4, powerCuts: 3 });
    expect(network.executedNext).toBeGreaterThan(3n);
    expect(network.judge.counts.compared).toBeGreaterThan(20);
  });

  test("a validator that forgets its votes is found out behind a service, too", async () => {
    const network = await networkOf({
      service: true,
      seconds: 30,
      kills: 10,
      sabotage: "forget-vote-state",
    });
    await network.run();
    expect(network.judge.violations.map(({ rule }) => rule)).toContain("VOTES_LOST");
  });
});

describe("a committee in which each validator has a standby", () => {
  test("R8 fails over from machines that are killed, stopped and cut off, and signs nothing twice", async () => {
    const network = await networkOf({ standby: true, seconds: SCALE < 1 ? 4 : 20, kills: 3 });
    await network.run();
    expect(network.judge.violations).toEqual([]);
    expect(network.blows.failovers).toEqual({ killed: 1, stopped: 1, cutOff: 1 });
    expect(network.executedNext).toBeGreaterThan(3n);
    expect(network.judge.counts.compared).toBeGreaterThan(20);
    const lanes = network.seats.map(({ stats }) => stats?.laneNext ?? 0n);
    // The lanes of the validators that failed over go on, too.
    for (const next of lanes) expect(next).toBeGreaterThan(4n);
  });
});

describe("a committee of one", () => {
  test("comes back from kills and power cuts by itself, loses nothing, and signs nothing twice", async () => {
    const network = await networkOf({
      validators: 1,
      seconds: SCALE < 1 ? 4 : 8,
      kills: 2,
      powerCuts: 3,
    });
    await network.run();
    expect(network.judge.violations).toEqual([]);
    expect(network.counts).toMatchObject({ kills: 2, powerCuts: 3 });
    expect(network.executedNext).toBeGreaterThan(10n);
    expect(network.judge.counts.compared).toBeGreaterThan(20);
    // One at the start, five strikes, one at the end; those that were cut short told nothing.
    expect(network.counts.recoveries).toBeGreaterThanOrEqual(7);
  });
});

describe("a validator that breaks the contract is found out", () => {
  test.each([
    { sabotage: "forget-anchor", rule: "ANCHOR_LOST" },
    { sabotage: "skip-verification", rule: "FORK" },
    { sabotage: "sign-twice", rule: "EQUIVOCATION" },
    ...(SCALE < 1
      ? []
      : ([
          { sabotage: "acknowledge-before-flush", rule: "ACK_LOST" },
          { sabotage: "forget-vote-state", rule: "VOTES_LOST" },
          { sabotage: "change-a-byte", rule: "ACK_CHANGED" },
        ] as const)),
    { sabotage: "ignore-guards", rule: "EQUIVOCATION", kills: 0, restores: 3, seconds: 3 },
  ] as const)("$sabotage: $rule", async ({ sabotage, rule, ...more }) => {
    const network = await networkOf({ seconds: 30, kills: 10, sabotage, ...more });
    await network.run();
    const { violations } = network.judge;
    expect(violations.map((each) => each.rule)).toContain(rule);
    // A fork is told of the one that came second.
    const isItself = violations.every(({ validator }) => validator === 1);
    expect(isItself || rule === "FORK").toBe(true);
  });

  test.each([
    { sabotage: "acknowledge-before-flush", rule: "ACK_LOST" },
    { sabotage: "change-a-byte", rule: "ACK_CHANGED" },
  ] as const)("in a committee of one, too: $sabotage", async ({ sabotage, rule }) => {
    const network = await networkOf({ validators: 1, seconds: 30, kills: 10, sabotage });
    await network.run();
    expect(network.judge.violations.map((each) => each.rule)).toContain(rule);
  });
});

describe("lanekeeper devnet", () => {
  const devnet = (...args: readonly string[]) => {
    const child = spawn(process.execPath, [script, "devnet", ...args]);
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
    expect(summary).toMatchObject({ version: 1, ok: true, exitCode: 0, validators: 4, kills: 1 });
    expect(summary).toMatchObject({ violations: [] });
    // One that was struck during the run, and all of them at its end.
    expect(summary["comebacks"]).toHaveLength(5);
    expect(code).toBe(0);
  });

  test("exits with 1 when the judge finds a violation, and names the rule", async () => {
    const sabotage = ["--sabotage", "sign-twice", "--kills", "0"];
    const { code, stdout } = await devnet(...sabotage, "--json").ended;
    const summary = JSON.parse(stdout) as { violations: { rule: string }[] };
    expect(summary).toMatchObject({ version: 1, ok: false, exitCode: 1, sabotage: "sign-twice" });
    expect(summary.violations[0]?.rule).toBe("EQUIVOCATION");
    expect(code).toBe(1);
    const { code: again, stdout: words } = await devnet(...sabotage).ended;
    expect(words).toMatch(/^FAIL: validator 1 broke the contract: .*EQUIVOCATION at block .*\n$/m);
    expect(words).toContain(
      "(it was sabotaged: it signs a second block at each number of its lane)",
    );
    expect(again).toBe(1);
  });

  test("removes its temporary directory, keeps one that was named, and refuses it the next time", async () => {
    const before = await readdir(tmpdir());
    const short = ["--validators", "1", "--seconds", "1", "--kills", "0", "--power-cuts", "0"];
    expect((await devnet(...short).ended).code).toBe(0);
    const left = (await readdir(tmpdir())).filter((name) => name.startsWith("lanekeeper-devnet-"));
    expect(left.filter((name) => !before.includes(name))).toEqual([]);
    const directory = await mkdtemp(join(tmpdir(), "lanekeeper-devnet-test-"));
    made.push(directory);
    const named = [...short, "--dir", join(directory, "state")];
    expect((await devnet(...named).ended).code).toBe(0);
    const { code, stderr } = await devnet(...named).ended;
    expect(stderr).toMatch(/^lanekeeper: STORE_EXISTS: [^\n]+\n$/);
    expect(code).toBe(30);
  });

  test("says the seed first, a line for each strike that was survived, and a sentence at the end", async () => {
    const strikes = ["--seconds", "3", "--kills", "1", "--power-cuts", "1", "--seed", "11"];
    const { code, stdout, stderr } = await devnet(...strikes).ended;
    expect(stderr).toBe("");
    expect(stdout).toMatch(/^seed 11: --seed 11 runs it again\n/);
    const back = String.raw`( |, and again while it recovered )-> back in \d+ ms, \d+ records? compared`;
    expect(stdout).toMatch(new RegExp(`^ +[\\d.]+ s {2}validator \\d killed${back}`, "m"));
    expect(stdout).toMatch(new RegExp(`^ +[\\d.]+ s {2}validator \\d power cut: .*${back}`, "m"));
    expect(stdout).toMatch(/^committee +4 validators/m);
    expect(stdout).toMatch(/^violations +0$/m);
    expect(stdout).toMatch(
      /^PASS: [\d,]+ acknowledgements survived 1 kill, 1 power cut, one at all 4 at once; [\d,]+ signed messages, none twice\n$/m,
    );
    expect(stdout).not.toContain("\u001b");
    expect(code).toBe(0);
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
      ["--validators", "17"],
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

/** The program of a validator, beside that of the command line. */
function validatorOf(main: string): string {
  return join(dirname(main), "devnet", "validator.js");
}

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
