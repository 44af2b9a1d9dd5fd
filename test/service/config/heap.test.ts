/** A flag that V8 does not know would do nothing but a line on standard error. */
import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { HEAP_FLAG } from "../../../src/service/config/heap.js";

test("the flag of the heap's growth is one of this Node.js", () => {
  const { stdout } = spawnSync(process.execPath, ["--v8-options"], { encoding: "utf8" });
  const [name = ""] = HEAP_FLAG.split("=");
  expect(stdout).toContain(`  ${name} (`);
});
