/**
 * The service against the library: one client with one stream over a UNIX socket, the service in a process of
 * its own, 16 lanes, no signatures. Both are the same interface, and take turns in the same run.
 *
 * - p50 from a push until the block is durable: one block after the other, and a round of one block a lane at once;
 * - blocks in a second with many pushes in flight, the anchor moving behind them;
 * - the same messages through a bare echo of grpc-js: what of each figure is the library's;
 * - memory of the service, how long it held its event loop at most, and a scrape of a store of 100 lanes.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { LanekeeperClient } from "../../../dist/client/client.js";
import { Lanekeeper } from "../../../dist/node/lanekeeper.js";
import { Echo } from "./echo.mjs";
import { epochOf, storeChoices, Traffic } from "./unsigned.mjs";

const served = fileURLToPath(new URL("./served.mjs", import.meta.url));
const KIB = 1024;
const LANES = 16;
const SCRAPED_LANES = 100;
const SCRAPES = 40;
const TURNS = 5;
/** The first turn warms up the code. */
const WARM_TURNS = 1;
/** The anchor moves so often: well before a lane has its 30 blocks above it. */
const ANCHOR_ROUNDS = 5n;

/** The targets: a time as a multiple of the library's at most, a rate as a part of it at least. */
const cases = [
  { recordBytes: 300, phase: "one by one", rounds: 40, wanted: 2.5 },
  { recordBytes: 64 * KIB, phase: "one by one", rounds: 40, wanted: 1.6 },
  { recordBytes: 300, phase: "16 at once", rounds: 200, wanted: 2.5 },
  { recordBytes: 64 * KIB, phase: "16 at once", rounds: 50, wanted: 1.6 },
  { recordBytes: 300, phase: "flood", inFlight: 1000, rounds: 1000, wanted: 0.4 },
  { recordBytes: 64 * KIB, phase: "flood", inFlight: 256, rounds: 150, wanted: 0.5 },
];
const limits = { rssMiB: 250, scrapeMs: 20, heldMs: 50 };

/** One row for each case, and the figures of the process. */
export async function benchService(print = () => undefined) {
  const directory = mkdtempSync(join(tmpdir(), "lk-bench-"));
  try {
    const { rows, figures } = await compared(directory, print);
    const scrapeMs = await scraped(directory);
    const all = { ...figures, scrapeMs, limits };
    print(lineOfProcess(all));
    return { rows, process: all };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function compared(directory, print) {
  const epoch = epochOf(LANES);
  const own = join(directory, "library");
  await Lanekeeper.init(own, { chainId: "bench" });
  const library = await Lanekeeper.open(own, storeChoices(epoch));
  const echo = await Echo.begin(join(directory, "echo"));
  try {
    return await withService(join(directory, "service"), LANES, async (client, host) => {
      const beside = { host, echo, traffic: new Traffic(epoch) };
      return await inTurns({ library, service: client }, beside, print);
    });
  } finally {
    await echo.close();
    await library.close();
  }
}

async function inTurns(keepers, { host, echo, traffic }, print) {
  const rows = [];
  for (const each of cases) {
    const results = { library: [], service: [], echo: [] };
    for (let turn = 0; turn < TURNS + WARM_TURNS; turn++) {
      const rounds = traffic.rounds(each.rounds, each.recordBytes);
      for (const [name, keeper] of Object.entries(keepers)) {
        const result = await phases[each.phase](keeper, rounds, each);
        if (turn >= WARM_TURNS) results[name].push(result);
        await keeper.pushAnchor(rounds.at(-1).anchor);
        await keeper.waitForAnchor(rounds.at(-1).number);
      }
      const result = await echoes[each.phase](echo, Buffer.alloc(each.recordBytes), each);
      if (turn >= WARM_TURNS) results.echo.push(result);
    }
    const { heldMs } = await host.figures();
    const row = rowOf(each, results, heldMs);
    rows.push(row);
    print(lineOf(row));
  }
  const heldMs = Math.max(...rows.map((row) => row.heldMs.max));
  return { rows, figures: { rssMiB: (await host.figures()).rssMiB, heldMs } };
}

const phases = {
  /** Milliseconds of the median block. */
  "one by one": async (keeper, rounds) => {
    const times = [];
    for (const round of rounds) {
      for (const block of round.blocks) times.push(await durable(keeper, block));
      await moveAnchor(keeper, round);
    }
    return median(times);
  },
  /** Milliseconds of the median block of a round. */
  "16 at once": async (keeper, rounds) => {
    const times = [];
    for (const round of rounds) {
      times.push(...(await Promise.all(round.blocks.map((block) => durable(keeper, block)))));
      await moveAnchor(keeper, round);
    }
    return median(times);
  },
  /** Blocks in a second. */
  flood: async (keeper, rounds, { inFlight }) => {
    const blocks = rounds.flatMap((round) => round.blocks.map((block) => ({ block, round })));
    const durableOf = new Map(rounds.map((round) => [round, 0]));
    let at = 0;
    const began = performance.now();
    const push = async () => {
      while (at < blocks.length) {
        const { block, round } = blocks[at++];
        await durable(keeper, block);
        const count = durableOf.get(round) + 1;
        durableOf.set(round, count);
        if (count === LANES && isAnchored(round)) await keeper.pushAnchor(round.anchor);
      }
    };
    await Promise.all(Array.from({ length: inFlight }, push));
    return blocks.length / ((performance.now() - began) / 1000);
  },
};

/** The same messages as in `phases`, and the same figures, of an echo. */
const echoes = {
  "one by one": async (echo, message, { rounds }) => {
    const times = [];
    for (let at = 0; at < rounds * LANES; at++) times.push(await echo.run(message, 1, 1));
    return median(times);
  },
  "16 at once": async (echo, message, { rounds }) => {
    const times = [];
    for (let at = 0; at < rounds; at++) times.push(await echo.run(message, LANES, LANES));
    return median(times);
  },
  flood: async (echo, message, { rounds, inFlight }) => {
    const count = rounds * LANES;
    return count / ((await echo.run(message, count, inFlight)) / 1000);
  },
};

async function durable(keeper, { lane, number, bytes }) {
  const began = performance.now();
  const { status, reason } = await keeper.pushBlock(bytes);
  if (status !== "admitted") throw new Error(reason);
  await keeper.waitForBlock(lane, number);
  return performance.now() - began;
}

const isAnchored = ({ number }) => number % ANCHOR_ROUNDS === 0n;

/** Not timed. */
async function moveAnchor(keeper, round) {
  if (!isAnchored(round)) return;
  await keeper.pushAnchor(round.anchor);
  await keeper.waitForAnchor(round.number);
}

/** Milliseconds of the median scrape of a store that has a block in each of many lanes. */
async function scraped(directory) {
  const lanes = SCRAPED_LANES;
  return await withService(join(directory, "scraped"), lanes, async (client, { admin }) => {
    const [round] = new Traffic(epochOf(lanes)).rounds(1, 300);
    await Promise.all(round.blocks.map((block) => durable(client, block)));
    const times = [];
    for (let scrape = 0; scrape < SCRAPES; scrape++) {
      const began = performance.now();
      const answer = await fetch(`${admin}/metrics`);
      const text = await answer.text();
      times.push(performance.now() - began);
      if (!answer.ok) throw new Error(text);
    }
    return median(times);
  });
}

/** Runs `work` with a client of a service in a process of its own; `figures` asks that process. */
async function withService(directory, lanes, work) {
  mkdirSync(directory);
  const child = fork(served, [directory, String(lanes)]);
  const exit = once(child, "exit");
  try {
    const [{ target, admin }] = await Promise.race([once(child, "message"), failed(exit)]);
    const client = await LanekeeperClient.connect(target, { writer: "bench" });
    const figures = async () => {
      child.send("figures");
      const [answer] = await once(child, "message");
      return answer;
    };
    const result = await work(client, { admin, figures });
    await client.close();
    return result;
  } finally {
    if (child.connected) child.disconnect();
    await exit;
  }
}

async function failed(exit) {
  const [code] = await exit;
  throw new Error(`the service ended with ${code}`);
}

function rowOf({ phase, recordBytes, inFlight = 1, wanted }, results, heldMs) {
  const library = median(results.library);
  const service = median(results.service);
  const echo = median(results.echo);
  const ratio = service / library;
  const common = { phase, recordBytes, library, service, echo, ratio, wanted, heldMs };
  return phase === "flood" ? { ...common, inFlight } : common;
}

function lineOf({ phase, recordBytes, inFlight, library, service, echo, ratio, wanted, heldMs }) {
  const isFlood = phase === "flood";
  const mbs = (rate) => `${((rate * recordBytes) / 1e6).toFixed(1)} MB/s`;
  const form = (value) =>
    isFlood ? `${value.toFixed(0)} blocks/s = ${mbs(value)}` : `${value.toFixed(3)} ms`;
  const name = isFlood ? `${inFlight} in flight` : `p50, ${phase}`;
  const bound = isFlood ? "at least" : "at most";
  return (
    `${String(recordBytes).padStart(6)} B  ${name.padEnd(16)} library ${form(library)}  ` +
    `service ${form(service)}  ${ratio.toFixed(2)}x (wanted ${bound} ${wanted}x)  ` +
    `bare grpc-js ${form(echo)}  ` +
    `loop held p99 ${heldMs.p99.toFixed(1)}, max ${heldMs.max.toFixed(1)} ms`
  );
}

function lineOfProcess({ rssMiB, heldMs, scrapeMs }) {
  return (
    `service: ${rssMiB.toFixed(0)} MiB at most (wanted ${limits.rssMiB}), loop held ` +
    `${heldMs.toFixed(1)} ms at most (wanted ${limits.heldMs}), scrape of ${SCRAPED_LANES} lanes ` +
    `${scrapeMs.toFixed(1)} ms (wanted ${limits.scrapeMs})`
  );
}

function median(values) {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}
