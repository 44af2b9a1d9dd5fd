/** Prints which test carries each number of the conformance list, and which numbers have none. */
import { readdirSync, readFileSync } from "node:fs";

const list = [
  ...numbers("B", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 17, 18, 19, 20]),
  ...numbers("C", [1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15]),
  ...numbers("P", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13, 14, 15, 16, 17, 18, 19, 20]),
  ...numbers("W", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]),
  ...numbers("I", [1, 3, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 17, 18, 19, 20, 21, 22, 23]),
  ...numbers("S", [1, 3, 5, 6, "7g", "7h", 8, 9, 10]),
];

/** @type {Map<string, string[]>} */
const found = new Map(list.map((number) => [number, []]));
for (const file of readdirSync("test", { recursive: true, encoding: "utf8" }).sort()) {
  if (!file.endsWith(".test.ts")) continue;
  for (const match of readFileSync(`test/${file}`, "utf8").matchAll(
    /"([BCPWIS]\d+[a-z]? [^"]*)"/g,
  )) {
    for (const [number] of match[1].matchAll(/\b[BCPWIS]\d+[a-z]?\b/g)) {
      found.get(number)?.push(`test/${file}: ${match[1]}`);
    }
  }
}

for (const [number, tests] of found) {
  for (const each of tests) process.stdout.write(`${number.padEnd(4)} ${each}\n`);
}
const none = list.filter((number) => found.get(number)?.length === 0);
process.stdout.write(`${list.length - none.length} of ${list.length} numbers have a test\n`);
if (none.length > 0) process.stdout.write(`without one: ${none.join(", ")}\n`);
process.exitCode = none.length > 0 ? 1 : 0;

function numbers(letter, of) {
  return of.map((number) => `${letter}${number}`);
}
