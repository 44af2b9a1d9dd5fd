import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, expect, test } from "vitest";
import { Journal } from "../../src/records/journal.js";
import { appendTexts, put, PUT, refusal, replayed, SEGMENT_BYTES, texts } from "./kit.js";

const choices = { types: [PUT], segmentBytes: SEGMENT_BYTES };
const made: string[] = [];

afterEach(async () => {
  for (const directory of made.splice(0)) await rm(directory, { recursive: true });
});

async function freshDirectory(): Promise<string> {
  const parent = await mkdtemp(join(tmpdir(), "lanekeeper-records-"));
  made.push(parent);
  return join(parent, "journal");
}

test("on a real disk: written, locked, closed, read again", async () => {
  const directory = await freshDirectory();
  await refusal(Journal.open(directory, choices), "NOT_A_STORE");
  await Journal.init(directory, { segmentBytes: SEGMENT_BYTES });
  const journal = await Journal.open(directory, choices);
  expect(journal.durable).toBe(true);
  await appendTexts(journal, 1, 20);
  await journal.appendBatch([put("text 20"), put("text 21")]);
  await refusal(Journal.open(directory, choices), "STORE_LOCKED");
  await refusal(Journal.init(directory), "STORE_EXISTS");
  await journal.close();
  const again = await Journal.open(directory, choices);
  expect(await replayed(again)).toEqual(texts(1, 22));
  await again.close();
});

test("a relative path means what it meant at the call, whatever folder the process is in later", async () => {
  const directory = await freshDirectory();
  const before = process.cwd();
  process.chdir(dirname(directory));
  try {
    await Journal.init("journal", { segmentBytes: SEGMENT_BYTES });
    const journal = await Journal.open("journal", choices);
    process.chdir("/");
    // Rotations look at STORE, and make slots, by name.
    for (let count = 0; count < 20; count++) await journal.append(put("x".repeat(4000)));
    await journal.close();
  } finally {
    process.chdir(before);
  }
  const again = await Journal.open(pathToFileURL(directory), choices);
  expect(again.durableLsn).toBe(20n);
  await again.close();
});

test("on a real disk: truncated, recycled, within its bound", async () => {
  const directory = await freshDirectory();
  await Journal.init(directory, { segmentBytes: SEGMENT_BYTES });
  const journal = await Journal.open(directory, choices);
  let segments = 0;
  for (let round = 0; round < 20; round++) {
    await Promise.all(Array.from({ length: 12 }, () => journal.append(put("x".repeat(3000)))));
    await journal.checkpoint(journal.durableLsn);
    segments += (await journal.truncateBefore(journal.durableLsn - 2n)).segments;
  }
  expect(segments).toBeGreaterThan(3);
  const { records, bytes } = journal.sizes;
  expect(records).toBeLessThan(20n);
  await journal.close();
  const names = await readdir(join(directory, "journal"));
  const sizes = await Promise.all(
    names.map(async (name) => (await stat(join(directory, "journal", name))).size),
  );
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(bytes + 4 * SEGMENT_BYTES);
  const again = await Journal.open(directory, choices);
  expect(again.sizes.records).toBe(records);
  await again.close();
});
