/**
 * A committee of four processes on this machine, nobody killed: rounds per second, where the CPU time
 * goes, how often a signature is verified, and how soon votes leave behind their own durable write.
 *
 * CPU time is that of whole processes, from when all are live. Of the main threads a sampling profile
 * says where it went; what other threads used (writes, flushes, garbage collection) is counted as
 * persisting, so that this share is an upper bound.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Network } from "../dist/devnet/network.js";

const script = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
const VALIDATORS = 4;
const PAYLOAD_BYTES = 16 * 1024;
const SETTLE_MS = 300;

/** Which folder's work a frame belongs to, by the file it is in; the first that fits. */
const parts = [
  ["persisting", /\/dist\/(journal|log|persist|avail|disk|node|codec)\//],
  ["verifying and encoding", /\/dist\/wire\/|noble|sodium/],
  ["protocol", /\/dist\/(devnet|cli|types)\//],
];

/** Runs for `seconds`; returns what was measured. */
export async function benchDevnet({ seconds = 10 } = {}) {
  const directory = mkdtempSync(join(tmpdir(), "lanekeeper-bench-devnet-"));
  try {
    return await measure(directory, seconds);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function measure(directory, seconds) {
  const profiles = join(directory, "profiles");
  const stop = new AbortController();
  const clockMs = () => performance.now();
  const options = {
    validators: VALIDATORS,
    payload: PAYLOAD_BYTES,
    kills: 0,
    powerCuts: 0,
    seed: 1,
  };
  const network = new Network(
    { ...options, seconds: seconds + 60 },
    {
      directory,
      clockMs,
      fraction: () => 0.5,
      signal: stop.signal,
      programOf: () => ({
        args: ["--cpu-prof", `--cpu-prof-dir=${profiles}`, script, "devnet-validator"],
      }),
    },
  );
  const startMs = clockMs();
  const done = network.run();
  const before = await whenLive(network);
  const skipMs = clockMs() - startMs;
  await sleep(seconds * 1000);
  const after = look(network);
  // Ended like this the processes close, and write their profiles.
  stop.abort();
  await done;
  if (network.judge.violations.length > 0) throw new Error("the judge found a violation");
  const samples = readdirSync(profiles).map((name) => join(profiles, name));
  return summary({ before, after, profile: sharesOf(samples, skipMs), seconds });
}

async function whenLive(network) {
  while (network.elapsedMs < SETTLE_MS) await sleep(20);
  return look(network);
}

function look({ seats, executedNext }) {
  const stats = seats.map((seat) => seat.stats);
  const sum = (of) => stats.reduce((total, each) => total + Number(of(each)), 0);
  return {
    roads: Number(executedNext),
    blocks: sum(({ laneNext }) => laneNext),
    cpuMs: sum(({ cpuMs }) => cpuMs),
    roadQCs: sum(({ road }) => road),
    storeSignatures: sum(({ storeVerified }) => storeVerified.signatures),
    knownQCs: sum(({ storeVerified }) => storeVerified.known),
    ownSignatures: sum(({ ownVerified, votesVerified }) => ownVerified.signatures + votesVerified),
    durableMs: mean(stats.map(({ durableMsP50 }) => durableMsP50)),
    voteMs: mean(stats.map(({ voteMsP50 }) => voteMsP50)),
    voteStateMs: mean(stats.map(({ voteStateMsP50 }) => voteStateMsP50)),
  };
}

function summary({ before, after, profile, seconds }) {
  const per = (name) => after[name] - before[name];
  const mainMs = Object.values(profile).reduce((total, ms) => total + ms, 0);
  const otherThreadsMs = Math.max(0, per("cpuMs") - mainMs);
  const total = Math.max(per("cpuMs"), mainMs);
  return {
    roundsPerSecond: per("roads") / seconds,
    blocksPerSecond: per("blocks") / seconds,
    cpuMsPerRound: per("cpuMs") / per("roads"),
    cpuShares: {
      persisting: (profile.persisting + otherThreadsMs) / total,
      ...Object.fromEntries(
        Object.entries(profile)
          .filter(([name]) => name !== "persisting")
          .map(([name, ms]) => [name, ms / total]),
      ),
    },
    /** Of a validator: its store verifies each commit QC and each app QC once, three signatures. */
    storeSignaturesPerCommitQC: per("storeSignatures") / per("roadQCs"),
    ownSignaturesPerCommitQC: per("ownSignatures") / per("roadQCs"),
    durableMs: after.durableMs,
    voteMs: after.voteMs,
    voteStateMs: after.voteStateMs,
    voteOverDurable: after.voteMs / after.durableMs,
  };
}

/** Milliseconds of the main threads by part, without what was idle or before `skipMs`. */
function sharesOf(files, skipMs) {
  const shares = { persisting: 0, "verifying and encoding": 0, protocol: 0, "node and system": 0 };
  for (const file of files) {
    const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(file, "utf8"));
    const partOf = partsByNode(nodes);
    let atMs = 0;
    for (const [index, id] of samples.entries()) {
      const deltaMs = timeDeltas[index] / 1000;
      atMs += deltaMs;
      const part = partOf.get(id);
      if (atMs > skipMs && part !== undefined) shares[part] += deltaMs;
    }
  }
  return shares;
}

/** What is called by a part, and is of no other, is that part's work. */
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

function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
