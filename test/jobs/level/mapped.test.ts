/** D9: the tables that LevelDB maps into memory do not grow with the rows of a job. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { realSurroundings } from "../../../src/disk/surroundings.js";
import { FolderHomes } from "../../../src/jobs/level/home.js";
import { folder } from "../kit.js";

/** LevelDB's smallest bound, and the size of its tables. */
const TABLES_MAX = 64;
const TABLE_BYTES = 2 * 1024 * 1024;
const ROW_BYTES = 512 * 1024;

const keyOf = (number: number): Buffer => Buffer.from(String(number).padStart(8, "0"));

/** The tables below `root` that this process has in its memory. */
function mappedTables(root: string): ReadonlySet<string> {
  const lines = readFileSync("/proc/self/maps", "utf8").split("\n");
  const files = lines.flatMap((line) => /\s(\/\S+\.ldb)$/.exec(line)?.[1] ?? []);
  return new Set(files.filter((file) => file.startsWith(root)));
}

test("a job of many tables has some of them mapped, whatever is read", async () => {
  const root = folder();
  const { disk } = realSurroundings();
  const home = new FolderHomes(disk, root).of("job", 1n);
  const rows = Math.ceil((1.3 * TABLES_MAX * TABLE_BYTES) / ROW_BYTES);
  const made = await home.make();
  for (let number = 0; number < rows; number++) {
    await made.put(keyOf(number), Buffer.alloc(ROW_BYTES, number));
  }
  await made.compactRange?.(keyOf(0), keyOf(rows));
  await made.close();

  const database = await home.open();
  let most = 0;
  for (let number = 0; number < rows; number++) {
    expect((await database.get(keyOf(number)))?.[0]).toBe(number & 0xff);
    most = Math.max(most, mappedTables(root).size);
  }
  expect(most).toBeGreaterThan(TABLES_MAX / 2);
  expect(most).toBeLessThanOrEqual(TABLES_MAX);
  await database.close();
});
