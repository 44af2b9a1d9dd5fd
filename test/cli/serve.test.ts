/** `lanekeeper serve` as a process: its beginning, its signals, and its exit codes. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ForeignClient } from "../service/foreign-client.js";
import { type BuiltProgram, buildProgram, call } from "./program-kit.js";

let program: BuiltProgram | undefined;
let temporary = "";

beforeAll(async () => {
  program = await buildProgram();
  temporary = mkdtempSync(join(tmpdir(), "lk-serve-"));
});

afterAll(() => {
  program?.[Symbol.dispose]();
  rmSync(temporary, { recursive: true, force: true });
});

interface Started {
  readonly child: ChildProcess;
  readonly out: () => string;
  readonly ended: Promise<number | null>;
}

/** Starts the program; resolved when it wrote something that `ready` matches. */
async function started(ready: RegExp, ...args: readonly string[]): Promise<Started> {
  const env = { ...process.env, TMPDIR: temporary };
  const child = spawn(process.execPath, [program?.script ?? "", ...args], { env, stdio: "pipe" });
  let text = "";
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  await new Promise<void>((resolve) => {
    const take = (chunk: Buffer): void => {
      text += String(chunk);
      if (ready.test(text)) resolve();
    };
    child.stdout.on("data", take);
    child.stderr.on("data", take);
    child.once("close", () => resolve());
  });
  return { child, out: () => text, ended };
}

test("--dev: a foreign client does what its three commands say; SIGTERM drains, and nothing stays", async () => {
  const { child, out, ended } = await started(/Its page: .*\n/, "serve", "--dev");
  const socket = /served on (\S+)/.exec(out())?.[1] ?? "";
  const [file = ""] = /\S+block-0\.json/.exec(out()) ?? [];
  const lane = /"lane": "([^"]+)"/.exec(out())?.[1] ?? "";
  const client = await ForeignClient.connect(`unix:${socket}`);
  expect(await client.call("KeeperService/AcquireWriter", { writer: "me" })).toMatchObject({
    fence: "1",
  });
  const { default: push } = (await import(file, { with: { type: "json" } })) as {
    default: Record<string, unknown>;
  };
  expect(await client.call("KeeperService/PushBlock", push)).toMatchObject({
    result: "RESULT_ADMITTED",
  });
  const read = await client.call("KeeperService/ReadBlock", { lane });
  expect(Buffer.from(read["block"] as Uint8Array).toString("base64")).toBe(push["block"]);
  const page = /http:\S+/.exec(out())?.[0] ?? "";
  expect((await fetch(`${page}readyz`)).status).toBe(200);
  client.close();
  child.kill("SIGTERM");
  expect(await ended).toBe(0);
  expect(readdirSync(temporary)).toEqual([]);
});

test("--dev: a second signal ends it at once, a terminal that hangs up ends it too, and nothing stays", async () => {
  const impatient = await started(/Its page: .*\n/, "serve", "--dev");
  impatient.child.kill("SIGINT");
  impatient.child.kill("SIGTERM");
  // The kernel gives two signals at once in either order.
  expect([130, 143]).toContain(await impatient.ended);
  const left = await started(/Its page: .*\n/, "serve", "--dev");
  left.child.kill("SIGHUP");
  expect(await left.ended).toBe(0);
  expect(readdirSync(temporary)).toEqual([]);
});

test("SIGHUP reloads and does not end it; a store that is not there is told, and with --strict is an exit code", async () => {
  const committee = join(temporary, "committee.json");
  const epoch = {
    index: 0,
    firstRoad: 0,
    nextRoad: null,
    members: [{ key: "11".repeat(32), weight: 1 }],
  };
  writeFileSync(committee, JSON.stringify({ epochs: [epoch] }));
  const args = ["serve", "--chain-id", "x", "--committee", committee, "--admin-listen", "off"];
  const elsewhere = ["--socket", join(temporary, "s"), join(temporary, "missing")];
  const { child, out, ended } = await started(/"serving"/, ...args, ...elsewhere);
  expect(out()).toContain("NOT_A_STORE");
  const reloaded = new Promise<void>((resolve) => {
    child.stderr?.on("data", (chunk: Buffer) => String(chunk).includes('"reloaded"') && resolve());
  });
  child.kill("SIGHUP");
  await reloaded;
  child.kill("SIGTERM");
  expect(await ended).toBe(0);
  const strict = await started(/never/, ...args, "--strict", ...elsewhere);
  expect(await strict.ended).toBe(31);
});

test("--print-config and --check-config end by themselves; a wrong file is refused by its line", async () => {
  const file = join(temporary, "l.yaml");
  writeFileSync(file, "retain: 1MiB\nlimits:\n  streams: 5\n");
  const printed = await call("serve", "--config", file, "--retain", "2MiB", "--print-config");
  expect(printed.code).toBe(0);
  expect(printed.stdout).toMatch(/^retain: "2MiB" +# --retain$/m);
  expect(printed.stdout).toMatch(/^limits\.streams: 5 +# .*l\.yaml:3$/m);
  expect((await call("serve", "--config", file, "--check-config")).code).toBe(0);
  writeFileSync(file, "retain: 1MiB\nstreams: 5\n");
  const wrong = await call("serve", "--config", file, "--check-config");
  expect(wrong.code).toBe(2);
  expect(wrong.stderr).toContain(
    `${file}:2: there is no key streams; did you mean limits.streams?`,
  );
});
