/**
 * Every function of `lanekeeper/wire`, called as TypeScript forbids: with values of every type of
 * JavaScript in the place of an argument, or of a field deep inside one. A wrong value is answered by a
 * typed error that names it, and never taken for something else.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isLaneId, laneId, laneIdOf, laneParts } from "../../src/types/lane.js";
import { LanekeeperError } from "../../src/types/lanekeeper-error.js";
import { Committee } from "../../src/wire/committee.js";
import * as wire from "../../src/wire/index.js";
import { Verifier } from "../../src/wire/verifier.js";
import * as s from "./samples.js";

const lengthOnly = { length: 3 };

/** Values of every type, some of them near to what is wanted. */
const junk: readonly unknown[] = [
  undefined,
  null,
  true,
  0,
  -1,
  1.5,
  Number.NaN,
  2 ** 53,
  "",
  "abc",
  "00ff",
  "0".repeat(80),
  0n,
  -1n,
  2n ** 64n,
  Symbol("junk"),
  () => 1,
  [],
  [1],
  [[]],
  {},
  lengthOnly,
  new Date(0),
  new Map(),
  new Set([1]),
  /junk/,
  new Error("junk"),
  Object.create(null),
  new ArrayBuffer(32),
  new DataView(new ArrayBuffer(32)),
  new Uint16Array(32),
  [1, 2, 3],
  new Uint8Array(0),
  new Uint8Array(31),
  new Uint8Array(65),
  Buffer.alloc(33),
];

const [first] = s.keys;
if (!first) throw new Error("the samples have keys");
const digest = new Uint8Array(32).fill(7);
const sig = first.sign(digest);
const { epoch } = s;
const { committee } = epoch;
const value = (name: string): unknown => s.samples[name]?.value;
const start = {
  epoch,
  commitQC: s.commitQC,
  timeoutQC: s.timeoutQC,
  genesis: { globalFirst: 0n, timestamp: s.proposal.timestamp },
};
const block = { ...s.block.header, payload: s.block.payload };
const votes = (name: string): unknown[] => [
  [value(name)],
  name === "SignedProposal" ? epoch : committee,
];
const verifier = new Verifier({ worker: "none" });

/** Right arguments for every function. */
const calls: Readonly<
  Record<string, readonly [run: (...args: never[]) => unknown, ...args: unknown[]]>
> = {
  ...Object.fromEntries(
    Object.entries(s.samples).flatMap(([name, sample]) => {
      const named = name.replace("LaneID", "LaneId").replace("PersistedAvail", "");
      const encode = Reflect.get(wire, `encode${named}`) as (() => unknown) | undefined;
      const decode = Reflect.get(wire, `decode${named}`) as (() => unknown) | undefined;
      if (!encode || !decode) return [];
      return [
        [`encode${named}`, [encode, sample.value]],
        [`decode${named}`, [decode, sample.encoded]],
      ];
    }),
  ),
  unknownFieldOfVotes: [wire.unknownFieldOfVotes, s.samples["PersistedInner"]?.encoded],
  buildBlock: [wire.buildBlock, block],
  laneRangeOf: [wire.laneRangeOf, s.lane, 0n, [s.block.header]],
  signBlock: [wire.signBlock, s.block, first],
  signLaneVote: [wire.signLaneVote, s.block.header, first],
  signProposal: [wire.signProposal, s.proposal, first],
  signPrepareVote: [wire.signPrepareVote, s.proposal, first],
  signCommitVote: [wire.signCommitVote, s.proposal, first],
  signTimeoutVote: [wire.signTimeoutVote, s.timeoutVote, first],
  signAppVote: [wire.signAppVote, s.app, first],
  certifyLane: [wire.certifyLane, ...votes("SignedBlockHeader"), {}],
  certifyPrepare: [wire.certifyPrepare, ...votes("SignedProposal"), {}],
  certifyCommit: [wire.certifyCommit, ...votes("SignedProposal"), {}],
  certifyApp: [wire.certifyApp, ...votes("SignedAppVote"), {}],
  headerHash: [wire.headerHash, s.block.header],
  payloadHash: [wire.payloadHash, s.block.payload],
  laneProposalDigest: [wire.laneProposalDigest, s.block],
  laneVoteDigest: [wire.laneVoteDigest, s.block.header],
  proposalDigest: [wire.proposalDigest, s.proposal],
  prepareVoteDigest: [wire.prepareVoteDigest, s.proposal],
  commitVoteDigest: [wire.commitVoteDigest, s.proposal],
  timeoutVoteDigest: [wire.timeoutVoteDigest, s.timeoutVote],
  appVoteDigest: [wire.appVoteDigest, s.app],
  globalRange: [wire.globalRange, s.proposal],
  verifyAnchor: [wire.verifyAnchor, { appQC: s.appQC, commitQC: s.commitQC }, () => epoch, {}],
  verifyFullProposal: [wire.verifyFullProposal, value("FullProposal"), start, {}],
  verifyTimeoutQC: [wire.verifyTimeoutQC, s.timeoutQC, epoch, s.commitQC, {}],
  verifyBlock: [wire.verifyBlock, s.block, committee],
  verifySignature: [wire.verifySignature, sig, digest, committee],
  verifySignedBlock: [wire.verifySignedBlock, value("SignedBlock"), committee],
  verifyLaneQC: [wire.verifyLaneQC, s.laneQC, committee, {}],
  verifyAppQC: [wire.verifyAppQC, s.appQC, committee, {}],
  verifyCommitQC: [wire.verifyCommitQC, s.commitQC, epoch, {}],
  verifyPrepareQC: [wire.verifyPrepareQC, s.prepareQC, epoch, {}],
  verifyFullCommitQC: [wire.verifyFullCommitQC, s.fullCommitQC, epoch, {}],
  verifyAppAgainstCommit: [wire.verifyAppAgainstCommit, s.app, s.commitQC],
  keyPairFromSeed: [wire.keyPairFromSeed, digest],
  verify: [wire.verify, digest, sig],
  laneId: [laneId, s.lane],
  laneIdOf: [laneIdOf, first.publicKey, 0n],
  laneParts: [laneParts, s.lane],
  isLaneId: [isLaneId, s.lane],
};

/** Of the classes, which the main entry exports. */
const more: typeof calls = {
  "Committee.genesis": [Committee.genesis.bind(Committee), [{ key: first.publicKey, weight: 1n }]],
  "committee.after": [committee.after.bind(committee), 1n, [{ key: first.publicKey, weight: 1n }]],
  "committee.memberOf": [committee.memberOf.bind(committee), first.publicKey],
  "committee.memberOfLane": [committee.memberOfLane.bind(committee), s.lane],
  "committee.leader": [committee.leader.bind(committee), { index: 1n, number: 0n }],
  "keys.sign": [first.sign.bind(first), digest],
  "new Verifier": [(options: object) => new Verifier(options), { knownMax: 8, worker: "none" }],
  "verifier.verifyVote": [verifier.verifyVote.bind(verifier), sig, digest, committee, {}],
  "verifier.verifySignedBlock": [
    verifier.verifySignedBlock.bind(verifier),
    value("SignedBlock"),
    committee,
    {},
  ],
  "verifier.verifySignedBlockAtOnce": [
    verifier.verifySignedBlockAtOnce.bind(verifier),
    value("SignedBlock"),
    committee,
  ],
  "verifier.verifyCommitQC": [verifier.verifyCommitQC.bind(verifier), s.commitQC, epoch, {}],
  "verifier.verifyAnchor": [
    verifier.verifyAnchor.bind(verifier),
    { appQC: s.appQC, commitQC: s.commitQC },
    () => epoch,
    {},
  ],
};

/** The error of a call, at once or as a rejection; undefined if it has none. */
async function errorOf(
  run: (...args: never[]) => unknown,
  args: readonly unknown[],
): Promise<unknown> {
  try {
    await run(...(args as never[]));
    return undefined;
  } catch (cause) {
    return cause;
  }
}

function expectTyped(error: unknown, args: readonly unknown[]): void {
  if (error === undefined) return;
  if (error instanceof LanekeeperError && ["USAGE", "INVALID"].includes(error.code)) return;
  throw new Error("an error without a code for the caller", { cause: { error, args } });
}

/** Paths to every value inside `root` that is neither a number's nor a byte string's own. */
function pathsIn(root: unknown, depth = 0): (readonly PropertyKey[])[] {
  const isOpen = typeof root === "object" && root !== null && !(root instanceof Uint8Array);
  if (!isOpen || root instanceof Committee || depth > 6) return [[]];
  const inner = Object.keys(root).flatMap((name) => {
    return pathsIn(Reflect.get(root, name), depth + 1).map((path) => [name, ...path]);
  });
  return [[], ...inner];
}

/** A copy of `root` with `wrong` at `path`. */
function withAt(root: unknown, path: readonly PropertyKey[], wrong: unknown): unknown {
  const [name, ...rest] = path;
  if (name === undefined) return wrong;
  const copy: object = Array.isArray(root) ? [...(root as unknown[])] : { ...(root as object) };
  Reflect.set(copy, name, withAt(Reflect.get(copy, name), rest, wrong));
  return copy;
}

const named = Object.entries({ ...calls, ...more });

it("the table has every function of the entry", () => {
  const functions = Object.entries(wire).filter(([, each]) => typeof each === "function");
  const known = new Set([...Object.keys(calls), "DecodeError", "VerifyError"]);
  expect(functions.map(([name]) => name).filter((name) => !known.has(name))).toEqual([]);
});

it.each(named)("%s takes its right arguments", async (_, [run, ...args]) => {
  const error = await errorOf(run, args);
  // A message of the samples may break a rule of the protocol; none is of a wrong shape.
  if (error !== undefined) expect(error).toMatchObject({ code: "INVALID" });
});

describe("junk in the place of an argument, and arguments left out", () => {
  it.each(named)("of %s is told as what it is", async (_, [run, ...args]) => {
    for (let at = 0; at < args.length; at++) {
      for (const wrong of junk) {
        const given = args.with(at, wrong);
        expectTyped(await errorOf(run, given), given);
      }
      expectTyped(await errorOf(run, args.slice(0, at)), args.slice(0, at));
    }
  });
});

describe("junk in the place of a field", () => {
  it.each(named)("inside an argument of %s is told as what it is", async (_, [run, ...args]) => {
    const places = args.flatMap((arg, at) => pathsIn(arg).map((path) => ({ at, path })));
    const place = fc.constantFrom(...places);
    await fc.assert(
      fc.asyncProperty(place, fc.constantFrom(...junk), async ({ at, path }, wrong) => {
        const given = args.with(at, withAt(args[at], path, wrong));
        expectTyped(await errorOf(run, given), given);
      }),
      { numRuns: 60 },
    );
  });
});

const encoders = Object.keys(s.samples).filter((name) => name !== "Msg");
it.each(encoders)("what the encoder of %s accepts comes back as it was given", (name) => {
  const sample = s.samples[name];
  const encodeName = `encode${name.replace("LaneID", "LaneId").replace("PersistedAvail", "")}`;
  const encode = Reflect.get(wire, encodeName) as (given: unknown) => Uint8Array;
  // Another lane may change the order of ranges; a Buffer comes back as plain bytes.
  const places = pathsIn(sample?.value).filter((path) => path.at(-1) !== "lane");
  const wrongs = junk.filter((each) => !Buffer.isBuffer(each) && each !== lengthOnly);
  fc.assert(
    fc.property(fc.constantFrom(...places), fc.constantFrom(...wrongs), (path, wrong) => {
      const given = withAt(sample?.value, path, wrong);
      let bytes: Uint8Array;
      try {
        bytes = encode(given);
      } catch (cause) {
        expectTyped(cause, [given]);
        return;
      }
      expect(sample?.decode(bytes)).toEqual(given);
    }),
    { numRuns: 200 },
  );
});

it("a transaction that is a string is refused by its place, and not signed as zeros", () => {
  const payload = {
    ...s.block.payload,
    txs: [new Uint8Array(1), "00ff"] as unknown as Uint8Array[],
  };
  const error = {
    code: "USAGE",
    message: expect.stringContaining("block.payload.txs[1]") as string,
  };
  expect(() => wire.buildBlock({ ...block, payload })).toThrow(
    expect.objectContaining(error) as Error,
  );
});

it.each<readonly [string, () => unknown, string?]>([
  [
    "throws",
    () => {
      throw new Error("not loaded yet");
    },
    "CALLBACK_FAILED",
  ],
  ["returns a promise", () => Promise.resolve(epoch)],
  ["returns something else", () => ({ committee })],
])("a function of epochs that %s is told as the caller's", async (_, epochOf, code = "USAGE") => {
  const anchor = { appQC: s.appQC, commitQC: s.commitQC };
  const verified = wire.verifyAnchor(anchor, epochOf as () => typeof epoch);
  await expect(verified).rejects.toMatchObject({
    code,
    message: expect.stringContaining("epochOf") as string,
  });
});
