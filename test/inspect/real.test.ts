/** Inspection on the operating system's disk: it reads only, and is in nobody's way. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { RealDisk } from "../../src/disk/real/real.js";
import { lockSeen } from "../../src/inspect/owner.js";
import { Lanekeeper } from "../../src/node/lanekeeper.js";
import { CHAIN_ID, TestChain } from "../model/chain.js";
import { laneAt, pushAnchor, pushBlocks, pushQCs } from "../node/kit.js";
import { SEGMENT_BYTES } from "../node/surroundings.js";
import { type Inspected, inspected } from "./kit.js";

const NOBODY = 65_534;
const chain = new TestChain();
const choices = { chainId: CHAIN_ID, segmentBytes: SEGMENT_BYTES, epochOf: chain.epochOf };
let folder = "";
let directory = "";

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "lanekeeper-"));
  chmodSync(folder, 0o755);
  directory = join(folder, "store");
  await Lanekeeper.init(directory, { chainId: CHAIN_ID, segmentBytes: SEGMENT_BYTES });
  const keeper = await Lanekeeper.open(directory, choices);
  for (const lane of chain.lanes) await pushBlocks(keeper, chain, lane, { to: 6n });
  await pushQCs(keeper, chain, { to: 6n });
  await pushAnchor(keeper, chain.qc(3n).anchor);
  await keeper.close();
});

afterEach(() => {
  chmodAll(0o755, 0o644);
  rmSync(folder, { recursive: true, force: true });
});

function inspectedHere(): Promise<Inspected> {
  return inspected(new RealDisk(), { kind: "signatures" }, directory);
}

/** Every path under the directory, with its kind, size, times of change, and bytes. */
function everything(): string[] {
  return readdirSync(directory, { recursive: true, encoding: "utf8" }).map((name) => {
    const path = join(directory, name);
    const { mode, size, mtimeMs, ctimeMs, ino } = lstatSync(path);
    const bytes = lstatSync(path).isFile() ? readFileSync(path) : "";
    const print = createHash("sha256").update(bytes).digest("hex");
    return [name, mode, size, mtimeMs, ctimeMs, ino, print].join(" ");
  });
}

function chmodAll(directories: number, files: number): void {
  const names = readdirSync(directory, { recursive: true, encoding: "utf8" });
  for (const path of [directory, ...names.map((name) => join(directory, name))]) {
    chmodSync(path, lstatSync(path).isDirectory() ? directories : files);
  }
}

/** Runs `act` as a user who owns nothing; as who we are where that cannot be changed. */
async function asNobody<T>(act: () => Promise<T>): Promise<T> {
  const isRoot = process.getuid?.() === 0;
  if (isRoot) process.seteuid?.(NOBODY);
  try {
    return await act();
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
}

test("an intact store: nothing is found, and not a byte or a time is changed", async () => {
  const before = everything();
  const { findings, summary } = await inspectedHere();
  expect(findings).toEqual([]);
  expect(summary).toMatchObject({ verdict: { opens: true }, hasIndex: true });
  expect(summary.logs.map(({ first, next }) => [first, next])).toEqual(
    Array.from({ length: 4 }, () => [3n, 6n]),
  );
  expect(everything()).toEqual(before);
});

test("a directory that this user may not write: nothing else is found, and open would refuse it", async () => {
  chmodAll(0o555, 0o444);
  const before = everything();
  const { findings, summary } = await asNobody(inspectedHere);
  const file = join(directory, "STORE");
  expect(findings).toMatchObject([{ class: "READ_ONLY", severity: "error", file }]);
  expect(summary.verdict).toMatchObject({ opens: false, class: "READ_ONLY" });
  expect(everything()).toEqual(before);
});

test("a segment that may not be read is unknown: neither it nor its records are told as missing", async () => {
  chmodAll(0o555, 0o444);
  const segments = readdirSync(join(directory, "journal")).map((name) => join("journal", name));
  for (const name of segments) {
    chmodSync(join(directory, name), 0o000);
    const { findings } = await asNobody(inspectedHere);
    expect(findings).toMatchObject([{ class: "READ_ONLY", file: join(directory, name) }]);
    chmodSync(join(directory, name), 0o444);
  }
});

test("files that may not be read are named, each of them, and the rest is looked at", async () => {
  chmodAll(0o555, 0o444);
  for (const name of ["mark", "prune_anchor_a.pb"]) chmodSync(join(directory, name), 0o000);
  const { errors, summary } = await asNobody(inspectedHere);
  const named = errors.map(({ class: code, file }) => `${code} ${file.slice(folder.length)}`);
  expect(named.sort()).toEqual(["READ_ONLY /store/mark", "READ_ONLY /store/prune_anchor_a.pb"]);
  expect(summary.identity?.chainId).toBe(CHAIN_ID);
  expect(summary.recordsRead).toBeGreaterThan(0);
});

test("a pipe in the place of a file is named, and not waited for", async () => {
  for (const name of ["mark", "STORE"]) {
    rmSync(join(directory, name));
    execFileSync("/usr/bin/env", ["mkfifo", join(directory, name)]);
  }
  const { errors } = await inspectedHere();
  expect(errors.map(({ class: code, file }) => [code, file])).toEqual([
    ["IO", join(directory, "STORE")],
    ["IO", join(directory, "mark")],
  ]);
});

describe.skipIf(process.platform !== "linux")("whether somebody has it open (Linux)", () => {
  test("is told while an owner is at work, and not when it has gone", async () => {
    const keeper = await Lanekeeper.open(directory, choices);
    expect((await inspectedHere()).summary.owner).toBe("open");
    await keeper.close();
    expect((await inspectedHere()).summary).toMatchObject({
      owner: "not seen",
      changedMeanwhile: false,
    });
  });
});

test("owners that open while it is inspected are never refused because of that", async () => {
  let isDone = false;
  const owners = (async () => {
    for (let time = 0; time < 8; time++) {
      const keeper = await Lanekeeper.open(directory, choices);
      await pushBlocks(keeper, chain, laneAt(chain, 0), {
        from: 6n + BigInt(time),
        to: 7n + BigInt(time),
      });
      await keeper.close();
    }
  })().finally(() => {
    isDone = true;
  });
  let changes = 0;
  while (!isDone) {
    const { summary } = await inspectedHere();
    if (summary.changedMeanwhile || summary.owner === "open") changes += 1;
  }
  await owners;
  expect(changes).toBeGreaterThan(0);
  expect((await inspectedHere()).findings).toEqual([]);
});

test("a lock is told from others by device and inode; waiters hold none", () => {
  const line = "1: OFDLCK ADVISORY  WRITE -1 fe:00:9977884 0 EOF\n";
  const device = 0xfe00n;
  expect(lockSeen(line, device, 9_977_884n)).toBe("open");
  expect(lockSeen(line, device, 9_977_885n)).toBe("not seen");
  expect(lockSeen(line, 0xfe01n, 9_977_884n)).toBe("unknown");
  expect(lockSeen(line.replace("1: ", "1: -> "), device, 9_977_884n)).toBe("not seen");
  expect(lockSeen(line.replace("WRITE", "READ "), device, 9_977_884n)).toBe("not seen");
  expect(lockSeen("", device, 9_977_884n)).toBe("not seen");
  expect(lockSeen("2: POSIX  ADVISORY  WRITE 77 103:102:5 0 EOF\n", 0x11_0302n, 5n)).toBe("open");
});
