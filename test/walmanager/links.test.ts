/** A log and its segments may lie behind symbolic links. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { RealDisk } from "../../src/disk/real/real.js";
import { findLog } from "../../src/walmanager/layout.js";

const SEGMENT = `wal-${"1".padStart(20, "0")}.seg`;
let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "lanekeeper-"));
  mkdirSync(join(folder, "log"));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

test("a log behind a link is found", async () => {
  writeFileSync(join(folder, "log", SEGMENT), "");
  symlinkSync("log", join(folder, "link"));
  const { segments } = await findLog(new RealDisk(), join(folder, "link"));
  expect(segments).toHaveLength(1);
});

test("a segment behind a link is a segment", async () => {
  writeFileSync(join(folder, "elsewhere"), "");
  symlinkSync(join(folder, "elsewhere"), join(folder, "log", SEGMENT));
  const { segments } = await findLog(new RealDisk(), join(folder, "log"));
  expect(segments.map(({ path }) => path)).toEqual([join(folder, "log", SEGMENT)]);
});

test("a segment behind a link to nowhere is not passed over", async () => {
  symlinkSync("nowhere", join(folder, "log", SEGMENT));
  await expect(findLog(new RealDisk(), join(folder, "log"))).rejects.toMatchObject({
    errorClass: "segment_name",
  });
});
