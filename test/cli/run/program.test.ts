import { execFile, spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { PassThrough } from "node:stream";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { main } from "../../../src/cli/program.js";
import { version } from "../../../src/cli/version.js";

const root = fileURLToPath(new URL("../../..", import.meta.url));
/** The program as a plain process calls it: compiled into a directory of the tests. */
let compiled = "";
let script = "";

beforeAll(async () => {
  compiled = await mkdtemp(join(root, "node_modules", ".lanekeeper-cli-"));
  script = await compile(compiled);
});

afterAll(async () => {
  await rm(compiled, { recursive: true, force: true });
});

function execute(file: string, args: readonly string[], options: { cwd?: string } = {}) {
  return new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) => {
    const child = execFile(file, args, options, (_error, stdout, stderr) => {
      resolve({ code: child.exitCode, stdout, stderr });
    });
  });
}

async function compile(outDir: string): Promise<string> {
  const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
  const args = [tsc, "-p", "tsconfig.build.json", "--outDir", outDir, "--declaration", "false"];
  const settings = ["--declarationMap", "false", "--sourceMap", "false", "--noCheck"];
  const { code, stdout } = await execute(process.execPath, [...args, ...settings], { cwd: root });
  expect(stdout).toBe("");
  expect(code).toBe(0);
  const generated = await readFile(join(root, "src", "cli", "generated", "run.js"));
  await execute("mkdir", ["-p", join(outDir, "cli", "generated")]);
  await writeFile(join(outDir, "cli", "generated", "run.js"), generated);
  await writeFile(join(outDir, "package.json"), '{"type": "module"}');
  return join(outDir, "cli", "main.js");
}

const text = (stream: PassThrough) => String(stream.read() ?? "");

/** Calls the command line in this process. */
function call(...args: string[]) {
  return callWith("nowhere.js", args);
}

/** As `call`, with `child` as the program that keeps the store. */
async function callWith(child: string, args: readonly string[]) {
  const out = new PassThrough();
  const err = new PassThrough();
  const code = await main(args, {
    script: child,
    stdin: new PassThrough(),
    stdout: out,
    stderr: err,
    hasColor: false,
    clockMs: () => performance.now(),
    onInterrupt: () => () => undefined,
  });
  return { code, stdout: text(out), stderr: text(err) };
}

/** A child that acknowledges blocks of one lane at once, and keeps them in a file, or not. */
function faultyChild(fault: string): string {
  return `
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { decodeCommand, encodeEvent } from "./run/codec.js";
import { FrameSplitter, readFrames, writeFrame } from "./run/frames.js";
const emit = (event) => writeFrame(process.stdout, encodeEvent(event));
let file;
for await (const frame of readFrames(process.stdin)) {
  const command = decodeCommand(frame);
  if (command.kind === "open") {
    file = command.directory + "/kept";
    await emit({ kind: "opening" });
    const kept = existsSync(file) ? [...new FrameSplitter().push(readFileSync(file))] : [];
    const blocks = kept.map((bytes) => decodeCommand(bytes));
    const lanes = new Set(blocks.map(({ lane }) => lane));
    for (const lane of lanes) {
      const mine = blocks.filter((block) => block.lane === lane);
      await emit({ kind: "laneFound", lane, first: 0n, next: BigInt(mine.length) });
      for (const { number, bytes } of mine) {
        const changed = Uint8Array.from(bytes);
        changed[bytes.length - 1] ^= 1;
        await emit({ kind: "blockFound", lane, number, bytes: changed });
      }
    }
    await emit({ kind: "roadFound", first: 0n, next: 0n });
    await emit({ kind: "recovered", durationMs: 1, warnings: [] });
  } else if (command.kind === "block") {
    const head = Buffer.alloc(4);
    head.writeUInt32BE(frame.length);
    if ("${fault}" === "change") appendFileSync(file, Buffer.concat([head, frame]));
    await emit({ kind: "blockDurable", lane: command.lane, number: command.number });
  } else break;
}
process.stdin.destroy();
`;
}

describe("a wrong call ends with exit code 2 and one line", () => {
  test.each([
    [["run", "--lanes", "0"]],
    [["run", "--lanes"]],
    [["run", "--lane", "3"]],
    [["run", "--payload", "16KB "]],
    [["run", "--payload", "3MiB"]],
    [["run", "--kills", "many"]],
    [["run", "now"]],
    [["walk"]],
  ])("%j", async (args) => {
    const { code, stdout, stderr } = await call(...args);
    expect(code).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).toMatch(/^lanekeeper: [^\n]+\n$/);
  });
});

test("--help shows an example, hides the child, and ends with 0", async () => {
  const { code, stdout } = await call("run", "--help");
  expect(code).toBe(0);
  expect(stdout).toContain("$ lanekeeper run --lanes 8");
  const top = await call("--help");
  expect(top.stdout).not.toContain("run-child");
});

test("--version is the package's", async () => {
  const manifest = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as unknown;
  expect(manifest).toMatchObject({ version });
  expect((await call("--version")).stdout).toBe(`${version}\n`);
});

describe("the built program", () => {
  const small = ["run", "--lanes", "2", "--seconds", "3", "--kills", "2", "--seed", "1"];

  test("loses nothing in a short run with kills, and removes its directory", async () => {
    const before = await readdir(tmpdir());
    const { code, stdout, stderr } = await execute(process.execPath, [script, ...small, "--json"]);
    expect(stderr).toBe("");
    const summary = JSON.parse(stdout) as Record<
      "blocksAcked" | "recordsCompared" | "childRssBytesMax",
      number
    >;
    expect(summary).toMatchObject({ ok: true, seed: 1, kills: 3, violations: [] });
    expect(summary.blocksAcked).toBeGreaterThan(0);
    expect(summary.recordsCompared).toBeGreaterThan(0);
    expect(summary.childRssBytesMax).toBeLessThan(200 * 1024 * 1024);
    expect(code).toBe(0);
    const left = (await readdir(tmpdir())).filter((name) => name.startsWith("lanekeeper-run-"));
    expect(left.filter((name) => !before.includes(name))).toEqual([]);
  });

  test("finds out a store that forgets, and one that changes a byte, with exit code 1", async () => {
    for (const [fault, rule] of [
      ["forget", "LOST"],
      ["change", "CHANGED"],
    ] as const) {
      const child = join(compiled, "cli", `${fault}.js`);
      await writeFile(child, faultyChild(fault));
      const { code, stdout } = await callWith(child, [...small, "--json"]);
      expect(code).toBe(1);
      const summary = JSON.parse(stdout) as { ok: boolean; violations: { rule: string }[] };
      expect(summary.ok).toBe(false);
      expect(new Set(summary.violations.map((violation) => violation.rule))).toEqual(
        new Set([rule]),
      );
    }
  });

  test("keeps a directory that was named, and refuses it the next time", async () => {
    const dir = join(compiled, "state");
    const first = await execute(process.execPath, [script, ...small, "--dir", dir]);
    expect(first.code).toBe(0);
    expect(first.stdout).toMatch(/violations +0\n$/);
    const second = await execute(process.execPath, [script, ...small, "--dir", dir]);
    expect(second.code).toBe(30);
    expect(second.stderr).toMatch(/^lanekeeper: STORE_EXISTS: [^\n]+\n$/);
  });

  test("ends an interrupted run with 130 and a closed store", async () => {
    const dir = join(compiled, "interrupted");
    const args = [script, "run", "--seconds", "60", "--kills", "0", "--dir", dir, "--seed", "1"];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    const output: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => {
      if (output.push(chunk) === 1) child.kill("SIGINT");
    });
    const code = await new Promise((resolve) => child.once("close", resolve));
    expect(code).toBe(130);
    expect(Buffer.concat(output).toString()).toContain("interrupted");
  });
});
