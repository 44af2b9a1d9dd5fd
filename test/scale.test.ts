import * as fc from "fast-check";
import { afterEach, expect, test } from "vitest";
import config from "../vitest.config.js";
import { SCALE } from "./scale.js";

const names = [
  "LANEKEEPER_SCALE",
  "LANEKEEPER_STATES",
  "LANEKEEPER_MUTANTS",
  "LANEKEEPER_SEED",
] as const;
const ofThisRun = names.map((name) => [name, process.env[name]] as const);

afterEach(() => {
  for (const [name, value] of ofThisRun) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
});

/** Vitest reads its configuration once with the mode of the run, and again, with "test", for a project. */
function sizesOf(mode: string, asked: Readonly<Record<string, string>> = {}): readonly unknown[] {
  for (const name of names) delete process.env[name];
  Object.assign(process.env, asked);
  return [mode, "test"].map((each) => config({ mode: each, command: "serve" }).test?.env);
}

test.each([
  ["quick", { LANEKEEPER_SCALE: "0.02" }],
  ["test", { LANEKEEPER_SCALE: "0.1", LANEKEEPER_STATES: "0.03", LANEKEEPER_MUTANTS: "1000" }],
  ["campaigns", { LANEKEEPER_SCALE: "1" }],
])("campaigns of a run in mode %s have the sizes %o in every project", (mode, sizes) => {
  expect(sizesOf(mode)).toEqual([sizes, sizes]);
});

test("a run of everything has a seed of its own, the same one in every project, unless one is asked for", () => {
  const [run, project] = sizesOf("all");
  expect(run).toEqual({
    LANEKEEPER_SCALE: "1",
    LANEKEEPER_SEED: expect.stringMatching(/^[1-9]\d*$/) as string,
  });
  expect(project).toEqual(run);
  expect(sizesOf("all")).not.toContainEqual(run);
  const asked = { LANEKEEPER_SCALE: "1", LANEKEEPER_SEED: "7" };
  expect(sizesOf("all", { LANEKEEPER_SEED: "7" })).toEqual([asked, asked]);
});

test("properties draw what the seed of the run says", () => {
  const draw = (seed?: number): readonly number[] =>
    fc.sample(fc.integer(), { numRuns: 5, ...(seed === undefined ? {} : { seed }) });
  expect(draw()).toEqual(draw(Number(ofThisRun.at(-1)?.[1] ?? 1)));
  expect(draw(8)).not.toEqual(draw(9));
});

test("a scale that is asked for is that of every campaign", () => {
  const asked = { LANEKEEPER_SCALE: "0.5" };
  expect(sizesOf("campaigns", asked)).toEqual([asked, asked]);
  expect(sizesOf("test", asked)).toEqual([asked, asked]);
});

test("a size that is asked for stays beside the others of the mode", () => {
  const sizes = { LANEKEEPER_SCALE: "1", LANEKEEPER_STATES: "0.5" };
  expect(sizesOf("campaigns", { LANEKEEPER_STATES: "0.5" })).toEqual([sizes, sizes]);
});

test("the tests work at the size that the configuration has set", () => {
  expect(String(SCALE)).toBe(process.env["LANEKEEPER_SCALE"]);
});
