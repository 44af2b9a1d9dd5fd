/** The end of a devnet's parent is the end of all its processes, whatever they were about to do. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, expect, test } from "vitest";
import { childrenOf, devnets, isThere } from "./network-kit.js";

const { script, directory } = devnets();
const parents: ChildProcess[] = [];
afterEach(() => {
  for (const parent of parents.splice(0)) parent.kill("SIGKILL");
});

async function started(...options: readonly string[]) {
  // Nobody is left to remove a temporary one.
  const dir = join(await directory(), "state");
  const args = [script(), "devnet", "--seconds", "600", "--dir", dir, ...options];
  const parent = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  parents.push(parent);
  let text = "";
  parent.stdout.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  return { parent, text: () => text };
}

async function until(isDone: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isDone())) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** Kills the parent; the processes that it had must end by themselves: behind this time one hangs. */
const END_MS_MAX = 100_000;
async function expectNobodyLeft(parent: ChildProcess): Promise<void> {
  const children = await childrenOf(parent.pid!);
  expect(children.length).toBeGreaterThan(0);
  parent.kill("SIGKILL");
  const sinceMs = performance.now();
  await until(() => !children.some(isThere) || performance.now() - sinceMs > END_MS_MAX);
  expect(children.filter(isThere)).toEqual([]);
}

async function isStopped(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  return stat.slice(stat.lastIndexOf(")") + 2).startsWith("T");
}

const runs = /[1-9]\d* roads executed/;

test.each([
  { when: "its validators run", options: [] },
  { when: "validators and services run", options: ["--service"] },
])("nobody is left behind where the parent is killed while $when", async ({ options }) => {
  const { parent, text } = await started(...options);
  await until(() => runs.test(text()));
  await expectNobodyLeft(parent);
});

test("nobody is left behind where the parent is killed while everybody opens", async () => {
  const { parent } = await started("--service");
  await until(async () => (await childrenOf(parent.pid!)).length >= 8);
  await expectNobodyLeft(parent);
});

test("a process that was stopped ends, too, where its parent is killed", async () => {
  const built = (path: string): string => join(dirname(script()), "..", path);
  const program = JSON.stringify({ args: [built("cli/devnet/validator.js")] });
  const url = JSON.stringify(pathToFileURL(built("devnet/network/child.js")).href);
  const source = `const { Child } = await import(${url});
    new Child(${program}, () => undefined).stop();
    console.log("stopped");
    setInterval(() => undefined, 1000);`;
  const parent = spawn(process.execPath, ["--input-type=module", "-e", source]);
  parents.push(parent);
  await once(parent.stdout, "data");
  await until(async () => {
    const children = await childrenOf(parent.pid!);
    return (await Promise.all(children.map(isStopped))).includes(true);
  });
  await expectNobodyLeft(parent);
});
