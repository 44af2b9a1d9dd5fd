/**
 * The wire against its baselines: protobufjs' static code for reading and writing, `@noble/curves`
 * and a single thread for signatures. Baseline and ours take turns, sample by sample, in one
 * process; each figure is the median of its samples.
 */
import { createHash, randomBytes } from "node:crypto";
import { readSignedBlockHeader } from "../../dist/wire/codec/block-header.js";
import { buildBlock, signBlock } from "../../dist/wire/build.js";
import { buildCommitQC } from "../../dist/testing/certificates.js";
import { Committee } from "../../dist/wire/committee.js";
import { decodeCommitQC, decodeSignedBlock } from "../../dist/wire/codec/decode.js";
import { verifySlowly } from "../../dist/wire/signatures/ed25519.js";
import { keyPairFromSeed } from "../../dist/wire/signatures/signer.js";
import { encodeCommitQC, encodeSignedBlock } from "../../dist/wire/codec/encode.js";
import { commitVoteDigest } from "../../dist/wire/hash.js";
import { Verifier } from "../../dist/wire/verifier.js";
import { verifyCommitQC } from "../../dist/wire/rules/verify.js";
import { autobahn } from "./generated/autobahn.js";

const KEYS = 100;
const QUORUM = 67;
/** 64 KiB in all: 262 transactions of 249 bytes, as transfers are. */
const TXS = 262;
const TX_BYTES = 249;
/** Different ones, 16 MiB together, as recovery meets them: not in the processor's cache. */
const BLOCKS = 256;
/** Blocks are encoded when they were just made, and their payloads hashed: a few, in the cache. */
const FRESH_BLOCKS = 8;
const WARM_UP_MS = 300;
const SAMPLES = 200;
/** A sample makes as many calls as take about this long. */
const SAMPLE_MS = 0.5;

const keys = Array.from({ length: KEYS }, (_, index) => keyPairFromSeed(sha256(`key ${index}`)));
const committee = Committee.genesis(keys.map(({ publicKey }) => ({ key: publicKey, weight: 1n })));
const epoch = { index: 0n, firstRoad: 0n, nextRoad: 1000n, committee };

/** Prints each row as it comes, and returns all: microseconds, and how many times faster ours is. */
export async function benchWire(print) {
  const rows = [];
  for (const measures of [readingAndWriting(), verifying(), batches()]) {
    for (const measure of measures) {
      const row = await compare(measure);
      print(row);
      rows.push(row);
    }
  }
  return rows;
}

function* readingAndWriting() {
  const made = Array.from({ length: BLOCKS }, (_, index) => makeBlock(BigInt(index)));
  // Records are parts of what was read from disk in one piece, and transactions views of them.
  const encoded = Buffer.concat(made.map(encodeSignedBlock));
  const length = encoded.length / BLOCKS;
  const records = made.map((_, at) => encoded.subarray(at * length, (at + 1) * length));
  const fresh = records.slice(0, FRESH_BLOCKS);
  const messages = fresh.map((record) => autobahn.SignedBlock.decode(record));
  const blocks = fresh.map(decodeSignedBlock);
  yield {
    name: `header of a 64 KiB block, ${TXS} transactions`,
    baseline: [
      "protobufjs, decode",
      each(records, (record) => autobahn.SignedBlock.decode(record)),
    ],
    ours: each(records, readSignedBlockHeader),
    target: 20,
  };
  yield {
    name: "encode the block",
    baseline: [
      "protobufjs, encode",
      each(messages, (m) => autobahn.SignedBlock.encode(m).finish()),
    ],
    ours: each(blocks, encodeSignedBlock),
    target: 3,
  };
  yield {
    name: "decode the block",
    baseline: [
      "protobufjs, decode",
      each(records, (record) => autobahn.SignedBlock.decode(record)),
    ],
    ours: each(records, decodeSignedBlock),
  };
  for (const lanes of [16, KEYS]) {
    const proposal = makeProposal(0n, lanes);
    const qc = encodeCommitQC({ vote: proposal, sigs: [] });
    const message = { commitVote: autobahn.CommitQC.decode(qc).vote };
    yield {
      name: `digest of a proposal, ${lanes} lane ranges`,
      baseline: ["protobufjs and SHA-256", () => sha256(autobahn.Msg.encode(message).finish())],
      ours: () => commitVoteDigest(proposal),
    };
  }
  const qc = buildCommitQC(makeProposal(0n, KEYS), keys.slice(0, QUORUM));
  const bytes = Buffer.from(encodeCommitQC(qc));
  const message = autobahn.CommitQC.decode(bytes);
  yield {
    name: `decode a commit QC, ${QUORUM} signatures, ${KEYS} ranges`,
    baseline: ["protobufjs, decode", () => autobahn.CommitQC.decode(bytes)],
    ours: () => decodeCommitQC(bytes),
  };
  yield {
    name: "encode the commit QC",
    baseline: ["protobufjs, encode", () => autobahn.CommitQC.encode(message).finish()],
    ours: () => encodeCommitQC(qc),
  };
}

function* verifying() {
  const qc = buildCommitQC(makeProposal(0n, 16), keys.slice(0, QUORUM));
  const nobleAlone = () => {
    const digest = commitVoteDigest(qc.vote);
    for (const sig of qc.sigs) if (!verifySlowly(digest, sig)) throw new Error("it is valid");
  };
  yield {
    name: `verify a commit QC, ${QUORUM} signatures`,
    baseline: ["noble alone", nobleAlone],
    ours: () => verifyCommitQC(qc, epoch),
    target: 8,
    samples: 15,
  };
  const verifier = new Verifier({ worker: "none" });
  yield {
    name: "verify it once more",
    baseline: ["each signature anew", () => verifyCommitQC(qc, epoch)],
    ours: () => verifier.verifyCommitQC(qc, epoch),
    samples: 30,
  };
}

/** 500 signatures that wait at once: five commit QCs that everybody signed. */
function* batches() {
  const qcs = [1n, 2n, 3n, 4n, 5n].map((road) => buildCommitQC(makeProposal(road, 16), keys));
  const all = (verifier) => Promise.all(qcs.map((qc) => verifier.verifyCommitQC(qc, epoch)));
  const forgetful = (options) => new Verifier({ knownMax: 0, ...options });
  const oneThread = forgetful({ worker: "none" });
  const twoThreads = forgetful({});
  const holds = [];
  yield {
    name: "500 signatures, both cores",
    baseline: ["one thread", () => all(oneThread)],
    ours: () => withLongestHold(() => all(twoThreads), holds),
    samples: 15,
    after: () => {
      holds.sort((a, b) => a - b);
      return twoThreads.close();
    },
    extra: () => ({ holdMs: { p50: holds[holds.length >> 1], max: holds.at(-1) } }),
  };
}

/** Adds to `holds` for how long the event loop was held at most, in milliseconds. */
async function withLongestHold(work, holds) {
  let longest = 0;
  let lastMs = performance.now();
  let isOver = false;
  const look = () => {
    const nowMs = performance.now();
    longest = Math.max(longest, nowMs - lastMs);
    lastMs = nowMs;
    if (!isOver) setImmediate(look);
  };
  setImmediate(look);
  await work();
  isOver = true;
  holds.push(longest);
}

async function compare({ name, baseline: [baselineName, baseline], ours, ...options }) {
  const { target, samples = SAMPLES, after, extra } = options;
  const sides = [];
  for (const call of [baseline, ours]) sides.push({ call, calls: await warmUp(call), times: [] });
  for (let sample = 0; sample < samples; sample++) {
    for (const side of sides) side.times.push(await timeOf(side.call, side.calls));
  }
  await after?.();
  const [baselineUs, oursUs] = sides.map(({ times }) => median(times));
  const ratio = baselineUs / oursUs;
  return { name, baseline: baselineName, baselineUs, oursUs, ratio, target, ...extra?.() };
}

/** Calls until code is compiled, and returns how many calls make a sample. */
async function warmUp(call) {
  for (const end = performance.now() + WARM_UP_MS; performance.now() < end; ) await call();
  const us = await timeOf(call, 10);
  return Math.max(1, Math.round((1000 * SAMPLE_MS) / us));
}

/** Microseconds of one call, of `calls` in a row. */
async function timeOf(call, calls) {
  const began = performance.now();
  for (let count = 0; count < calls; count++) {
    const result = call();
    if (result instanceof Promise) await result;
  }
  return (1000 * (performance.now() - began)) / calls;
}

function median(values) {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}

/** Calls `use` with one item after the other, and from the first again. */
function each(items, use) {
  let at = 0;
  return () => {
    at = (at + 1) % items.length;
    return use(items[at]);
  };
}

function makeBlock(number) {
  const { lane } = committee.members[0];
  const payload = {
    createdAt: { seconds: 1_700_000_000n, nanos: 5 },
    txs: Array.from({ length: TXS }, () => new Uint8Array(randomBytes(TX_BYTES))),
    totalGasWanted: 21_000n,
    totalGasEstimated: 21_000n,
  };
  const place = { lane, blockNumber: number + 1000n, parentHash: sha256(`${number}`) };
  return signBlock(buildBlock({ ...place, payload }), keys[0]);
}

function makeProposal(road, lanes) {
  return {
    view: { index: road, number: 0n, epochIndex: 0n },
    timestamp: { seconds: 1_700_000_000n, nanos: 7 },
    laneRanges: committee.members.slice(0, lanes).map(({ lane }) => ({
      lane,
      first: 1000n + road,
      next: 1001n + road,
      lastHash: sha256(`${lane} ${road}`),
    })),
    globalFirst: 16_000n,
  };
}

function sha256(bytes) {
  return createHash("sha256").update(bytes).digest();
}
