import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { errorCodes, PersisterError } from "../../src/types/errors.js";

test("every code has an exit code that a shell can see, and a meaning", () => {
  for (const [code, { exit, meaning }] of Object.entries(errorCodes)) {
    expect(code).toMatch(/^[A-Z][A-Z_]*$/);
    expect(Number.isInteger(exit) && exit > 0 && exit < 126, code).toBe(true);
    expect(meaning.length, code).toBeGreaterThan(10);
  }
});

test("only codes that say the same share an exit code", () => {
  const exits = new Map<number, string[]>();
  for (const [code, { exit }] of Object.entries(errorCodes)) {
    exits.set(exit, [...(exits.get(exit) ?? []), code]);
  }
  const shared = [...exits.values()].filter((codes) => codes.length > 1);
  expect(shared).toEqual([["OUT_OF_SEQUENCE", "DUPLICATE"]]);
});

test("every code of the table is given somewhere in the source", () => {
  const source = sources("src").map((path) => readFileSync(path, "utf8"));
  const used = source.filter((text) => !text.includes("export const errorCodes"));
  const unused = Object.keys(errorCodes).filter((code) => {
    return !used.some((text) => text.includes(`"${code}"`));
  });
  expect(unused).toEqual([]);
});

test("an error carries its facts as fields, and its cause", () => {
  const cause = new Error("why");
  const facts = { lane: "a", blockNumber: 1n, roadIndex: 2n, file: "f", offset: 3, cause };
  const error = new PersisterError("IO", "what happened", facts);
  expect(error).toMatchObject({ ...facts, code: "IO", name: "PersisterError" });
  expect(new PersisterError("IO", "bare").cause).toBeUndefined();
});

function sources(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => `${folder}/${name}`);
}
