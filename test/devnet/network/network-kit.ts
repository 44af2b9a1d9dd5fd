/** A devnet as tests run it: validators as processes of their own, real sockets, real disks, real kills. */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, vi } from "vitest";
import { Network } from "../../../src/devnet/network/network.js";
import type { NetworkOptions } from "../../../src/devnet/network/options.js";
import { programOf } from "../../harness/built.js";
import { randomOf } from "../protocol/simulated-network.js";

export interface Devnets {
  /** The file of the command line, to be called with node. */
  readonly script: () => string;
  /** A new one, which is removed behind the tests. */
  readonly directory: () => Promise<string>;
  readonly networkOf: (
    options: Partial<NetworkOptions>,
    stop?: AbortController,
  ) => Promise<Network>;
}

/** The command line is built before the tests of a file, and its directories are removed behind them. */
export function devnets(): Devnets {
  // On a machine that does other things too, a start takes seconds.
  vi.setConfig({ testTimeout: 300_000 });
  const made: string[] = [];
  let program = "";

  beforeAll(async () => {
    program = await programOf("src/cli/main.ts");
  });

  afterAll(async () => {
    await Promise.all(made.map((directory) => rm(directory, { recursive: true, force: true })));
  });

  const script = (): string => {
    if (program === "") throw new Error("the program is built before the tests");
    return program;
  };

  const directory = async (): Promise<string> => {
    const path = await mkdtemp(join(tmpdir(), "lanekeeper-devnet-test-"));
    made.push(path);
    return path;
  };

  const networkOf = async (
    options: Partial<NetworkOptions>,
    { signal } = new AbortController(),
  ): Promise<Network> => {
    const defaults = { validators: 4, seconds: 3, payload: 4096, kills: 0, powerCuts: 0, seed: 1 };
    // The programs of a validator and of a service lie beside that of the command line.
    const args = (name: string) => ({ args: [join(dirname(script()), "devnet", name)] });
    return new Network(
      { ...defaults, ...options },
      {
        directory: await directory(),
        fraction: randomOf(7),
        signal,
        clockMs: () => performance.now(),
        programOf: () => args("validator.js"),
        serviceProgram: args("service.js"),
      },
    );
  };

  return { script, directory, networkOf };
}

/** The processes that `pid` has started. */
export async function childrenOf(pid: number): Promise<number[]> {
  const found: number[] = [];
  for (const entry of await readdir("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    const stat = await readFile(`/proc/${entry}/stat`, "utf8").catch(() => "");
    const parent = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1];
    if (Number(parent) === pid) found.push(Number(entry));
  }
  return found;
}

/** Whether a process is there, and not only its entry in the table of processes. */
export function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
