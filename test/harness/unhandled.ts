/**
 * Fails the test during which a promise was rejected without a handler, in this process or in a Node
 * process that the test started. Such a rejection ends the process of a user.
 *
 * A vitest setup file: it runs once for each test file, several times in one process.
 */
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { inspect } from "node:util";
import { afterEach, expect } from "vitest";

/** Children write what they met into this folder: their pipes belong to the test. */
const FOLDER_VARIABLE = "LANEKEEPER_UNHANDLED_FOLDER";
const monitor = new URL("./unhandled-monitor.mjs", import.meta.url).href;

interface Watch {
  readonly folder: string;
  readonly met: string[];
}

/** The state that survives from one test file to the next one of this process. */
const holder: typeof globalThis & { lanekeeperUnhandled?: Watch } = globalThis;
const watch = (holder.lanekeeperUnhandled ??= begin());

function begin(): Watch {
  // Made by the first child that has something to tell: the process of the tests may end at any moment.
  const folder = join(tmpdir(), `lanekeeper-unhandled-${process.pid}`);
  const met: string[] = [];
  process.on("unhandledRejection", (reason) => met.push(inspect(reason)));
  process.env[FOLDER_VARIABLE] = folder;
  process.env["NODE_OPTIONS"] = `${process.env["NODE_OPTIONS"] ?? ""} --import=${monitor}`.trim();
  return { folder, met };
}

/** Every rejection without a handler since the last call. */
export async function takeUnhandled(): Promise<readonly string[]> {
  // Node tells of a rejection behind the microtasks of the turn in which it happened.
  await nextTurn();
  const met = watch.met.splice(0);
  if (!existsSync(watch.folder)) return met;
  for (const name of readdirSync(watch.folder)) {
    met.push(readFileSync(join(watch.folder, name), "utf8"));
  }
  rmSync(watch.folder, { recursive: true });
  return met;
}

afterEach(async () => {
  expect(await takeUnhandled(), "rejections without a handler").toEqual([]);
});
