/** A path means what it meant when it came in. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { absolutePath, type PathInput } from "../../src/disk/path.js";

test("a string, a file: URL and a Buffer name the same place", () => {
  const path = join(tmpdir(), "a store with spaces and ü");
  expect(absolutePath(path)).toBe(path);
  expect(absolutePath(`${path}/`)).toBe(path);
  expect(absolutePath(pathToFileURL(path))).toBe(path);
  expect(absolutePath(Buffer.from(path))).toBe(path);
});

test("a relative path is taken from the process's directory, once", () => {
  expect(absolutePath("state")).toBe(join(process.cwd(), "state"));
  expect(absolutePath("./state/../state")).toBe(join(process.cwd(), "state"));
  expect(absolutePath("..")).toBe(join(process.cwd(), ".."));
});

test.each<[string, unknown]>([
  ["nothing", undefined],
  ["null", null],
  ["a number", 5],
  ["an object", { path: "/state" }],
  ["an empty string", ""],
  ["a zero byte", "/state\0"],
  ["another kind of URL", new URL("http://host/state")],
  ["bytes that are no UTF-8", Uint8Array.of(0x2f, 0xff, 0xfe)],
])("%s is no path", (_name, given) => {
  expect(() => absolutePath(given as PathInput)).toThrow(
    expect.objectContaining({ code: "USAGE" }),
  );
});

test("where the process's directory is gone an absolute path still does", () => {
  const here = process.cwd();
  const gone = mkdtempSync(join(tmpdir(), "lanekeeper-gone-"));
  process.chdir(gone);
  try {
    rmSync(gone, { recursive: true });
    expect(absolutePath("/state")).toBe("/state");
    expect(() => absolutePath("state")).toThrow(expect.objectContaining({ code: "USAGE" }));
  } finally {
    process.chdir(here);
  }
});
