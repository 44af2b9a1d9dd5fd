import { afterEach, expect, test } from "vitest";
import config from "../vitest.config.js";
import { SCALE } from "./scale.js";

const { LANEKEEPER_SCALE: ofThisRun } = process.env;

afterEach(() => {
  process.env["LANEKEEPER_SCALE"] = ofThisRun;
});

/** Vitest reads its configuration once with the mode of the run, and again, with "test", for a project. */
function scalesOf(mode: string): readonly unknown[] {
  return [mode, "test"].map((each) => {
    return config({ mode: each, command: "serve" }).test?.env?.["LANEKEEPER_SCALE"];
  });
}

test.each([
  ["quick", "0.02"],
  ["test", "0.1"],
  ["campaigns", "1"],
  ["all", "1"],
])("campaigns of a run in mode %s have %s of their full size in every project", (mode, scale) => {
  delete process.env["LANEKEEPER_SCALE"];
  expect(scalesOf(mode)).toEqual([scale, scale]);
});

test("LANEKEEPER_SCALE has the last word", () => {
  process.env["LANEKEEPER_SCALE"] = "0.5";
  expect(scalesOf("campaigns")).toEqual(["0.5", "0.5"]);
});

test("the tests work at the size that the configuration has set", () => {
  expect(String(SCALE)).toBe(ofThisRun);
});
