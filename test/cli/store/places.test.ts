/** The places that import and export write to. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { placeOf } from "../../../src/cli/store/places.js";

let folder = "";

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "lanekeeper-")));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

test("a directory behind a link is the place, and the link stays", async () => {
  mkdirSync(join(folder, "big"));
  symlinkSync("big", join(folder, "state"));
  expect(await placeOf(`${folder}/state/`)).toBe(join(folder, "big"));
});

test("where nothing is yet, the place is the path without slashes at its end", async () => {
  expect(await placeOf(`${folder}/new//`)).toBe(join(folder, "new"));
});

test("a link in a circle is refused", async () => {
  symlinkSync("circle", join(folder, "circle"));
  await expect(placeOf(join(folder, "circle"))).rejects.toMatchObject({ code: "IO" });
});
