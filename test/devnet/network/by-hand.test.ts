/** A person reads `lanekeeper --help`, and does it: the very lines that stand there, in a shell. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { chmodSync, cpSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { rehearsal } from "../../../src/cli/devnet/by-hand.js";
import { call } from "../../cli/program-kit.js";
import { programOf } from "../../harness/built.js";

vi.setConfig({ testTimeout: 300_000 });

let script = "";
let folder = "";

beforeAll(async () => {
  script = await programOf("src/cli/main.ts");
});

beforeEach(() => {
  // Sockets have short paths.
  folder = mkdtempSync(join(tmpdir(), "lk-hand-"));
  const file = join(folder, "lanekeeper");
  writeFileSync(file, `#!/bin/sh\nexec ${process.execPath} ${script} "$@"\n`);
  chmodSync(file, 0o755);
  return () => rmSync(folder, { recursive: true });
});

const run = promisify(execFile);

/** A line in a shell; its text on both streams. */
async function sh(line: string): Promise<string> {
  const env = { ...process.env, PATH: `${folder}:${process.env["PATH"] ?? ""}` };
  const { stdout, stderr } = await run("sh", ["-c", line], { cwd: folder, env });
  return stdout + stderr;
}

/** A devnet that runs until it is ended. */
class Running {
  readonly child: ChildProcess;
  text = "";
  readonly code: Promise<number | null>;

  constructor(line: string) {
    const env = { ...process.env, PATH: `${folder}:${process.env["PATH"] ?? ""}` };
    this.child = spawn("sh", ["-c", `exec ${line}`], { cwd: folder, env });
    this.child.stdout?.setEncoding("utf8").on("data", (chunk: string) => (this.text += chunk));
    this.child.stderr?.setEncoding("utf8").on("data", (chunk: string) => (this.text += chunk));
    this.code = new Promise((resolve) => this.child.once("close", resolve));
  }

  /** Roads that are executed, as its newest line says. */
  get roads(): number {
    return Number([...this.text.matchAll(/(\d+) roads executed/g)].at(-1)?.[1] ?? 0);
  }

  async until(isSo: () => boolean): Promise<void> {
    while (!isSo()) {
      if (this.child.exitCode !== null) throw new Error(`the devnet ended: ${this.text}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode === null) this.child.kill("SIGINT");
    const code = await this.code;
    if (code !== 0 && code !== 130) console.error(this.text);
  }
}

/** The lines of a help that are commands, without what is said beside them. */
function commandsIn(help: string): string[] {
  return [...help.matchAll(/^ {2}((?:lanekeeper|rm) .*?)(?: {3,}.*)?$/gm)].map(
    ([, line = ""]) => line,
  );
}

describe("a person who reads lanekeeper --help and nothing else", () => {
  test("backs up a running validator, deletes its directory, restores it, and sees it vote again", async () => {
    const help = await sh("lanekeeper --help");
    expect(help).toContain(rehearsal);
    const [begin = "", ...steps] = commandsIn(rehearsal);
    expect(steps.map((line) => line.split(" ").slice(0, 3).join(" "))).toEqual([
      "lanekeeper backup ./devnet/validator-2",
      "lanekeeper devnet kill",
      "rm -r ./devnet/validator-2",
      "lanekeeper restore ./backups",
      "lanekeeper devnet start",
      "lanekeeper devnet end",
    ]);
    await using devnet = new Running(begin);
    await devnet.until(() => devnet.roads >= 1);
    const told: string[] = [];
    for (const line of steps) {
      told.push(await sh(line));
      if (!line.includes(" backup ")) continue;
      // The backup is an old one when it comes back.
      const { roads } = devnet;
      await devnet.until(() => devnet.roads > roads + 1);
    }
    const [backup, kill, , restore, start] = told;
    expect(backup).toMatch(/^backup 1 in .*read back and compared; everything up to LSN \d+$/m);
    expect(kill).toContain("validator 2 is killed");
    expect(restore).toContain("It is guarded");
    expect(start).toMatch(/its guards have heights: 3 of 3 peers said/);
    expect(start).toMatch(/^validator 2 votes: commitVote at road \d+$/m);
    expect(await devnet.code).toBe(0);
    expect(devnet.text).toMatch(/^violations +0$/m);
    expect(devnet.text).toMatch(/^restored +1, and 0 lost: 1 sign again$/m);
    expect(devnet.text).toMatch(/^PASS: .* survived 1 kill, 1 old backup, one at all 4 at once/m);
  });

  test("is told of each order that makes no sense, and the devnet goes on", async () => {
    const place = join(folder, "d");
    const by = (...line: readonly string[]) => call("devnet", ...line);
    expect((await by("kill", folder, "0")).stderr).toMatch(/UNREACHABLE: no devnet by hand runs/);
    await using devnet = new Running(
      "lanekeeper devnet --by-hand --dir ./d --validators 1 --payload 1KiB",
    );
    await devnet.until(() => devnet.roads >= 1);
    const refused: readonly (readonly [line: readonly string[], words: RegExp])[] = [
      [["kill", place, "1"], /USAGE: there is no validator 1: the last/],
      [["kill", place, "two"], /USAGE: a validator is named by/],
      [["start", place, "0"], /USAGE: validator 0 runs/],
    ];
    for (const [line, words] of refused) {
      const { code, stderr } = await by(...line);
      expect(stderr).toMatch(words);
      expect(code).toBe(2);
    }
    expect((await by("kill", place, "0")).code).toBe(0);
    expect((await by("kill", place, "0")).stderr).toMatch(/USAGE: validator 0 is down already/);
    const store = join(place, "validator-0");
    const away = join(folder, "away");
    renameSync(store, away);
    expect((await by("start", place, "0")).stderr).toMatch(/USAGE: .* holds no store: restore one/);
    // A copy of a store is another file: it is refused by open, and told to the person alone.
    const isFile = (path: string): boolean => !path.endsWith(".sock");
    cpSync(away, store, { recursive: true, filter: isFile });
    expect((await by("start", place, "0")).stderr).toMatch(
      /validator 0 is refused its store: STORE_MOVED/,
    );
    rmSync(store, { recursive: true });
    renameSync(away, store);
    expect((await by("start", place, "0", "--json")).stdout).toContain(
      '"told":["validator 0 has recovered',
    );
    expect((await by("end", place)).code).toBe(0);
    expect(await devnet.code).toBe(0);
    expect(devnet.text).toMatch(/^PASS: /m);
  });

  test("may leave too few for another road: nobody broke the contract", async () => {
    await using devnet = new Running(
      "lanekeeper devnet --by-hand --validators 2 --dir ./d --payload 1KiB",
    );
    await devnet.until(() => devnet.roads >= 1);
    await sh("lanekeeper devnet kill ./d 1");
    await sh("lanekeeper devnet end ./d");
    expect(await devnet.code).toBe(0);
    expect(devnet.text).toMatch(/^PASS: /m);
  });

  test("may kill processes by other means, leave a validator away, and stop with Ctrl-C", async () => {
    await using devnet = new Running(
      "lanekeeper devnet --by-hand --dir ./d --validators 1 --payload 1KiB",
    );
    await devnet.until(() => devnet.roads >= 1);
    const { stdout } = await run("ps", ["-o", "pid=,args=", "--ppid", String(devnet.child.pid)]);
    const [service, ...others] = stdout.split("\n").filter((line) => line.includes("service.js"));
    expect(others).toEqual([]);
    process.kill(Number.parseInt(service ?? "", 10), "SIGKILL");
    await devnet.until(() => devnet.text.includes(" down, "));
    devnet.child.kill("SIGINT");
    expect(await devnet.code).toBe(130);
    expect(devnet.text).toMatch(/^STOPPED after .* no violation until then$/m);
  });
});
