/**
 * Logs of blocks, of commit QCs, and of bytes: what opening one would make of its directory, what
 * reading it gives, and what the loaders of blocks and commit QCs take of that.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { liveRunOf } from "../../src/sei/read/live-run.js";
import { listLog, type LogOpening, planOpening } from "../../src/sei/read/log-opening.js";
import { boundsOf, checkSealedFiles, readLog } from "../../src/sei/read/log-reading.js";
import type { ReadableDisk } from "../../src/disk/readable.js";
import { StateError } from "../../src/sei/format/state-error.js";
import { laneIdOf } from "../../src/types/lane.js";
import { decodeCommitQC, decodeSignedBlock } from "../../src/wire/codec/decode.js";
import { encodeCommitQC, encodeSignedBlock } from "../../src/wire/codec/encode.js";
import { sha256 } from "../../src/wire/hash.js";
import { hex, toHex } from "../wire/bytes.js";
import { decimal, describeGolden, eachCase, forPeople, hexText, read } from "./kit/cases.js";
import { lane, member } from "./kit/committees.js";
import {
  changed,
  changeShape,
  type DirectoryOnDisk,
  epochShape,
  expectPristine,
  filesShape,
  inPlace,
  namesUnder,
} from "./kit/directories.js";

const layout = z.strictObject({
  about: z.record(z.string(), forPeople),
  members: z.array(member).min(1),
  epoch: epochShape,
  lane,
  laneDir: hexText,
  cases: z.array(z.unknown()).min(1),
  derived: z.array(z.unknown()).min(1),
});
const bounds = z.union([
  z.strictObject({ empty: z.literal(true) }),
  z.strictObject({ first: decimal, last: decimal }),
]);
const stage = z.enum(["open", "bounds", "iterator", "next"]);
const readerShape = z.strictObject({
  accept: z.boolean(),
  stage: stage.optional(),
  errorClass: z.string().optional(),
  goError: forPeople.optional(),
  bounds: bounds.optional(),
  count: z.number(),
  digest: hexText,
  records: z.array(z.tuple([decimal, z.number(), hexText])),
  integrity: z.boolean(),
  integrityError: forPeople.optional(),
  filesAfterOpenAndClose: z.array(z.string()),
  secondOpen: z
    .strictObject({ accept: z.boolean(), count: z.number(), digest: hexText })
    .optional(),
});
const loaderShape = z.strictObject({
  accept: z.boolean(),
  errorClass: z.string().optional(),
  goError: forPeople.optional(),
  records: z.array(z.tuple([decimal, hexText])).optional(),
  next: decimal.optional(),
});
const kind = z.enum(["lane", "commitqc", "raw"]);
const stored = z.strictObject({
  name: z.string(),
  note: forPeople,
  kind,
  files: filesShape,
  reader: readerShape,
  loader: loaderShape.optional(),
});
const derived = z.strictObject({
  from: z.string(),
  change: changeShape,
  reader: z.strictObject({
    accept: z.boolean(),
    stage: stage.optional(),
    errorClass: z.string().optional(),
    indices: z.array(decimal).nullable(),
    digest: hexText,
    integrity: z.boolean(),
  }),
});

/** A reading of all that a log holds, up to the error that ended it. */
interface Reading {
  readonly records: readonly (readonly [bigint, number, string])[];
  readonly digest: string;
  readonly failure:
    | { readonly stage: z.infer<typeof stage>; readonly errorClass: string }
    | undefined;
}

async function readingOf(disk: ReadableDisk, opening: LogOpening): Promise<Reading> {
  const digest = createHash("sha256");
  const records: [bigint, number, string][] = [];
  let failure: Reading["failure"];
  try {
    if (opening.refusal) throw opening.refusal;
    for await (const { index, payload } of readLog(disk, opening)) {
      const numbers = Buffer.alloc(16);
      numbers.writeBigUInt64BE(index);
      numbers.writeBigUInt64BE(BigInt(payload.length), 8);
      digest.update(numbers).update(payload);
      records.push([index, payload.length, toHex(sha256(payload))]);
    }
  } catch (cause) {
    if (!(cause instanceof StateError)) throw cause;
    const { errorClass } = cause;
    const range = errorClass === "iterator_range" ? "iterator" : "next";
    failure = { stage: opening.refusal ? "open" : range, errorClass };
  }
  return { records, digest: digest.digest("hex"), failure };
}

/** The names that opening and closing leave, as sei-chain lists them. */
function namesAfter(path: string, opening: LogOpening, { failure }: Reading): readonly string[] {
  const names = [...opening.entries].flatMap(([name, entry]) => {
    if (entry.kind !== "directory") return [name];
    return [`${name}/`, ...namesUnder(join(path, name), `${name}/`)];
  });
  // sei-chain makes this one to iterate in, and leaves it empty.
  const iterated = boundsOf(opening) !== undefined && failure?.stage !== "iterator";
  return [...names, ...(iterated ? ["iterator/"] : [])].toSorted();
}

/** Everything a golden case says of the reader. */
async function readerOf(
  { disk, directory }: DirectoryOnDisk,
  path: string,
): Promise<z.infer<typeof readerShape>> {
  const opening = await planOpening(disk, directory);
  const reading = await readingOf(disk, opening);
  const again = await readingOf(disk, await planOpening(disk, directory, opening.entries));
  const changes =
    again.digest !== reading.digest || again.failure?.errorClass !== reading.failure?.errorClass;
  const secondOpen = {
    accept: again.failure === undefined,
    count: again.records.length,
    digest: again.digest,
  };
  return {
    accept: reading.failure === undefined,
    ...reading.failure,
    ...(opening.refusal ? {} : { bounds: boundsOf(opening) ?? { empty: true } }),
    count: reading.records.length,
    digest: reading.digest,
    records: reading.records.map(([...record]) => record),
    integrity: (await checkSealedFiles(disk, directory)).length === 0,
    filesAfterOpenAndClose: [...namesAfter(path, opening, reading)],
    ...(changes ? { secondOpen } : {}),
  };
}

async function loaderOf(
  { disk, directory }: DirectoryOnDisk,
  of: z.infer<typeof kind>,
): Promise<z.infer<typeof loaderShape>> {
  try {
    const records = await (of === "lane" ? blocksOf(disk, directory) : qcsOf(disk, directory));
    const last = records.at(-1)?.[0];
    const next = of === "commitqc" ? { next: last === undefined ? 0n : last + 1n } : {};
    return { accept: true, records, ...next };
  } catch (cause) {
    if (!(cause instanceof StateError)) throw cause;
    return { accept: false, errorClass: cause.errorClass };
  }
}

async function blocksOf(disk: ReadableDisk, directory: string): Promise<[bigint, string][]> {
  const run = await liveRunOf(disk, directory, decodeSignedBlock);
  const blocks: [bigint, string][] = [];
  for await (const { value } of run.records()) {
    blocks.push([value.msg.header.blockNumber, toHex(sha256(encodeSignedBlock(value)))]);
  }
  expect(blocks).toHaveLength(run.count);
  return blocks;
}

async function qcsOf(disk: ReadableDisk, directory: string): Promise<[bigint, string][]> {
  const run = await liveRunOf(disk, directory, decodeCommitQC);
  const qcs: [bigint, string][] = [];
  for await (const { value } of run.records()) {
    qcs.push([value.vote.view.index, toHex(sha256(encodeCommitQC(value)))]);
  }
  expect(qcs).toHaveLength(run.count);
  return qcs;
}

/** A verdict without what is said for people. */
function compared<T extends { readonly goError?: unknown; readonly integrityError?: unknown }>(
  verdict: T,
): object {
  const { goError: _, integrityError: __, ...rest } = verdict;
  return rest;
}

describeGolden("seiwal/cases.json", layout, (sections, whole) => {
  it("the lane of the blocks is called by its directory", () => {
    const { lane: id, laneDir } = read(z.object({ lane, laneDir: hexText }), whole);
    expect(laneIdOf(hex(id.validator), id.joined)).toBe(laneDir);
  });

  describe("directories", () => {
    const cases = {
      of: "cases",
      entries: sections("cases"),
      shape: stored,
      named: ["name"],
    };
    eachCase(cases, async ({ name, kind: of, files, reader, loader }) => {
      const path = `seiwal/${name}`;
      await inPlace(path, async (found) => {
        const before = await listLog(found.disk, found.directory);
        expect(await readerOf(found, path)).toEqual(compared(reader));
        if (loader) expect(await loaderOf(found, of)).toEqual(compared(loader));
        expect(await listLog(found.disk, found.directory)).toEqual(before);
      });
      expectPristine(path, files);
    });
  });

  describe("changed copies", () => {
    const cases = { of: "derived", entries: sections("derived"), shape: derived, named: ["from"] };
    eachCase(cases, async ({ from, change, reader }) => {
      const found = await changed(`seiwal/${from}`, change);
      const { accept, digest, integrity, records, ...rest } = await readerOf(found, from);
      const indices = records.map(([index]) => index);
      const failure = accept ? {} : { stage: rest.stage, errorClass: rest.errorClass };
      const wanted = { ...reader, indices: reader.indices ?? [] };
      expect({ accept, digest, integrity, indices, ...failure }).toEqual(wanted);
    });
  });
});
