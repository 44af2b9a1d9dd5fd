/**
 * Our files, byte for byte beside those that sei-chain wrote from the same records: names, framing,
 * rotation, checksums, A/B slots, and a whole state directory.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { MemoryDisk } from "../../../src/disk/memory.js";
import { openLog } from "../../../src/sei/read/log-opening.js";
import { readLog } from "../../../src/sei/read/log-reading.js";
import type { ReadableDisk } from "../../../src/disk/readable.js";
import { type LogChoices, type RecordToWrite, writeLog } from "../../../src/sei/write/write-log.js";
import { writeSeiDirectoryOn } from "../../../src/sei/write/write-state.js";
import { writeVoteSlots } from "../../../src/sei/write/write-state.js";
import { decodeCommitQC, decodeSignedBlock } from "../../../src/wire/codec/decode.js";
import { sha256 } from "../../../src/wire/hash.js";
import type { CommitQC } from "../../../src/wire/messages.js";
import { read } from "../../golden/kit/cases.js";
import { type GoldenChain, goldenChain } from "../../golden/kit/chain.js";
import { inPlace, namesUnder } from "../../golden/kit/directories.js";
import { golden, goldenDirectory, noGolden } from "../../golden/kit/golden.js";
import { hex, toHex } from "../../wire/bytes.js";

const MADE = "/made";

const printOf = (bytes: Uint8Array): string => `${bytes.length} bytes, ${toHex(sha256(bytes))}`;

/** The files under `directory` on `disk`, by name relative to it: length and SHA-256. */
async function filesOf(disk: ReadableDisk, directory: string): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for (const { name, kind } of (await disk.list(directory)) ?? []) {
    const path = `${directory}/${name}`;
    if (kind === "directory") {
      const inner = await filesOf(disk, path);
      for (const [below, bytes] of Object.entries(inner)) files[`${name}/${below}`] = bytes;
    } else {
      const file = await disk.openToRead(path);
      if (file) files[name] = printOf(await file.read(0, await file.size()));
      await file?.close();
    }
  }
  return files;
}

function goldenFiles(path: string): Record<string, string> {
  const names = namesUnder(path).filter((name) => !name.endsWith("/"));
  return Object.fromEntries(
    names.map((name) => [name, printOf(readFileSync(join(goldenDirectory, path, name)))]),
  );
}

/** The records of a golden log; that they are the right ones is tested beside the reader. */
async function recordsOf(path: string): Promise<RecordToWrite[]> {
  const records: RecordToWrite[] = [];
  await inPlace(path, async ({ disk, directory }) => {
    for await (const record of readLog(disk, await openLog(disk, directory))) records.push(record);
  });
  return records;
}

const live = { lastFile: "live" } as const;

describe.skipIf(noGolden)("logs, beside those that sei-chain wrote", () => {
  const logs: readonly (readonly [string, LogChoices])[] = [
    ["lane-empty", {}],
    ["lane-1", {}],
    ["lane-1-live", live],
    ["lane-full", {}],
    ["lane-full-live", live],
    ["lane-starts-high", {}],
    ["lane-pruned-lazy", {}],
    ["lane-pruned-past-all", {}],
    ["lane-index-gap", {}],
    ["lane-many-files", { fileBytes: 512 }],
    ["lane-many-files-live", { fileBytes: 1000, ...live }],
    ["qc-empty", {}],
    ["qc-1", {}],
    ["qc-35", {}],
    ["qc-10-live", live],
    ["qc-pruned-past-all", {}],
    ["qc-anchor-first", {}],
    ["raw-sizes", {}],
    ["raw-large-indices", {}],
    ["raw-rotation", { fileBytes: 64 }],
    ["raw-small-live", live],
    ["raw-small-sealed", {}],
  ];
  test.each(logs)("%s", async (name, choices) => {
    const disk = new MemoryDisk();
    await writeLog(disk, MADE, await recordsOf(`seiwal/${name}`), choices);
    expect(await filesOf(disk, MADE)).toEqual(goldenFiles(`seiwal/${name}`));
  });
});

describe.skipIf(noGolden)("A/B pairs, beside those that sei-chain wrote", () => {
  test.each([
    ["opened-only", []],
    ["one-write", ["m1"]],
    ["two-writes", ["m1", "m2"]],
    ["three-writes", ["m1", "m2", "m3"]],
    ["reopened-between", ["m1", "m2", "m3"]],
    ["seven-writes", ["m0", "m1", "m2", "m3", "m4", "m5", "m6"]],
    ["one-write-empty-message", ["m0"]],
    ["two-writes-empty-message", ["m1", "m0"]],
  ])("%s", async (name, written) => {
    const { messages } = read(
      z.object({ messages: z.array(z.object({ name: z.string(), bytes: z.string() })) }),
      golden("ab/cases.json"),
    );
    const bytes = new Map(messages.map((each) => [each.name, hex(each.bytes)]));
    const disk = new MemoryDisk();
    await disk.makeDirectory(MADE);
    await writeVoteSlots(
      disk,
      MADE,
      written.map((each) => bytes.get(each) ?? hex("00")),
    );
    expect(await filesOf(disk, MADE)).toEqual(goldenFiles(`ab/${name}`));
  });
});

describe.skipIf(noGolden)("state directories, beside those that sei-chain wrote", () => {
  /** A directory's logs as it lists them: every lane's blocks below `next`, and the roads. */
  function contentsOf(chain: GoldenChain, path: string, roads: bigint) {
    const lanes = [...chain.blocks].map(([lane, blocks]) => {
      const name = namesUnder(path).find((each) => each.startsWith(`blocks/${lane}/0-0-`));
      const last = BigInt(/-(\d+)\.wal$/.exec(name ?? "")?.[1] ?? "-1");
      const held = [...blocks].filter(([number]) => number <= last);
      return [lane, held.map(([, record]) => decodeSignedBlock(hex(record)))] as const;
    });
    const held = [...chain.commitQCs].filter(([road]) => road < roads);
    return { lanes, commitQCs: held.map(([, record]) => decodeCommitQC(hex(record))) };
  }

  const lastQC = (commitQC: CommitQC) => ({
    commitQC,
    prepareQC: undefined,
    timeoutQC: undefined,
    timeoutVote: undefined,
    commitVote: undefined,
    prepareVote: undefined,
  });

  test("one-road, its votes included", async () => {
    const path = "state/one-road";
    const disk = new MemoryDisk();
    const { lanes, commitQCs } = contentsOf(goldenChain(), path, 1n);
    const [qc] = commitQCs;
    if (!qc) throw new Error("the chain has a road 0");
    await writeSeiDirectoryOn(disk, MADE, { lanes, commitQCs, votes: lastQC(qc) });
    expect(await filesOf(disk, MADE)).toEqual(goldenFiles(path));
  });

  test("five-roads, without its votes, of which sei-chain wrote five", async () => {
    const path = "state/five-roads";
    const disk = new MemoryDisk();
    await writeSeiDirectoryOn(disk, MADE, contentsOf(goldenChain(), path, 5n));
    const logs = (files: Record<string, string>) =>
      Object.fromEntries(Object.entries(files).filter(([name]) => !name.startsWith("inner_")));
    expect(logs(await filesOf(disk, MADE))).toEqual(logs(goldenFiles(path)));
  });
});
