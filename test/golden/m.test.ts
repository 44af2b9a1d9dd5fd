/**
 * The older revision (`m/`): its records and digests, its committees, its tidwall logs and its A/B
 * files. Opening there changes a directory; ours only reads, so the golden directories are read where
 * they are, and every test looks that they hold afterwards what they are listed with.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { z } from "zod";
import { MemoryDisk } from "../../src/disk/memory.js";
import { RealDisk } from "../../src/disk/real.js";
import { OlderCommittee } from "../../src/sei/older/committee.js";
import {
  decodeCommitQC,
  decodeMsg,
  decodePruneAnchor,
  decodeSignedBlock,
} from "../../src/sei/older/decode.js";
import {
  encodeCommitQC,
  encodeMsg,
  encodePruneAnchor,
  encodeSignedBlock,
} from "../../src/sei/older/encode.js";
import { headerHash, msgDigest, payloadHash } from "../../src/sei/older/hash.js";
import { decodedOf, loadLane, loadRoad } from "../../src/sei/older/log.js";
import { globalRange, type PruneAnchor } from "../../src/sei/older/messages.js";
import { OlderRefusal } from "../../src/sei/older/refusal.js";
import { PersistedAvailPruneAnchor } from "../../src/sei/older/schema.js";
import { layoutOf } from "../../src/sei/older/segments.js";
import { loadSlots } from "../../src/sei/older/slots.js";
import { verifyAppQC, verifyCommitQC, verifySignedBlock } from "../../src/sei/older/verify.js";
import { roadIndex } from "../../src/types/numbers.js";
import { keyPairFromSeed, sign } from "../../src/wire/ed25519.js";
import { sha256 } from "../../src/wire/hash.js";
import { hex, seedOf, toHex } from "../wire/bytes.js";
import { writeFile } from "../sei/older-files.js";
import { decimal, describeGolden, eachCase, forPeople, hexText, read } from "./cases.js";
import { golden, goldenDirectory } from "./golden.js";
import { verifyVerdict } from "./verdicts.js";

const key = z.strictObject({ seedString: z.string(), seed: hexText, public: hexText });
type Key = z.infer<typeof key>;
const primitives = z.strictObject({
  about: z.strictObject({
    what: forPeople,
    revision: hexText,
    blocks: forPeople,
    commitQCs: forPeople,
    digests: forPeople,
    quorums: forPeople,
  }),
  keys: z.array(key).min(1),
  blocks: z.array(z.unknown()).min(1),
  commitQCs: z.array(z.unknown()).min(1),
  digests: z.array(z.unknown()).min(1),
  quorums: z.array(z.unknown()).min(1),
});
const block = z.strictObject({
  record: hexText,
  sha256: hexText,
  lane: hexText,
  number: decimal,
  parentHash: hexText,
  payloadHash: hexText,
  headerHash: hexText,
  digest: hexText,
  payload: z.strictObject({
    createdAt: z.strictObject({ seconds: decimal, nanos: z.number() }),
    totalGas: decimal,
    edgeCount: decimal,
    coinbase: hexText.nullable(),
    basefee: decimal,
    txs: z.array(hexText),
  }),
});
const appProposal = z.strictObject({
  globalNumber: decimal,
  roadIndex: decimal,
  appHash: hexText.nullable(),
});
const commitQC = z.strictObject({
  record: hexText,
  sha256: hexText,
  road: decimal,
  globalFirst: decimal,
  globalNext: decimal,
  app: appProposal.optional(),
  accept: z.boolean(),
  errorClass: z.string().optional(),
  goError: forPeople.optional(),
});
const digest = z.strictObject({
  name: z.string(),
  arm: z.string(),
  object: hexText,
  canonicalMsg: hexText,
  digest: hexText,
});
const quorum = z.strictObject({
  replicas: z.number().min(1),
  faulty: z.number(),
  commitQuorum: z.number(),
  laneQuorum: z.number(),
  leaders: z.array(z.tuple([decimal, decimal, hexText])).min(1),
});

/** The keys that the data is signed with, or as many more of the same kind as are asked for. */
function publicKeys(keys: readonly Key[], count = keys.length): readonly Uint8Array[] {
  const seedString = keys[0]!.seedString;
  return Array.from({ length: count }, (_, index) => {
    const seed = seedOf(keys[index]?.seedString ?? seedString.replace(/\d+$/, String(index)));
    return keyPairFromSeed(seed).publicKey;
  });
}

/** What is absent is null in the golden data: it is not the same as what is empty. */
function hexOrNull(value: Uint8Array | undefined): string | null {
  return value === undefined ? null : toHex(value);
}

describeGolden("m/primitives.json", primitives, (sections, whole) => {
  const keys = () => read(z.array(key), whole["keys"]);
  const committee = () => new OlderCommittee(publicKeys(keys()));

  eachCase(
    { of: "keys", entries: sections("keys"), shape: key, named: ["seedString"] },
    (stored) => {
      expect(toHex(seedOf(stored.seedString))).toBe(stored.seed);
      expect(toHex(keyPairFromSeed(hex(stored.seed)).publicKey)).toBe(stored.public);
    },
  );

  const blocks = sections("blocks");
  eachCase({ of: "blocks", entries: blocks, shape: block, named: ["number"] }, (stored, index) => {
    const signed = decodeSignedBlock(hex(stored.record));
    const { header, payload } = signed.msg;
    expect({
      record: toHex(encodeSignedBlock(signed)),
      sha256: toHex(sha256(hex(stored.record))),
      lane: header.lane,
      number: header.blockNumber,
      parentHash: toHex(header.parentHash),
      payloadHash: toHex(payloadHash(payload)),
      headerHash: toHex(headerHash(header)),
      digest: toHex(msgDigest({ arm: "lane_proposal", value: signed.msg })),
      payload: {
        ...payload,
        coinbase: hexOrNull(payload.coinbase),
        txs: payload.txs.map(toHex),
      },
    }).toEqual(stored);
    const before = blocks[index - 1];
    if (before !== undefined) expect(stored.parentHash).toBe(read(block, before).headerHash);
    verifySignedBlock(signed, committee());
    const owner = keys().find((candidate) => candidate.public === stored.lane)!;
    expect(sign(keyPairFromSeed(hex(owner.seed)), hex(stored.digest))).toEqual(signed.sig);
  });

  const qcs = sections("commitQCs");
  eachCase({ of: "commitQCs", entries: qcs, shape: commitQC, named: ["road"] }, async (stored) => {
    const qc = decodeCommitQC(hex(stored.record));
    expect(toHex(encodeCommitQC(qc))).toBe(stored.record);
    expect(toHex(sha256(hex(stored.record)))).toBe(stored.sha256);
    expect(qc.vote.view.index).toBe(stored.road);
    expect(globalRange(qc.vote)).toEqual({ first: stored.globalFirst, next: stored.globalNext });
    const { app } = qc.vote;
    expect(app && { ...app, appHash: hexOrNull(app.appHash) }).toEqual(stored.app);
    const found = await verifyVerdict(() => verifyCommitQC(qc, committee()));
    expect(found).toBe(stored.accept ? "accept" : stored.errorClass);
  });

  const digests = sections("digests");
  eachCase({ of: "digests", entries: digests, shape: digest, named: ["name"] }, (stored) => {
    const msg = decodeMsg(hex(stored.canonicalMsg));
    expect(msg.arm).toBe(stored.arm);
    expect(toHex(encodeMsg(msg))).toBe(stored.canonicalMsg);
    expect(stored.canonicalMsg.endsWith(stored.object)).toBe(true);
    expect(toHex(msgDigest(msg))).toBe(stored.digest);
  });

  const counts = sections("quorums");
  eachCase({ of: "quorums", entries: counts, shape: quorum, named: ["replicas"] }, (stored) => {
    const members = new OlderCommittee(publicKeys(keys(), stored.replicas));
    const { faulty, commitQuorum, laneQuorum } = members;
    const leaders = stored.leaders.map(([road, number]) => {
      return [road, number, toHex(members.leader({ index: roadIndex(road), number }))];
    });
    const replicas = members.replicas.length;
    expect({ replicas, faulty, commitQuorum, laneQuorum, leaders }).toEqual(stored);
  });
});

const file = z.strictObject({ path: z.string(), size: z.number(), sha256: hexText });
type File = z.infer<typeof file>;

/** The golden directory holds exactly the files that it is listed with. */
function expectPristine(directory: string, files: readonly File[]): void {
  const found = readdirSync(directory).map((path) => {
    const content = readFileSync(join(directory, path));
    return { path, size: content.length, sha256: toHex(sha256(content)) };
  });
  const byPath = (a: File, b: File): number => (a.path < b.path ? -1 : 1);
  expect(found.sort(byPath)).toEqual(files.toSorted(byPath));
}

const record = z.tuple([decimal, hexText]);
const loader = { records: z.array(record), filesAfterOpenAndClose: z.array(z.string()) };
const log = z.strictObject({
  name: z.string(),
  note: forPeople,
  kind: z.enum(["lane", "commitqc"]),
  files: z.array(file),
  loader: z.discriminatedUnion("accept", [
    z.strictObject({ ...loader, accept: z.literal(true), next: decimal.optional() }),
    z.strictObject({
      ...loader,
      accept: z.literal(false),
      errorClass: z.string(),
      panic: z.literal(true).optional(),
      goError: forPeople.optional(),
    }),
  ]),
});
/** Length, whether opening succeeds, the number of records, and why it does not succeed. */
const cut = z.union([
  z.tuple([z.number(), z.literal(true), z.number()]),
  z.tuple([z.number(), z.literal(false), z.number(), z.string()]),
]);
const tidwall = z.strictObject({
  about: z.strictObject({
    what: forPeople,
    revision: hexText,
    format: forPeople,
    cases: forPeople,
    tornTail: forPeople,
  }),
  lane: hexText,
  tornTailSegment: hexText,
  tornTail: z.array(z.unknown()).min(1),
  cases: z.array(z.unknown()).min(1),
});

/** What `load` gives, or the reason why it is refused. */
async function outcomeOf<T>(load: Promise<T>): Promise<T | string> {
  try {
    return await load;
  } catch (error) {
    if (error instanceof OlderRefusal) return error.reason;
    throw error;
  }
}

type Records = readonly (readonly [bigint, string])[];

async function lane(directory: string): Promise<{ records: Records }> {
  const loaded = await loadLane(new RealDisk(), directory);
  const records = loaded.records.map((signed) => {
    const { header } = signed.msg;
    expect(header.lane).toBe(golden<{ lane: string }>("m/tidwall/cases.json").lane);
    return [header.blockNumber, toHex(sha256(encodeSignedBlock(signed)))] as const;
  });
  return { records };
}

async function road(directory: string): Promise<{ records: Records; next: bigint }> {
  const loaded = await loadRoad(new RealDisk(), directory);
  const records = loaded.records.map((qc) => {
    return [qc.vote.view.index, toHex(sha256(encodeCommitQC(qc)))] as const;
  });
  return { records, next: loaded.next };
}

describeGolden("m/tidwall/cases.json", tidwall, (sections, whole) => {
  const entries = sections("cases");
  eachCase({ of: "cases", entries, shape: log, named: ["name"] }, async (stored) => {
    const directory = join(goldenDirectory, "m/tidwall", stored.name);
    expectPristine(directory, stored.files);
    const { accept, records, filesAfterOpenAndClose: names } = stored.loader;
    const found = await outcomeOf(stored.kind === "lane" ? lane(directory) : road(directory));
    if (accept) {
      const { next } = stored.loader;
      expect(found).toEqual(next === undefined ? { records } : { records, next });
    } else {
      expect(found).toBe(stored.loader.errorClass);
      expect(stored.loader.panic === true).toBe(found === "panic");
      expect(records).toEqual([]);
    }
    expect(layoutOf((await new RealDisk().list(directory))!).names).toEqual(names);
    expectPristine(directory, stored.files);
  });

  it("every folder is listed", () => {
    const listed = entries.map((entry) => (entry as { readonly name: string }).name);
    const found = readdirSync(join(goldenDirectory, "m/tidwall"));
    expect(found.sort()).toEqual([...listed, "cases.json"].sort());
  });

  const cuts = sections("tornTail");
  eachCase({ of: "tornTail", entries: cuts, shape: cut, named: ["0"] }, async (stored) => {
    const [length, accept, count, errorClass] = stored;
    const segment = hex(read(hexText, whole["tornTailSegment"]));
    const disk = new MemoryDisk();
    await writeFile(disk, "/lane/00000000000000000001", segment.subarray(0, length));
    const found = await outcomeOf(loadLane(disk, "/lane"));
    if (typeof found === "string") expect([accept, found]).toEqual([false, errorClass]);
    else expect([true, found.records.length]).toEqual([accept, count]);
  });
});

const opening = z.discriminatedUnion("outcome", [
  z.strictObject({ outcome: z.literal("fresh") }),
  z.strictObject({ outcome: z.literal("error"), errorClass: z.string() }),
  z.strictObject({
    outcome: z.literal("loaded"),
    seq: decimal,
    dataLength: z.number(),
    dataSha256: hexText,
    messageAbsent: z.literal(true).optional(),
    messageDecodes: z.boolean().optional(),
  }),
]);
type Opening = z.infer<typeof opening>;
const pair = z.strictObject({ name: z.string(), files: z.array(file), open: opening });
const slotCut = z.strictObject({ length: z.number(), open: opening });
const slots = z.strictObject({
  about: z.strictObject({
    what: forPeople,
    revision: hexText,
    cases: forPeople,
    truncated: forPeople,
  }),
  cases: z.array(z.unknown()).min(1),
  truncated: z.array(z.unknown()).min(1),
});

/**
 * Tells whether the anchor in `data` decodes. Then it is the canonical form that was written, and both
 * certificates are of one road and signed by the keys of `m/primitives.json`.
 */
async function decodes(data: Uint8Array): Promise<boolean> {
  const anchor = await outcomeOf(Promise.resolve().then(() => anchorOf(data)));
  if (typeof anchor === "string") return false;
  expect(toHex(encodePruneAnchor(anchor))).toBe(toHex(data));
  const { appQC, commitQC: qc } = anchor;
  expect(appQC.vote.roadIndex).toBe(qc.vote.view.index);
  const { keys } = golden<{ readonly keys: readonly Key[] }>("m/primitives.json");
  const committee = new OlderCommittee(publicKeys(keys));
  await verifyAppQC(appQC, committee);
  await verifyCommitQC(qc, committee);
  return true;
}

function anchorOf(data: Uint8Array): PruneAnchor {
  const schema = PersistedAvailPruneAnchor;
  return decodedOf(data, { path: "m/ab", what: "anchor", schema, decode: decodePruneAnchor });
}

async function openingOf(disk: MemoryDisk | RealDisk, directory: string): Promise<Opening> {
  const found = await outcomeOf(loadSlots(disk, directory, "avail_inner"));
  if (typeof found === "string") return { outcome: "error", errorClass: found };
  if (found === undefined) return { outcome: "fresh" };
  const data = found.message ?? new Uint8Array(0);
  const loaded = { outcome: "loaded", seq: found.seq, dataLength: data.length } as const;
  const dataSha256 = toHex(sha256(data));
  if (found.message === undefined) return { ...loaded, dataSha256, messageAbsent: true };
  return { ...loaded, dataSha256, messageDecodes: await decodes(data) };
}

describeGolden("m/ab/cases.json", slots, (sections) => {
  const entries = sections("cases");
  eachCase({ of: "cases", entries, shape: pair, named: ["name"] }, async (stored) => {
    const directory = join(goldenDirectory, "m/ab", stored.name);
    expectPristine(directory, stored.files);
    expect(await openingOf(new RealDisk(), directory)).toEqual(stored.open);
    expectPristine(directory, stored.files);
  });

  it("every folder is listed", () => {
    const listed = entries.map((entry) => (entry as { readonly name: string }).name);
    const found = readdirSync(join(goldenDirectory, "m/ab"));
    expect(found.sort()).toEqual([...listed, "cases.json"].sort());
  });

  const cuts = sections("truncated");
  eachCase(
    { of: "truncated", entries: cuts, shape: slotCut, named: ["length"] },
    async (stored) => {
      const directory = join(goldenDirectory, "m/ab/writes-2");
      const slot = (name: string): Uint8Array =>
        readFileSync(join(directory, `avail_inner_${name}.pb`));
      const disk = new MemoryDisk();
      await writeFile(disk, "/state/avail_inner_a.pb", slot("a"));
      await writeFile(disk, "/state/avail_inner_b.pb", slot("b").subarray(0, stored.length));
      expect(await openingOf(disk, "/state")).toEqual(stored.open);
    },
  );
});
