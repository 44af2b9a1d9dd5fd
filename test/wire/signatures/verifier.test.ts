/** The verifier: the verdicts of the plain functions, remembered, and shared with a worker. */
import { execFileSync } from "node:child_process";
import { pathToFileURL } from "node:url";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { signBlock } from "../../../src/wire/build.js";
import { Committee, type Epoch } from "../../../src/wire/committee.js";
import { commitVoteDigest } from "../../../src/wire/hash.js";
import type { CommitQC, Signature } from "../../../src/wire/messages.js";
import { Verifier, type VerifierOptions } from "../../../src/wire/verifier.js";
import { verifyCommitQC } from "../../../src/wire/rules/verify.js";
import * as kit from "./verifier-kit.js";
import * as s from "../samples.js";

const { epoch } = kit;
const compiled = { directory: "", remove: () => undefined as void };
let program: URL;
const open: Verifier[] = [];

beforeAll(async () => {
  Object.assign(compiled, await kit.compile());
  program = pathToFileURL(join(compiled.directory, "wire/signatures/verify-worker.js"));
});
afterAll(() => compiled.remove());
afterEach(async () => {
  for (const verifier of open.splice(0)) await verifier.close();
});

function verifierWith(options: VerifierOptions = {}): Verifier {
  const verifier = new Verifier(options);
  open.push(verifier);
  return verifier;
}

/** The class or code of what `check` rejects with. */
async function verdictOf(check: Promise<void>): Promise<string> {
  try {
    await check;
    return "accept";
  } catch (error) {
    const { errorClass, code } = error as { errorClass?: string; code?: string };
    return errorClass ?? code ?? String(error);
  }
}

/** Verifies many certificates at once, over and over, until the worker took its part. */
async function untilWorkerHelps(verifier: Verifier): Promise<void> {
  const qcs = [90n, 91n, 92n, 93n].map((road) => kit.commitQC(road));
  while (verifier.counts.byWorker === 0) {
    await Promise.all(qcs.map((qc) => verifier.verifyCommitQC(qc, epoch)));
  }
}

const good = kit.commitQC(1n);
const twice = { ...good, sigs: [...good.sigs.slice(0, 80), ...good.sigs.slice(0, 1)] };
const many: readonly (readonly [string, CommitQC])[] = [
  ["every signature valid", good],
  [
    "a signature that only the slow judge accepts",
    { ...good, sigs: [...good.sigs, kit.slowSignature] },
  ],
  ["the first signature bad", kit.withBadSignature(good, 0)],
  ["one in the middle bad", kit.withBadSignature(good, 50)],
  ["the last one bad", kit.withBadSignature(good, 98)],
  ["below the quorum", { ...good, sigs: good.sigs.slice(0, 66) }],
  ["a signer twice", twice],
  ["a bad signature before a signer who signs twice", kit.withBadSignature(twice, 3)],
  ["a stranger before a bad signature", stranger()],
];

/** Its first signature is nobody's, its last one bad. */
function stranger(): CommitQC {
  const [first, ...rest] = kit.withBadSignature(good, 98).sigs;
  return { ...good, sigs: [{ ...first!, key: s.stranger.publicKey }, ...rest] };
}

describe("the verdict is that of the plain function", () => {
  it.for(many)("%s", async ([, qc]) => {
    const expected = await verdictOf(verifyCommitQC(qc, epoch));
    expect(await verdictOf(verifierWith().verifyCommitQC(qc, epoch))).toBe(expected);
  });

  it("beside a worker, for all of them at once, again and again", async () => {
    const verifier = verifierWith({ worker: program, knownMax: 0 });
    await untilWorkerHelps(verifier);
    const before = verifier.counts.byWorker;
    const expected = await Promise.all(many.map(([, qc]) => verdictOf(verifyCommitQC(qc, epoch))));
    for (let round = 0; round < 3; round++) {
      const verdicts = many.map(([, qc]) => verdictOf(verifier.verifyCommitQC(qc, epoch)));
      expect(await Promise.all(verdicts)).toEqual(expected);
    }
    expect(verifier.counts.byWorker).toBeGreaterThan(before);
  });
});

describe("what was verified", () => {
  it("is looked up the next time", async () => {
    const verifier = verifierWith();
    await verifier.verifyCommitQC(good, epoch);
    expect(verifier.counts).toMatchObject({ known: 0, signatures: 99 });
    await verifier.verifyCommitQC(structuredClone(good), epoch);
    expect(verifier.counts).toMatchObject({ known: 1, signatures: 99 });
  });

  it("is known by digest and signatures, not by one of them", async () => {
    const verifier = verifierWith();
    await verifier.verifyCommitQC(good, epoch);
    await verifier.verifyCommitQC({ ...good, sigs: good.sigs.slice(1) }, epoch);
    expect(await verdictOf(verifier.verifyCommitQC(kit.withBadSignature(good, 9), epoch))).toBe(
      "bad_signature",
    );
    const other = { ...good, vote: { ...good.vote, globalFirst: 2n } };
    expect(await verdictOf(verifier.verifyCommitQC(other, epoch))).toBe("bad_signature");
    const prepared = verifier.verifyPrepareQC(good, epoch);
    expect(await verdictOf(prepared)).toBe("bad_signature");
    expect(verifier.counts.known).toBe(0);
  });

  it("is known of one committee", async () => {
    const verifier = verifierWith();
    await verifier.verifyCommitQC(good, epoch);
    const weights = kit.committee.members.map(({ key, weight }) => ({ key, weight }));
    const same: Epoch = { ...epoch, committee: Committee.genesis(weights) };
    await verifier.verifyCommitQC(good, same);
    expect(verifier.counts.known).toBe(1);
    const heavier = weights.map(({ key }) => ({ key, weight: key[0] === 1 ? 1000n : 1n }));
    const other = { ...epoch, committee: Committee.genesis(heavier) };
    expect(await verdictOf(verifier.verifyCommitQC(good, other))).toBe("quorum");
  });

  it("is known of single votes in the certificate that they end up in", async () => {
    const verifier = verifierWith();
    const digest = commitVoteDigest(good.vote);
    for (const sig of good.sigs.slice(0, 70)) {
      await verifier.verifyVote(sig, digest, epoch.committee);
    }
    expect(verifier.counts).toMatchObject({ known: 0, knownSignatures: 0, signatures: 70 });
    await verifier.verifyCommitQC(good, epoch);
    expect(verifier.counts).toMatchObject({ known: 0, knownSignatures: 70, signatures: 99 });
  });

  it("is known of a block, in turns and at once", async () => {
    const verifier = verifierWith();
    const { committee } = s;
    const signed = signBlock(s.block, s.first);
    verifier.verifySignedBlockAtOnce(signed, committee);
    await verifier.verifySignedBlock(structuredClone(signed), committee);
    verifier.verifySignedBlockAtOnce(signed, committee);
    expect(verifier.counts).toMatchObject({ knownSignatures: 2, signatures: 1 });
    const { payload } = signed.msg;
    const changed = { ...payload, totalGasWanted: payload.totalGasWanted + 1n };
    const other = { ...signed, msg: { ...signed.msg, payload: changed } };
    expect(() => verifier.verifySignedBlockAtOnce(other, committee)).toThrow(/another payload/);
    const bytes = Buffer.from(signed.sig.bytes);
    bytes.writeUInt8(bytes.readUInt8(0) ^ 1);
    const bad = { ...signed, sig: { ...signed.sig, bytes } };
    for (let again = 0; again < 2; again++) {
      expect(() => verifier.verifySignedBlockAtOnce(bad, committee)).toThrow(/signature/);
    }
  });

  it("is known of a vote by its digest, its key and its signature", async () => {
    const verifier = verifierWith();
    const digest = commitVoteDigest(good.vote);
    const [one, two] = good.sigs as [Signature, Signature];
    const { committee } = epoch;
    await verifier.verifyVote(one, digest, committee);
    const others = [
      [one, Buffer.alloc(32, 1)],
      [{ ...one, key: two.key }, digest],
      [{ ...one, bytes: two.bytes }, digest],
    ] as const;
    for (const [sig, over] of others) {
      expect(await verdictOf(verifier.verifyVote(sig, over, committee))).toBe("bad_signature");
    }
    await verifier.verifyVote(one, digest, committee);
    expect(verifier.counts).toMatchObject({ knownSignatures: 1, signatures: 4 });
  });

  it("does not make a member of who signed, nor a quorum of a few", async () => {
    const verifier = verifierWith();
    const digest = commitVoteDigest(good.vote);
    for (const sig of good.sigs) await verifier.verifyVote(sig, digest, epoch.committee);
    const few = { ...good, sigs: good.sigs.slice(0, 66) };
    expect(await verdictOf(verifier.verifyCommitQC(few, epoch))).toBe("quorum");
    const [signer] = good.sigs as [Signature];
    const others = kit.committee.members.filter(({ key }) => Buffer.compare(key, signer.key) !== 0);
    const without = { ...epoch, committee: Committee.genesis(others) };
    expect(await verdictOf(verifier.verifyCommitQC(good, without))).toBe("not_a_replica");
  });

  it("is not known of what was bad", async () => {
    const verifier = verifierWith();
    const bad = kit.withBadSignature(good, 0);
    const digest = commitVoteDigest(good.vote);
    const [first] = bad.sigs as [Signature];
    for (let again = 0; again < 2; again++) {
      const verdict = await verdictOf(verifier.verifyVote(first, digest, epoch.committee));
      expect(verdict).toBe("bad_signature");
    }
    expect(await verdictOf(verifier.verifyCommitQC(bad, epoch))).toBe("bad_signature");
    expect(verifier.counts.knownSignatures).toBe(0);
  });

  it("still has to keep the other rules", async () => {
    const verifier = verifierWith();
    await verifier.verifyCommitQC(good, epoch);
    const next = { ...epoch, index: 1n };
    expect(await verdictOf(verifier.verifyCommitQC(good, next))).toBe("epoch");
  });

  it("is forgotten when too much was verified since", async () => {
    const verifier = verifierWith({ knownMax: 2 });
    const [one, two, three] = [1n, 2n, 3n].map((road) => kit.commitQC(road, 67)) as [
      CommitQC,
      CommitQC,
      CommitQC,
    ];
    for (const qc of [one, two, one, three]) await verifier.verifyCommitQC(qc, epoch);
    expect(verifier.counts.known).toBe(1);
    await verifier.verifyCommitQC(one, epoch);
    expect(verifier.counts.known).toBe(2);
    await verifier.verifyCommitQC(two, epoch);
    expect(verifier.counts).toMatchObject({ known: 2, signatures: 4 * 67 });
  });

  it("is remembered only where it holds", async () => {
    const verifier = verifierWith();
    for (let round = 0; round < 2; round++) {
      const short = verifier.verifyCommitQC(kit.commitQC(1n, 66), epoch);
      expect(await verdictOf(short)).toBe("quorum");
    }
    expect(verifier.counts).toMatchObject({ known: 0, signatures: 132 });
  });

  it("is known inside other certificates", async () => {
    const verifier = verifierWith();
    await verifier.verifyAnchor({ appQC: s.appQC, commitQC: s.commitQC }, () => s.epoch);
    await verifier.verifyFullCommitQC(s.fullCommitQC, s.epoch);
    await verifier.verifyAppQC(s.appQC, s.committee);
    expect(verifier.counts.known).toBe(2);
  });
});

it("every kind of message has its method", async () => {
  const verifier = verifierWith();
  const previous = {
    ...s.commitQC,
    vote: { ...s.proposal, view: { ...s.proposal.view, index: 2n } },
  } as CommitQC;
  await verifier.verifySignedBlock(signBlock(s.block, s.first), s.committee);
  await verifier.verifyLaneQC(s.laneQC, s.committee);
  await verifier.verifyPrepareQC(s.prepareQC, s.epoch);
  await verifier.verifyTimeoutQC(s.timeoutQC, s.epoch, previous);
});

describe("the caller's signal", () => {
  it("ends a verification, and no other one", async () => {
    const verifier = verifierWith({ worker: program });
    const controller = new AbortController();
    const { signal } = controller;
    const ended = verdictOf(verifier.verifyCommitQC(kit.commitQC(5n), epoch, { signal }));
    const other = verdictOf(verifier.verifyCommitQC(kit.commitQC(6n), epoch));
    setImmediate(() => controller.abort(new Error("no longer wanted")));
    expect(await ended).toBe("ABORTED");
    expect(await other).toBe("accept");
  });

  it("is heeded by the plain functions too, also when it comes before", async () => {
    const signal = AbortSignal.abort();
    expect(await verdictOf(verifyCommitQC(good, epoch, { signal }))).toBe("ABORTED");
  });
});

describe("a closed verifier", () => {
  it("rejects also what it knows", async () => {
    const verifier = verifierWith();
    await verifier.verifyCommitQC(good, epoch);
    await verifier.close();
    expect(await verdictOf(verifier.verifyCommitQC(good, epoch))).toBe("CLOSED");
  });

  it("rejects what is being verified and what comes after", async () => {
    const verifier = new Verifier({ worker: program });
    const pending = [5n, 6n, 7n].map((road) =>
      verdictOf(verifier.verifyCommitQC(kit.commitQC(road), epoch)),
    );
    setImmediate(() => void verifier.close());
    expect(await Promise.all(pending)).toEqual(["CLOSED", "CLOSED", "CLOSED"]);
    expect(await verdictOf(verifier.verifyCommitQC(good, epoch))).toBe("CLOSED");
    await verifier.close();
  });
});

describe("a worker that dies", () => {
  const ready =
    'import { parentPort as port } from "node:worker_threads"; port.postMessage("ready");';
  const ways = [
    { name: "throws", text: `${ready} port.on("message", () => { throw new Error("broken"); });` },
    { name: "exits", text: `${ready} port.on("message", () => process.exit(7));` },
    { name: "never starts", text: 'import "./nothing.js";' },
  ];

  it.for(ways)(
    "and $name is no verdict: what it had is verified without it",
    async ({ name, text }) => {
      const worker = kit.programOf(compiled.directory, `${name}.mjs`, text);
      const verifier = verifierWith({ worker, knownMax: 0 });
      const qcs = [5n, 6n, 7n].map((road) => kit.commitQC(road));
      while (verifier.counts.workerDeaths === 0) {
        await Promise.all(qcs.map((qc) => verifier.verifyCommitQC(qc, epoch)));
      }
      // A wrong signature is one, whoever was to look at it.
      const [first, ...others] = kit.commitQC(8n).sigs;
      if (!first) throw new Error("a commit QC has signatures");
      const wrong = {
        ...kit.commitQC(8n),
        sigs: [{ ...first, bytes: new Uint8Array(64) }, ...others],
      };
      const verdicts = [...qcs, wrong].map((qc) => verdictOf(verifier.verifyCommitQC(qc, epoch)));
      expect((await Promise.all(verdicts)).slice(0, 3)).toEqual(["accept", "accept", "accept"]);
      expect(await verdicts[3]).not.toBe("accept");
    },
  );

  it("again and again is not called in any more", async () => {
    const text = `${ready} port.on("message", () => process.exit(7));`;
    const worker = kit.programOf(compiled.directory, "dies.mjs", text);
    const verifier = verifierWith({ worker, knownMax: 0 });
    const qcs = [5n, 6n, 7n].map((road) => kit.commitQC(road));
    const verifyAll = () => Promise.all(qcs.map((qc) => verifier.verifyCommitQC(qc, epoch)));
    while (verifier.counts.workerDeaths < 3) await verifyAll();
    for (let tries = 0; tries < 5; tries++) await verifyAll();
    expect(verifier.counts.workerDeaths).toBe(3);
  });
});

it("compiled, it brings its worker, and a process that does not close it ends all the same", () => {
  const text = `
    import { Verifier } from "./wire/verifier.js";
    import { Committee } from "./wire/committee.js";
    import { laneVoteDigest } from "./wire/hash.js";
    import { keyPairFromSeed } from "./wire/signatures/signer.js";
    const keys = Array.from({ length: 100 }, (_, index) => keyPairFromSeed(new Uint8Array(32).fill(index)));
    const committee = Committee.genesis(keys.map(({ publicKey }) => ({ key: publicKey, weight: 1n })));
    const hash = new Uint8Array(32);
    const qcs = [1n, 2n, 3n].map((blockNumber) => {
      const vote = { lane: committee.members[0].lane, blockNumber, parentHash: hash, payloadHash: hash };
      return { vote, sigs: keys.map((each) => each.sign(laneVoteDigest(vote))) };
    });
    const verifier = new Verifier({ knownMax: 0 });
    while (verifier.counts.byWorker === 0) {
      await Promise.all(qcs.map((qc) => verifier.verifyLaneQC(qc, committee)));
    }
    console.log("helped");
  `;
  const script = new URL(kit.programOf(compiled.directory, "main.mjs", text));
  const output = execFileSync(process.execPath, [script.pathname], {
    encoding: "utf8",
    timeout: 60_000,
  });
  expect(output.trim()).toBe("helped");
});
