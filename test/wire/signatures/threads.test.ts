/**
 * Without a second thread, in a bundle, and beside another copy of the package, everything verifies all
 * the same. Each program runs in a process of its own, from compiled sources or from a bundle.
 */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { Lanekeeper } from "../../../src/node/lanekeeper.js";
import { commitVoteDigest } from "../../../src/wire/hash.js";
import type { CommitQC } from "../../../src/wire/messages.js";
import { Batch } from "../../../src/wire/signatures/batch.js";
import { certificateClaim } from "../../../src/wire/signatures/claim.js";
import { Threads } from "../../../src/wire/signatures/threads.js";
import { isVerifier, Verifier } from "../../../src/wire/verifier.js";
import { isVerifyError } from "../../../src/wire/verify-error.js";
import { type BundleForm, writeBundle } from "../../bundler.js";
import * as kit from "./verifier-kit.js";

const compiled = await kit.compile();
afterAll(compiled.remove);

/** Verifies three certificates of 100 signatures at once, again and again, and tells its counts. */
const program = `
  const keys = Array.from({ length: 100 }, (_, index) => keyPairFromSeed(new Uint8Array(32).fill(index)));
  const committee = Committee.genesis(keys.map(({ publicKey }) => ({ key: publicKey, weight: 1n })));
  const hash = new Uint8Array(32);
  const qcs = [1n, 2n, 3n].map((blockNumber) => {
    const vote = { lane: committee.members[0].lane, blockNumber, parentHash: hash, payloadHash: hash };
    return { vote, sigs: keys.map((each) => each.sign(laneVoteDigest(vote))) };
  });
  const verifier = new Verifier({ knownMax: 0 });
  const all = () => Promise.all(qcs.map((qc) => verifier.verifyLaneQC(qc, committee)));
  all().then(all).then(all).then(all).then(() => {
    const { signatures, byWorker, workerDeaths } = verifier.counts;
    console.log(JSON.stringify({ signatures, byWorker, workerDeaths }));
  });
`;
const imports = `
  import { Verifier } from "./wire/verifier.js";
  import { Committee } from "./wire/committee.js";
  import { laneVoteDigest } from "./wire/hash.js";
  import { keyPairFromSeed } from "./wire/signatures/signer.js";
`;

function countsOf(script: string, ...flags: readonly string[]): unknown {
  const args = ["--no-warnings", ...flags, script];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8", timeout: 60_000 }));
}

const main = fileURLToPath(kit.programOf(compiled.directory, "main.mjs", imports + program));
const alone = { signatures: 1200, byWorker: 0 };

describe("where no thread can be had, one thread verifies everything", () => {
  it("a constructor that throws counts as a death", async () => {
    // Node starts workers from files alone, and says so at once.
    const worker = new URL("https://localhost/worker.js");
    await using verifier = new Verifier({ worker, knownMax: 0 });
    const qcs = [1n, 2n, 3n].map((road) => kit.commitQC(road));
    for (let tries = 0; tries < 4; tries++) {
      const verified = qcs.map((qc) => verifier.verifyCommitQC(qc, kit.epoch));
      await expect(Promise.all(verified)).resolves.toHaveLength(3);
    }
    expect(verifier.counts).toMatchObject({ byWorker: 0, workerDeaths: 3 });
  });

  it("the system has no thread left", () => {
    const text = `
      const threads = require("node:worker_threads");
      threads.Worker = class {
        constructor() { throw Object.assign(new Error("EAGAIN"), { code: "ERR_WORKER_INIT_FAILED" }); }
      };
      require("node:module").syncBuiltinESMExports();
    `;
    const preload = fileURLToPath(kit.programOf(compiled.directory, "no-worker.cjs", text));
    expect(countsOf(main, "--require", preload)).toEqual({ ...alone, workerDeaths: 3 });
  });

  it("Node's permission model allows none", () => {
    const flag =
      Number(process.versions.node.split(".")[0]) < 23
        ? "--experimental-permission"
        : "--permission";
    const flags = [flag, "--allow-fs-read=*", "--allow-addons"];
    expect(countsOf(main, ...flags)).toEqual({ ...alone, workerDeaths: 3 });
  });
});

describe("a worker that is to do all", () => {
  it("leaves nothing to the calling thread once it runs, and finds the first bad signature", async () => {
    const program = pathToFileURL(
      join(compiled.directory, "wire", "signatures", "verify-worker.js"),
    );
    const threads = new Threads(program, { checksMin: 1, part: "all" });
    const checksOfQC = (qc: CommitQC): Batch => {
      const claim = certificateClaim(commitVoteDigest(qc.vote), qc.sigs, kit.committee, 67n);
      return new Batch(claim.checks);
    };
    try {
      while (threads.byWorker === 0) await threads.firstBad(checksOfQC(kit.commitQC(1n)));
      const before = threads.byWorker;
      const qcs = [2n, 3n].map((road) => kit.commitQC(road));
      const all = qcs.map((qc) => threads.firstBad(checksOfQC(qc)));
      expect(await Promise.all(all)).toEqual([undefined, undefined]);
      expect(threads.byWorker - before).toBe(2 * 99);
      const bad = checksOfQC(kit.withBadSignature(kit.commitQC(4n), 70));
      expect(await threads.firstBad(bad)).toBe(bad.checks[70]);
    } finally {
      await threads.close(new Error("the test has ended"));
    }
  });
});

describe("in a bundle, where the worker's program is not beside", () => {
  it.each<[string, BundleForm]>([
    ["as an ES module", { format: "esm" }],
    ["as CommonJS", { format: "cjs" }],
    [
      "as CommonJS whose modules do not know their place",
      { format: "cjs", define: { "import.meta.url": "undefined" } },
    ],
  ])("%s it loads, and verifies", async (name, form) => {
    const file = `bundle-${name.length}.${form.format === "cjs" ? "cjs" : "mjs"}`;
    const path = join(compiled.directory, file);
    await writeBundle(main, path, form);
    expect(countsOf(path)).toEqual({ ...alone, workerDeaths: 0 });
  });
});

describe("two copies of the package in one process", () => {
  const other = async () => {
    const at = (name: string) => pathToFileURL(join(compiled.directory, "wire", name)).href;
    return (await import(at("verifier.js"))) as { Verifier: typeof Verifier };
  };

  it("a verifier of the other copy is one", async () => {
    const { Verifier: Theirs } = await other();
    await using theirs = new Theirs({ worker: "none" });
    expect(theirs).not.toBeInstanceOf(Verifier);
    expect(isVerifier(theirs)).toBe(true);
    await theirs.verifyCommitQC(kit.commitQC(1n), kit.epoch);
    const bad = theirs.verifyCommitQC(kit.withBadSignature(kit.commitQC(2n), 3), kit.epoch);
    const cause: unknown = await bad.catch((error: unknown) => error);
    expect(cause).toMatchObject({ code: "INVALID", errorClass: "bad_signature" });
    expect(isVerifyError(cause)).toBe(true);
  });

  it("a store takes it, and refuses as with its own", async () => {
    const { Verifier: Theirs } = await other();
    await using verifier = new Theirs({ worker: "none" });
    const epochOf = (): typeof kit.epoch => kit.epoch;
    await using keeper = await Lanekeeper.openMemory({ chainId: "copies", epochOf, verifier });
    await keeper.pushCommitQC(kit.commitQC(0n));
    await keeper.waitForCommitQC(0n);
    const bad = keeper.pushCommitQC(kit.withBadSignature(kit.commitQC(1n), 3));
    await expect(bad).rejects.toMatchObject({ code: "INVALID", roadIndex: 1n });
    expect(verifier.counts.signatures).toBeGreaterThan(0);
  });

  it("a proxy of a verifier is none: it could verify nothing", async () => {
    await using verifier = new Verifier({ worker: "none" });
    expect(isVerifier(new Proxy(verifier, {}))).toBe(false);
    expect([undefined, null, {}, "verifier", 1n, Verifier].map(isVerifier)).not.toContain(true);
  });
});
