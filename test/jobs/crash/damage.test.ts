/**
 * LevelDB's files cut, torn, swapped, emptied and missing, behind a clean close and behind a kill: either
 * every acknowledged write is there, or the job is refused by name, and the other jobs go on.
 */
import {
  cpSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { JobStore, key } from "../../../src/jobs/index.js";
import { IS_SHORT } from "../../scale.js";
import { codeOf, folder, numbered, openStore, value } from "../kit.js";

const ROWS = 3000;
/** One harm in so many is tried: each file by some, each harm on some. */
const EVERY = IS_SHORT ? 9 : 1;

/** A root with two jobs of many rows, as a clean close leaves it, or as a kill does. */
async function made(clean: boolean): Promise<string> {
  const root = folder();
  const store = await openStore(root, { checkpointBytes: 64 * 1024 });
  const [one, two] = [await store.openJob("one"), await store.openJob("two")];
  for (let at = 0; at < ROWS; at++) {
    await one.put("c", numbered(at), value(at));
    if (at === ROWS / 2) await one.flush();
  }
  await two.put("c", key("a"), value(1));
  // Settled at least once, so that there are tables.
  await store.closeJob("one");
  const again = await store.openJob("one");
  await again.put("c", numbered(ROWS), value(ROWS), { durable: true });
  await two.flush();
  if (clean) {
    await store.close();
    return root;
  }
  // A killed process leaves the files as they are while the store is open.
  const copy = folder();
  cpSync(root, copy, { recursive: true, filter: (path) => !path.endsWith("LOCK") });
  await store.close();
  return copy;
}

function filesOf(root: string): readonly string[] {
  const job = join(root, "one");
  const [life = ""] = readdirSync(job);
  return readdirSync(join(job, life)).map((name) => join(job, life, name));
}

const harms: readonly (readonly [string, (file: string, others: readonly string[]) => void])[] = [
  ["missing", (file) => rmSync(file)],
  ["emptied", (file) => truncateSync(file)],
  ["5 bytes short", (file) => truncateSync(file, Math.max(0, readFileSync(file).length - 5))],
  ["cut in half", (file) => truncateSync(file, readFileSync(file).length >> 1)],
  ["one bit flipped in its middle", (file) => flip(file, readFileSync(file).length >> 1)],
  ["one bit flipped in its first byte", (file) => flip(file, 0)],
  ["all zeros", (file) => writeFileSync(file, new Uint8Array(readFileSync(file).length))],
  [
    "swapped with another",
    (file, others) => {
      const other = others.find((each) => each !== file);
      if (other === undefined) return;
      renameSync(file, `${file}.kept`);
      renameSync(other, file);
      renameSync(`${file}.kept`, other);
    },
  ],
];

function flip(file: string, at: number): void {
  const bytes = readFileSync(file);
  if (bytes.length === 0) return;
  bytes[at] = (bytes[at] as number) ^ 1;
  writeFileSync(file, bytes);
}

/** The end of an open: every row is there, or the job was refused with this code. */
async function outcomeOf(root: string): Promise<string> {
  const store = await JobStore.open(root, { moved: true });
  try {
    const job = await store.openJob("one");
    const rows = await job.scan("c").all();
    const isWhole =
      rows.length === ROWS + 1 &&
      rows.every((row, at) => Buffer.compare(row.value, value(at)) === 0);
    return isWhole ? "whole" : `only ${rows.length} rows`;
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  } finally {
    const two = await store.openJob("two");
    expect(await two.get("c", key("a"))).toEqual(value(1));
    await Promise.allSettled([store.close()]);
  }
}

describe.each([
  ["behind a clean close", true],
  ["behind a kill", false],
] as const)("%s", (_, clean) => {
  test("an unharmed store is whole", async () => {
    expect(await outcomeOf(await made(clean))).toBe("whole");
  });

  test("a harmed file leaves every acknowledged write, or a refusal of its job alone", async () => {
    const root = await made(clean);
    const tally: Record<string, number> = {};
    for (const [number, file] of filesOf(root).entries()) {
      for (const [at, [name, harm]] of harms.entries()) {
        if ((number + at) % EVERY !== 0) continue;
        const copy = folder();
        cpSync(root, copy, { recursive: true });
        const harmed = join(copy, file.slice(root.length));
        harm(
          harmed,
          filesOf(copy).filter((each) => !each.endsWith("LOCK")),
        );
        const outcome = await outcomeOf(copy);
        expect(["whole", "JOB_CORRUPT"], `${name}: ${file}`).toContain(outcome);
        tally[outcome] = (tally[outcome] ?? 0) + 1;
        rmSync(copy, { recursive: true });
      }
    }
    console.log(`harmed files of a job ${_}: ${JSON.stringify(tally)}`);
    expect(tally["JOB_CORRUPT"]).toBeGreaterThan(20 / EVERY);
  });
});

test("jobs without their journal are refused", async () => {
  const root = await made(true);
  rmSync(join(root, ".journal"), { recursive: true });
  expect(await codeOf(() => JobStore.open(root))).toBe("JOB_CORRUPT");
});

test("a table that ends the process that opens it refuses its job, and this process lives", async () => {
  const root = await made(false);
  const table = filesOf(root).find((file) => file.endsWith(".ldb"));
  expect(table).toBeDefined();
  truncateSync(table as string, 4096);
  expect(await outcomeOf(root)).toBe("JOB_CORRUPT");
});

test("a refused job can be dropped, and made again", async () => {
  const root = await made(true);
  for (const file of filesOf(root)) if (file.endsWith(".ldb")) truncateSync(file, 10);
  const store = await openStore(root);
  expect(await codeOf(() => store.openJob("one"))).toBe("JOB_CORRUPT");
  await store.dropJob("one");
  expect(await (await store.openJob("one")).count("c")).toBe(0);
});
