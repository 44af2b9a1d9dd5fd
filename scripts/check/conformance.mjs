/**
 * Compares the conformance list (`test/conformance.md`) with the tests: each number has at least one
 * test, and no test has a number that the list does not. Prints both, or with `--quiet` the faults.
 */
import { readdirSync, readFileSync } from "node:fs";

const isQuiet = process.argv.includes("--quiet");
const list = new Map(
  [
    ...readFileSync("test/conformance.md", "utf8").matchAll(/^- ([BCPWISJERH]\d+[a-z]?) (.*)$/gm),
  ].map(([, number, words]) => [number, { words, tests: [] }]),
);

let faults = 0;
const fault = (text) => {
  faults += 1;
  console.error(text);
};
for (const file of readdirSync("test", { recursive: true, encoding: "utf8" }).sort()) {
  if (!file.endsWith(".test.ts")) continue;
  const source = readFileSync(`test/${file}`, "utf8");
  for (const [, name] of source.matchAll(/"([BCPWISJERH]\d+[a-z]? [^"]*)"/g)) {
    for (const [number] of name.matchAll(/\b[BCPWISJERH]\d+[a-z]?\b/g)) {
      if (list.has(number)) list.get(number).tests.push(`test/${file}: ${name}`);
      else fault(`test/${file}: ${number} is not in test/conformance.md`);
    }
  }
}
for (const [number, { words, tests }] of list) {
  if (tests.length === 0) fault(`${number} has no test: ${words}`);
  if (!isQuiet) console.log([`${number}: ${words}`, ...tests].join("\n     "));
}
console.log(`${list.size} numbers of the conformance list, ${faults} faults`);
process.exitCode = faults === 0 ? 0 : 1;
