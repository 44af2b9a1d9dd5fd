/** Ten thousand connections come to each listener of a service in a process of its own; at the size of `npm test` 2,500. */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createConnection, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { programOf } from "../../harness/built.js";
import { IS_SHORT } from "../../scale.js";
import { ForeignClient } from "../foreign-client.js";

const CROWD = IS_SHORT ? 2_500 : 10_000;
/** At once in one step of this test: the queue of a listener takes some hundreds. */
const WAVE = 250;
/** The cost of the crowd at most. A session of the library has some 100 KB, and a listener takes 256 connections. */
const GROWTH_MAX_MIB = 128;
/** HTTP/2 begins with these words; nothing follows them. */
const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

let script = "";
let folder = "";

beforeAll(async () => {
  script = await programOf("src/cli/main.ts");
  folder = mkdtempSync(join(tmpdir(), "lk-crowd-"));
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** A service without a store, which is up all the same, and its address. */
async function served(): Promise<{ readonly child: ChildProcess; readonly address: string }> {
  const committee = join(folder, "committee.json");
  const members = [{ key: "11".repeat(32), weight: 1 }];
  const epochs = [{ index: 0, firstRoad: 0, nextRoad: null, members }];
  writeFileSync(committee, JSON.stringify({ epochs }));
  const identity = ["--chain-id", "x", "--committee", committee, "--admin-listen", "off"];
  const listeners = ["--socket", join(folder, "s"), "--listen", "127.0.0.1:0", "--insecure"];
  const args = [script, "serve", ...identity, ...listeners, join(folder, "none")];
  const child = spawn(process.execPath, args, { stdio: "pipe" });
  let said = "";
  for await (const chunk of child.stderr) {
    said += String(chunk);
    const [, address] = /(127\.0\.0\.1:\d+)/.exec(said) ?? [];
    if (address !== undefined && said.includes("NOT_A_STORE")) return { child, address };
  }
  throw new Error(said);
}

/** The errors with which a connection may end, or not begin. */
const endings: ReadonlySet<string> = new Set(["ECONNRESET", "EPIPE", "ECONNREFUSED", "EAGAIN"]);

/** Of three who come one says nothing, one speaks HTTP/2 and goes no further, and one sends rubbish. */
async function come(at: string, index: number, failures: Set<string>): Promise<Socket> {
  const [host, port] = at.split(":");
  const socket = port === undefined ? createConnection(at) : createConnection(Number(port), host);
  socket.resume();
  await new Promise<void>((resolve) => {
    socket.on("error", ({ code = "" }: NodeJS.ErrnoException) => {
      if (!endings.has(code)) failures.add(code);
    });
    socket.once("connect", () => resolve()).once("close", () => resolve());
  });
  if (index % 3 === 1) socket.write(PREFACE);
  if (index % 3 === 2) socket.write(randomBytes(256));
  return socket;
}

/** MiB of memory that a process had at most. */
function mostMiB({ pid }: ChildProcess): number {
  const [, kib] = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kib) / 1024;
}

test("the others are served, and memory is bounded", { timeout: 180_000 }, async (context) => {
  const { child, address } = await served();
  const client = await ForeignClient.connect(`unix:${join(folder, "s")}`);
  const isServed = async (): Promise<void> => {
    const { status } = await client.call("KeeperService/GetStatus", {}, { deadlineMs: 60_000 });
    expect(status).toMatchObject({ state: "STATE_REFUSED" });
  };
  await isServed();
  const before = mostMiB(child);
  const crowd: Socket[] = [];
  const failures = new Set<string>();
  for (const at of [address, join(folder, "s")]) {
    for (let came = 0; came < CROWD; came += WAVE) {
      const wave = Array.from({ length: WAVE }, (_, index) => come(at, came + index, failures));
      crowd.push(...(await Promise.all(wave)));
      if (came % 1_250 === 0) await isServed();
    }
    await isServed();
    // Over TCP a stranger may be a validator: half of the connections are kept for those who were let in.
    if (at === address) (await ForeignClient.connect(address)).close();
  }
  const growth = mostMiB(child) - before;
  console.log(`${2 * CROWD} connections cost ${growth.toFixed(0)} MiB of ${before.toFixed(0)}`);
  expect(growth).toBeLessThan(GROWTH_MAX_MIB);
  for (const socket of crowd) socket.destroy();
  client.close();
  child.kill("SIGTERM");
  expect(await once(child, "exit")).toEqual([0, null]);
  // Node.js raises its limit of open files as far as it may.
  if (failures.delete("EMFILE")) context.skip(`fewer than ${CROWD} files may be open here`);
  expect(failures).toEqual(new Set());
});
