/**
 * Opening a store that retains much of what was pruned, against the same store that retains nothing: after
 * a clean close and after a kill. How long the open takes, and then the first read of a retained block (the
 * oldest one, which a mended map reaches last); how long until the map is whole; for how long the event
 * loop was held at most; the memory. Each open is in a process of its own.
 *
 * As a program of its own (`node retention.mjs DIR BYTES [kill]`) it does one open and prints it, or ends
 * itself by SIGKILL once the store is open.
 */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { isLaneId } from "../../dist/types/lane.js";
import { fillAnchored, median, openStore, peakMiB } from "./recovery.mjs";

const OPENS = 3;
const LANES = 16;
const self = fileURLToPath(import.meta.url);
const run = promisify(execFile);

export async function benchRetention({ mib, recordBytes }) {
  const rows = [];
  for (const retainBytes of [0, mib * 1024 * 1024]) {
    const directory = mkdtempSync(join(tmpdir(), "lanekeeper-bench-"));
    const store = join(directory, "store");
    try {
      const anchors = Math.ceil((mib * 1024 * 1024) / (LANES * recordBytes));
      // The history is the same; more than a segment of it beyond the budget.
      await fillAnchored(store, { anchors: Math.ceil(anchors * 1.05), recordBytes, retainBytes });
      for (const killed of [false, true]) {
        const opens = [];
        for (let each = 0; each < OPENS; each++) {
          if (killed) await killedOpen(store, retainBytes);
          const { stdout } = await run(process.execPath, [self, store, String(retainBytes)]);
          opens.push(JSON.parse(stdout));
        }
        const of = (key) => median(opens.map((each) => each[key]));
        rows.push({
          what: `${retainBytes === 0 ? 0 : mib} MiB retained, ${killed ? "a kill" : "a close"}`,
          retainedMiB: retainBytes / 1024 / 1024,
          recordBytes,
          killed,
          openMs: of("openMs"),
          firstReadMs: of("firstReadMs"),
          mendedMs: of("mendedMs"),
          holdMs: of("holdMs"),
          rssMiB: of("rssMiB"),
          retained: of("retained"),
        });
      }
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  }
  return rows;
}

/** Opens the store in a process that kills itself. */
async function killedOpen(directory, retainBytes) {
  const asked = [self, directory, String(retainBytes), "kill"];
  const { signal } = await run(process.execPath, asked).catch((cause) => cause);
  if (signal !== "SIGKILL") throw new Error("the process was to end by SIGKILL");
}

async function openOnce(directory, retainBytes) {
  // The first turns of a process compile its code: that time is not the store's.
  await sleep(50);
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const began = performance.now();
  const persisters = await openStore(directory, { retainBytes });
  const opened = performance.now();
  const { logs, blocks } = persisters;
  const [lane] = [...blocks.lanes.keys()].filter((name) => isLaneId(name));
  let retained = 0;
  for await (const { bytes } of logs.readRetainedRange(lane, {})) {
    retained = bytes.length;
    break;
  }
  const read = performance.now();
  await logs.mapMended();
  const mended = performance.now();
  delay.disable();
  const retainedCount = blocks.lanes.get(lane).first - logs.retainedFirst(lane);
  const figures = {
    openMs: opened - began,
    firstReadMs: retained === 0 ? 0 : read - opened,
    mendedMs: mended - opened,
    holdMs: delay.max / 1e6,
    rssMiB: peakMiB(),
    retained: Number(`${retainedCount}`),
  };
  await persisters.close();
  return figures;
}

if (process.argv[1] === self) {
  const [, , directory, bytes, how] = process.argv;
  if (how === "kill") {
    await openStore(directory, { retainBytes: Number(bytes) });
    process.kill(process.pid, "SIGKILL");
  }
  console.log(JSON.stringify(await openOnce(directory, Number(bytes))));
}
