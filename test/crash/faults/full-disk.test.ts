/** A file system that is really full (D9): where this machine allows one to be mounted. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeSync, closeSync, openSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Lanekeeper } from "../../../src/node/lanekeeper.js";
import { PersisterError } from "../../../src/types/errors.js";
import { refusal as refused } from "../../node/kit.js";
import { killChain, killChoices } from "../kills/kill-traffic.js";

const SIZE = "2m";
/** Programs of the operating system, where there are any. */
const programs = { mount: "mount", umount: "umount" };
const [lane] = killChain.lanes;
let folder: string;
let refusal: string | undefined;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "lanekeeper-full-"));
  try {
    execFileSync(programs.mount, ["-t", "tmpfs", "-o", `size=${SIZE}`, "none", folder], {
      stdio: "pipe",
    });
  } catch (cause) {
    refusal = `no small file system can be mounted here: ${String(cause).split("\n")[0]}`;
  }
});

afterAll(() => {
  if (refusal === undefined) execFileSync(programs.umount, ["-l", folder]);
  rmSync(folder, { recursive: true, force: true });
});

/** Takes every byte that is left. */
function fill(): void {
  const file = openSync(join(folder, "filler"), "a");
  try {
    for (let bytes = 64 * 1024; bytes > 0; ) {
      try {
        if (writeSync(file, Buffer.alloc(bytes, 1)) === 0) return;
      } catch {
        bytes = Math.floor(bytes / 2);
      }
    }
  } finally {
    closeSync(file);
  }
}

/** Pushes to the first lane from `next` on until the disk is full; the next that is not acknowledged. */
async function pushUntilFull(keeper: Lanekeeper, next: bigint): Promise<bigint> {
  for (let number = next; lane; number++) {
    try {
      await keeper.pushBlock(killChain.block(lane, number).bytes);
      await keeper.waitForBlock(lane, number);
    } catch (cause) {
      expect(cause).toBeInstanceOf(PersisterError);
      expect(cause).toMatchObject({ code: "DISK_FULL" });
      return number;
    }
  }
  throw new Error("the committee has no lane");
}

test("a full disk is backpressure: the store serves, opens and prunes with no byte free", async (context) => {
  if (refusal !== undefined || !lane) return context.skip(refusal ?? "no lane");
  const directory = join(folder, "store");
  await Lanekeeper.init(directory, { chainId: killChoices.chainId, segmentBytes: 48 * 1024 });
  const first = await Lanekeeper.open(directory, killChoices);
  for (let index = 0n; index < 4n; index++) {
    await first.pushCommitQC(killChain.qc(index).bytes);
    await first.waitForCommitQC(index);
  }
  fill();
  const full = await pushUntilFull(first, 0n);
  expect(full).toBeGreaterThan(0n);
  expect(first.status().poison).toBeUndefined();
  // The block that found no room was admitted: closing says that it is not written.
  const unwritten = await refused(first.close(), "DISK_FULL");
  expect(unwritten.message).toContain(`blocks [${full}, ${full + 1n}) of lane ${lane}`);

  for (let opening = 0; opening < 3; opening++) {
    const keeper = await Lanekeeper.open(directory, killChoices);
    expect(keeper.recovery.lanes.get(lane)?.next).toBeGreaterThanOrEqual(full);
    for (let number = 0n; number < full; number++) {
      const bytes = Buffer.from(await keeper.readBlock(lane, number));
      expect(bytes.equals(killChain.block(lane, number).bytes)).toBe(true);
    }
    await keeper.close();
  }

  const last = await Lanekeeper.open(directory, killChoices);
  const { next = 0n } = last.recovery.lanes.get(lane) ?? {};
  await last.pushAnchor(killChain.qc(3n).anchor);
  await last.waitForAnchor(3n);
  rmSync(join(folder, "filler"));
  await last.pushBlock(killChain.block(lane, next).bytes);
  await last.waitForBlock(lane, next);
  expect(last.status().poison).toBeUndefined();
  await last.close();
});
