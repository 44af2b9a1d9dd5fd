/**
 * A committee of four processes on this machine, nobody killed: rounds per second, where the CPU time
 * goes, how often a signature is verified, and how soon votes leave behind their own durable write.
 *
 * A baseline tells the cost of persisting: the same committee with stores that persist nothing,
 * and else do the same. Both run side by side, since the worth of a millisecond of a core changes from
 * one to the next. CPU time is that of whole processes, all threads and the system's part of it
 * included, per round, once the code is warm. A profile of one committee alone says what the rest is;
 * it counts a thread that waits for a core as busy, and so tells shares of the main threads roughly.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Network } from "../../../dist/devnet/network/network.js";

const VALIDATORS = 4;
const PAYLOAD_BYTES = 16 * 1024;
const WARM_MS = 5000;

const committees = {
  persisted: [pathOf("../../../dist/cli/devnet/validator.js")],
  unpersisted: [pathOf("./unpersisted.mjs")],
};

/** The part that a frame belongs to, by the folder of its file; the first that fits. */
const parts = [
  ["persisting", /\/dist\/(journal|log|persist|disk)\//],
  ["admission", /\/dist\/(avail|node|codec)\//],
  ["verifying and encoding", /\/dist\/wire\/|noble|sodium/],
  ["protocol", /\/dist\/(devnet|cli|types)\//],
];

/** Measures for `seconds`, twice: one committee alone, then it and the baseline side by side. */
export async function benchDevnet({ seconds = 10 } = {}) {
  const alone = await run("persisted", { seconds, profiles: true });
  const [persisted, unpersisted] = await Promise.all([
    run("persisted", { seconds: seconds * 2 }),
    run("unpersisted", { seconds: seconds * 2 }),
  ]);
  return {
    ...alone,
    voteOverDurable: alone.voteMs / alone.durableMs,
    cpuMsPerRoundBeside: {
      persisted: persisted.cpuMsPerRound,
      unpersisted: unpersisted.cpuMsPerRound,
    },
    persistingShare: 1 - unpersisted.cpuMsPerRound / persisted.cpuMsPerRound,
  };
}

async function run(name, { seconds, profiles = false }) {
  const directory = mkdtempSync(join(tmpdir(), "lanekeeper-bench-devnet-"));
  try {
    return await measure(directory, { program: committees[name], seconds, profiles });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function measure(directory, { program, seconds, profiles }) {
  const profileDirectory = join(directory, "profiles");
  const stop = new AbortController();
  const clockMs = () => performance.now();
  const options = {
    validators: VALIDATORS,
    payload: PAYLOAD_BYTES,
    kills: 0,
    powerCuts: 0,
    seed: 1,
  };
  const flags = profiles ? ["--cpu-prof", `--cpu-prof-dir=${profileDirectory}`] : [];
  const network = new Network(
    { ...options, seconds: seconds + 60 },
    {
      directory,
      clockMs,
      fraction: () => 0.5,
      signal: stop.signal,
      programOf: () => ({ args: [...flags, ...program] }),
    },
  );
  const startMs = clockMs();
  const done = network.run();
  // The rejection is met below. Until then it must not count as unhandled.
  done.catch(() => undefined);
  await sleep(WARM_MS);
  const skipMs = clockMs() - startMs;
  const before = look(network);
  await sleep(seconds * 1000);
  const after = look(network);
  // Ended like this the processes close, and write their profiles.
  stop.abort();
  await done;
  if (network.judge.violations.length > 0) throw new Error("the judge found a violation");
  const measured = difference(before, after);
  if (!profiles) return measured;
  const files = readdirSync(profileDirectory).map((name) => join(profileDirectory, name));
  return { ...measured, mainThreadShares: sharesOf(files, skipMs) };
}

function look({ seats, executedNext }) {
  const stats = seats.map((seat) => seat.stats);
  const sum = (of) => stats.reduce((total, each) => total + Number(of(each)), 0);
  return {
    atMs: performance.now(),
    roads: Number(executedNext),
    blocks: sum(({ laneNext }) => laneNext),
    cpuMs: sum(({ cpuMs }) => cpuMs),
    roadQCs: sum(({ road }) => road),
    signatures: sum(({ verified }) => verified.signatures),
    knownSignatures: sum(({ verified }) => verified.knownSignatures),
    durableMs: mean(stats.map(({ durableMsP50 }) => durableMsP50)),
    voteMs: mean(stats.map(({ voteMsP50 }) => voteMsP50)),
    voteStateMs: mean(stats.map(({ voteStateMsP50 }) => voteStateMsP50)),
  };
}

function difference(before, after) {
  const per = (name) => after[name] - before[name];
  const seconds = per("atMs") / 1000;
  return {
    roundsPerSecond: per("roads") / seconds,
    blocksPerRound: per("blocks") / per("roads"),
    cpuMsPerRound: per("cpuMs") / per("roads"),
    cores: per("cpuMs") / per("atMs"),
    /** Of a validator, for each commit QC: what was verified, and what it knew from single votes. */
    signaturesPerCommitQC: per("signatures") / per("roadQCs"),
    knownSignaturesPerCommitQC: per("knownSignatures") / per("roadQCs"),
    durableMs: after.durableMs,
    voteMs: after.voteMs,
    voteStateMs: after.voteStateMs,
  };
}

/** Shares of the main threads by part, without idle time and without the first `skipMs`. */
function sharesOf(files, skipMs) {
  const shares = Object.fromEntries([...parts.map(([name]) => [name, 0]), ["node and system", 0]]);
  for (const file of files) {
    const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(file, "utf8"));
    const partOf = partsByNode(nodes);
    let atMs = 0;
    for (const [index, id] of samples.entries()) {
      atMs += timeDeltas[index] / 1000;
      const part = partOf.get(id);
      // One each: a thread that waits for a core is sampled once, however long it waits.
      if (atMs > skipMs && part !== undefined) shares[part] += 1;
    }
  }
  const total = Object.values(shares).reduce((sum, count) => sum + count, 0);
  return Object.fromEntries(Object.entries(shares).map(([name, count]) => [name, count / total]));
}

/** A frame of no part counts for the part that called it. */
function partsByNode(nodes) {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const partOf = new Map();
  const visit = (node, inherited) => {
    const { functionName, url } = node.callFrame;
    const own = parts.find(([, pattern]) => pattern.test(url))?.[0];
    const isIdle = functionName === "(idle)";
    partOf.set(node.id, isIdle ? undefined : (own ?? inherited));
    for (const child of node.children ?? []) visit(byId.get(child), own ?? inherited);
  };
  visit(nodes[0], "node and system");
  return partOf;
}

function pathOf(relative) {
  return fileURLToPath(new URL(relative, import.meta.url));
}

function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
