/**
 * Archiving and proving blocks of 64 KiB: how fast, at what cost of this process's processor, and with how much
 * memory; against a plain copy of the same bytes into the same place. To a folder, and to a server of object
 * storage in a process of its own on this machine, which keeps objects in memory and compares their checksums, as
 * object storage does.
 *
 * As a program of its own (`node archive.mjs serve`) it is that server, and prints its port.
 */
import { spawn } from "node:child_process";
import { hash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { getHeapStatistics } from "node:v8";
import { ObjectMemory } from "../../../dist/archive/form/object-memory.js";
import { openBucket } from "../../../dist/archive/open-bucket.js";
import { LogChain } from "../../../dist/archive/reading/log-chain.js";
import { verifyLog } from "../../../dist/archive/reading/verify.js";
import { LogWriter } from "../../../dist/archive/writing/log-writer.js";
import { buildBlock, signBlock } from "../../../dist/wire/build.js";
import { encodeSignedBlock } from "../../../dist/wire/codec/encode.js";
import { Committee } from "../../../dist/wire/committee.js";
import { headerHash } from "../../../dist/wire/hash.js";
import { keyPairFromSeed } from "../../../dist/wire/signatures/signer.js";

const MIB = 1024 * 1024;
const OBJECT_BYTES = 8 * MIB;
const CHAIN_ID = "bench";
const self = fileURLToPath(import.meta.url);

/** A lane of `count` signed blocks of `bytes` each, and its committee. */
function laneOf(count, bytes) {
  const keys = keyPairFromSeed(new Uint8Array(32).fill(5));
  const committee = Committee.genesis([{ key: keys.publicKey, weight: 1n }]);
  const [{ lane }] = committee.members;
  const tx = new Uint8Array(bytes).fill(7);
  const createdAt = { seconds: 0n, nanos: 0 };
  const payload = { createdAt, txs: [tx], totalGasWanted: 0n, totalGasEstimated: 0n };
  const records = [];
  let parentHash = new Uint8Array(32);
  for (let blockNumber = 0n; blockNumber < BigInt(count); blockNumber++) {
    const block = buildBlock({ lane, blockNumber, parentHash, payload });
    parentHash = headerHash(block.header);
    records.push(encodeSignedBlock(signBlock(block, keys)));
  }
  const epoch = { index: 0n, firstRoad: 0n, nextRoad: 2n ** 63n, committee };
  return { lane, records, epochOf: (index) => (index === 0n ? epoch : undefined) };
}

export async function benchArchive({ mib }) {
  const lane = laneOf((mib * MIB) / (64 * 1024), 64 * 1024 - 300);
  const folder = mkdtempSync(join(tmpdir(), "lanekeeper-bench-"));
  const server = spawn(process.execPath, [self, "serve"], { stdio: ["ignore", "pipe", "inherit"] });
  try {
    const port = await new Promise((done) => server.stdout.once("data", (text) => done(+text)));
    const credentials = () => ({ accessKeyId: "a", secretAccessKey: "s" });
    const copyMs = await copied(lane.records, join(folder, "copy"));
    const rows = [];
    for (const [what, address] of [
      ["folder", `file://${folder}/bucket`],
      ["server", `s3://bench/?endpoint=http://127.0.0.1:${port}`],
    ]) {
      const bucket = await openBucket(address, { credentials });
      // The first object costs what is loaded and compiled once in the life of a store.
      await writeAll(bucket, { ...lane, chainId: "warm", records: lane.records.slice(0, 128) });
      const written = await measured(() => writeAll(bucket, lane));
      const proven = await measured(() => proveAll(bucket, lane));
      rows.push({
        what,
        mib,
        copyMBs: (mib * 1.048576) / (copyMs / 1000),
        ...cost("archive", written, mib),
        ...cost("verify", proven, mib),
      });
      await bucket.close();
    }
    return rows;
  } finally {
    server.kill();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function copied(records, file) {
  const began = performance.now();
  const handle = await open(file, "w");
  for (const record of records) await handle.write(record);
  await handle.datasync();
  await handle.close();
  return performance.now() - began;
}

async function writeAll(bucket, { lane, records, chainId = CHAIN_ID }) {
  const source = {
    chainId,
    async *read(_, { from }) {
      for (let at = Number(from); at < records.length; at++) {
        yield { number: BigInt(at), bytes: records[at] };
      }
    },
  };
  const chain = new LogChain(bucket, { chainId, log: lane, ring: undefined });
  const packing = () => ({ compression: "none", key: undefined });
  const parts = {
    source,
    bucket,
    chain,
    packing,
    objectBytes: OBJECT_BYTES,
    memory: new ObjectMemory(),
  };
  const writer = new LogWriter(parts, undefined);
  const first = BigInt(records.length);
  const state = { log: lane, first, retained: () => [{ from: 0n, next: first }] };
  while ((await writer.step(state, {})).did !== "nothing");
}

async function proveAll(bucket, { lane, records, epochOf }) {
  const chainOf = (log) => new LogChain(bucket, { chainId: CHAIN_ID, log, ring: undefined });
  const { next } = await verifyLog(
    { bucket, chain: chainOf(lane), road: chainOf("road") },
    { epochOf },
  );
  if (next !== BigInt(records.length)) throw new Error("the archive is not whole");
}

/** Bytes outside the heap of JavaScript: to ask V8 alone costs nothing, and `process.memoryUsage` reads /proc. */
function externalBytes() {
  return getHeapStatistics().external_memory;
}

/** The time, the processor's time of this process, and the bytes beyond those at the begin. */
async function measured(work) {
  const before = externalBytes();
  let most = before;
  const timer = setInterval(() => (most = Math.max(most, externalBytes())), 25);
  const cpu = process.cpuUsage();
  const began = performance.now();
  await work();
  const ms = performance.now() - began;
  const { user, system } = process.cpuUsage(cpu);
  clearInterval(timer);
  return { ms, cpuMs: (user + system) / 1000, extraBytes: most - before };
}

/** `cores`: of this process at 100 MB/s. */
function cost(name, { ms, cpuMs, extraBytes }, mib) {
  const megabytes = mib * 1.048576;
  return {
    [`${name}MBs`]: megabytes / (ms / 1000),
    [`${name}Cores`]: (cpuMs / 1000 / megabytes) * 100,
    [`${name}Objects`]: extraBytes / OBJECT_BYTES,
  };
}

function serve() {
  const objects = new Map();
  const server = createServer((request, response) => {
    const chunks = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => answer(objects, request, { response, chunks }));
  });
  server.listen(0, "127.0.0.1", () => console.log(server.address().port));
}

function answer(objects, request, { response, chunks }) {
  const { pathname, searchParams } = new URL(request.url, "http://bench");
  if (request.method === "PUT") {
    const isHeld = objects.has(pathname);
    const bytes = Buffer.concat(chunks);
    const sum = hash("sha256", bytes, "base64");
    const isWrong = sum !== request.headers["x-amz-checksum-sha256"];
    if (!isHeld && !isWrong) objects.set(pathname, { bytes, sum });
    const status = isHeld ? 412 : isWrong ? 400 : 200;
    response.writeHead(status, { etag: '"bench"' }).end(isWrong ? "BadDigest" : "");
  } else if (searchParams.has("list-type")) {
    const prefix = `/bench/${searchParams.get("prefix")}`;
    const keys = [...objects.keys()].filter((key) => key.startsWith(prefix)).sort(byText);
    const listed = keys.map((key) => {
      return `<Contents><Key>${key.slice("/bench/".length)}</Key><Size>1</Size></Contents>`;
    });
    response.end(`<ListBucketResult>${listed.join("")}</ListBucketResult>`);
  } else {
    const held = objects.get(pathname);
    if (!held) response.writeHead(404).end();
    else {
      const { bytes, sum } = held;
      const headers = { etag: '"bench"', "x-amz-checksum-sha256": sum };
      response.writeHead(200, { ...headers, "content-length": bytes.length });
      response.end(request.method === "HEAD" ? undefined : bytes);
    }
  }
}

function byText(a, b) {
  return a < b ? -1 : 1;
}

if (process.argv[1] === self && process.argv[2] === "serve") serve();
