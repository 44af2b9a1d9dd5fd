/** `lanekeeper serve` as a process: its beginning, its signals, and its exit codes. */
import { type ChildProcess, spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ForeignClient } from "../../service/foreign-client.js";
import { programOf } from "../../harness/built.js";
import { call } from "../program-kit.js";

let script = "";
let temporary = "";

beforeAll(async () => {
  script = await programOf("src/cli/main.ts");
  temporary = mkdtempSync(join(tmpdir(), "lk-serve-"));
});

afterAll(() => {
  rmSync(temporary, { recursive: true, force: true });
});

interface Started {
  readonly child: ChildProcess;
  readonly out: () => string;
  readonly ended: Promise<number | null>;
}

/** Starts the program; resolved when it wrote something that `ready` matches. */
async function started(ready: RegExp, ...args: readonly string[]): Promise<Started> {
  const env = { ...process.env, TMPDIR: temporary, LANEKEEPER_RETAN: "1MiB" };
  const child = spawn(process.execPath, [script, ...args], { env, stdio: "pipe" });
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

function committeeFile(): string {
  const file = join(temporary, "committee.json");
  const members = [{ key: "11".repeat(32), weight: 1 }];
  const epochs = [{ index: 0, firstRoad: 0, nextRoad: null, members }];
  writeFileSync(file, JSON.stringify({ epochs }));
  return file;
}

test("--dev: a foreign client does what its three commands say; SIGTERM drains, and nothing stays", async () => {
  const { child, out, ended } = await started(/Its page: .*\n/, "serve", "--dev");
  const socket = /served on (\S+)/.exec(out())?.[1] ?? "";
  const [file = ""] = /\S+block-0\.json/.exec(out()) ?? [];
  const lane = /"lane": "([^"]+)"/.exec(out())?.[1] ?? "";
  const commands = out().match(/^ {2}grpcurl .*$/gm) ?? [];
  expect(commands).toHaveLength(3);
  for (const command of commands) expect(command).toContain(` unix:${socket} `);
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
  const committee = committeeFile();
  const args = ["serve", "--chain-id", "x", "--committee", committee, "--admin-listen", "off"];
  const elsewhere = ["--socket", join(temporary, "s"), join(temporary, "missing")];
  const { child, out, ended } = await started(/"serving"/, ...args, ...elsewhere);
  expect(out()).toContain("NOT_A_STORE");
  expect(out()).toContain('"event":"unknownVariable","name":"LANEKEEPER_RETAN"');
  const events = (): string[] => out().match(/"reload(?:ed|Failed)"/g) ?? [];
  const right = readFileSync(committee);
  for (const [count, text] of [right, "no committee", right].entries()) {
    writeFileSync(committee, text);
    child.kill("SIGHUP");
    await expect.poll(() => events().length).toBeGreaterThan(count);
  }
  // Each outcome is told once: a reload that failed is none that went well.
  expect(events()).toEqual(['"reloaded"', '"reloadFailed"', '"reloaded"']);
  child.kill("SIGTERM");
  expect(await ended).toBe(0);
  const strict = await started(/never/, ...args, "--strict", ...elsewhere);
  expect(await strict.ended).toBe(31);
});

test("where no store is, nothing is put: the page says why, without one it is an exit code, and init goes on", async () => {
  const committee = committeeFile();
  const args = ["serve", "--chain-id", "x", "--committee", committee];
  const empty = join(temporary, "empty");
  mkdirSync(empty);
  for (const store of [empty, join(temporary, "missing")]) {
    const page = ["--admin-listen", "127.0.0.1:0"];
    const { child, out, ended } = await started(/"serving"/, ...args, ...page, store);
    const [, port] = /"host":"127.0.0.1","port":(\d+)/.exec(out()) ?? [];
    const ready = await fetch(`http://127.0.0.1:${port}/readyz`);
    expect(ready.status).toBe(503);
    expect(await ready.text()).toContain("NOT_A_STORE");
    expect(existsSync(store) ? readdirSync(store) : []).toEqual([]);
    child.kill("SIGTERM");
    expect(await ended).toBe(0);
    const unheard = await started(/never/, ...args, "--admin-listen", "off", store);
    expect(await unheard.ended).toBe(31);
    expect(unheard.out()).toContain("NOT_A_STORE");
    expect((await call("init", "--chain-id", "x", store)).code).toBe(0);
  }
});

test("--print-config and --check-config end by themselves; a wrong file is refused by its line", async () => {
  const file = join(temporary, "l.yaml");
  const named = `chainId: x\ncommittee: ${committeeFile()}\n`;
  writeFileSync(file, `retain: 1MiB\nlimits:\n  streams: 5\n${named}`);
  const printed = await call("serve", "--config", file, "--retain", "2MiB", "--print-config");
  expect(printed.code).toBe(0);
  expect(printed.stdout).toMatch(/^retain: "2MiB" +# --retain$/m);
  expect(printed.stdout).toMatch(/^limits\.streams: 5 +# .*l\.yaml:3$/m);
  expect((await call("serve", "--config", file, "--check-config")).code).toBe(0);
  // Nor are they right without files that a service could read.
  for (const [more, said] of [
    ["access: missing.txt", "missing.txt cannot be read"],
    ["tls: { certificate: missing.pem, key: a }\naccess: b", "missing.pem cannot be read"],
    ["archive: { ca: missing.ca }", "missing.ca cannot be read"],
    ["keys: { files: [missing.key] }", "missing.key"],
    ["socket: off", "nothing listens"],
  ] as const) {
    writeFileSync(file, `${named}${more}\n`);
    const without = await call("serve", "--config", file, "--check-config");
    expect({ said: without.stderr, ok: without.code === 0 }).toEqual({
      said: expect.stringContaining(said) as string,
      ok: false,
    });
  }
  writeFileSync(file, "retain: 1MiB\n");
  const few = await call("serve", "--config", file, "--check-config");
  expect({ code: few.code, said: few.stderr }).toMatchObject({
    code: 2,
    said: expect.stringMatching(/committee is missing|chainId is missing/) as string,
  });
  writeFileSync(file, "retain: 1MiB\nstreams: 5\n");
  const wrong = await call("serve", "--config", file, "--check-config");
  expect(wrong.code).toBe(2);
  expect(wrong.stderr).toContain(
    `${file}:2: there is no key streams; did you mean limits.streams?`,
  );
});
