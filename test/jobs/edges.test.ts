/** Every edge of 64 bits at the door of jobs: a number is refused, or means the same after a reopen. */
import * as fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import {
  byte,
  decodeParts,
  enumeration,
  int,
  type Job,
  key,
  payload,
  type SizedNumber,
  uint16,
  uint32,
  uint64,
} from "../../src/jobs/index.js";
import { edges } from "../types/edges.js";
import { codeOf, fill, folder, memoryStore, openStore, shown } from "./kit.js";

type Kind = "byte" | "enumeration" | "int" | "uint16" | "uint32" | "uint64";

const CODECS: readonly [Kind, (value: number | bigint) => SizedNumber, bigint, bigint][] = [
  ["byte", byte, 0n, 2n ** 8n - 1n],
  ["enumeration", enumeration, -(2n ** 63n), 2n ** 63n - 1n],
  ["int", int, -(2n ** 63n), 2n ** 63n - 1n],
  ["uint16", uint16, 0n, 2n ** 16n - 1n],
  ["uint32", uint32, 0n, 2n ** 32n - 1n],
  ["uint64", uint64, 0n, 2n ** 64n - 1n],
];

/** Every edge, and the same below zero, as a bigint and as a number. */
const values = edges.flatMap((each) => [each, -each, Number(each), Number(-each)]);

/** The rows of a category that each have their key as their value, taken apart. */
async function valuesOf(job: Job, kind: Kind): Promise<bigint[]> {
  const rows = await job.scan(kind).all();
  for (const row of rows) expect(row.value).toEqual(row.key);
  return rows.map((row) => BigInt(decodeParts(row.key, [kind])[0]));
}

describe("numbers in keys and values", () => {
  test.each(CODECS)(
    "%s: kept exactly and in order through a reopen, or refused",
    async (kind, codec, min, max) => {
      const everyValue = fc.shuffledSubarray(values, { minLength: values.length });
      const property = fc.asyncProperty(everyValue, async (shuffled) => {
        const root = folder();
        const store = await openStore(root);
        const job = await store.openJob("job");
        const kept = new Set<bigint>();
        for (const each of shuffled) {
          const isExact = typeof each === "bigint" || Number.isSafeInteger(each);
          if (!isExact || BigInt(each) < min || BigInt(each) > max) {
            expect(await codeOf(() => codec(each)), String(each)).toBe("USAGE");
            continue;
          }
          kept.add(BigInt(each));
          await job.put(kind, key(codec(each)), payload(codec(each)));
        }
        await store.close();
        const again = await (await openStore(root)).openJob("job");
        const sorted = [...kept].sort((left, right) => (left < right ? -1 : 1));
        expect(await valuesOf(again, kind)).toEqual(sorted);
        for (const [at, from] of sorted.entries()) {
          expect(await again.count(kind, { start: key(codec(from)) })).toBe(sorted.length - at);
          expect(await again.count(kind, { stop: key(codec(from)) })).toBe(at);
        }
      });
      await fc.assert(property, { numRuns: 2, seed: 1 });
    },
  );
});

describe("limits and versions", () => {
  test("a limit of rows is any number that is exact, and no other", async () => {
    const job = await (await memoryStore()).openJob("job");
    await fill(job);
    const rows = shown(await job.scan("c").all());
    for (const limit of edges.map(Number)) {
      const scan = async () => await job.scan("c", {}, { limit }).all();
      if (limit < 0 || !Number.isSafeInteger(limit)) {
        expect(await codeOf(scan), String(limit)).toBe("USAGE");
      } else expect(shown(await scan())).toEqual(rows.slice(0, limit));
    }
  });

  test.each(edges.map(Number))(
    "schema version %d: known again, or refused",
    async (schemaVersion) => {
      const root = folder();
      const store = await openStore(root);
      const opening = async () => await store.openJob("job", { schemaVersion });
      if (schemaVersion < 1 || schemaVersion >= 2 ** 32) {
        expect(await codeOf(opening)).toBe("USAGE");
        expect(store.jobs()).toEqual([]);
        return;
      }
      await fill(await opening());
      await store.close();
      const again = await openStore(root);
      if (schemaVersion > 1) {
        const older = { schemaVersion: schemaVersion - 1 };
        expect(await codeOf(async () => await again.openJob("job", older))).toBe("FORMAT_TOO_NEW");
      }
      expect(await (await again.openJob("job", { schemaVersion })).count("c")).toBe(5);
    },
  );

  test("bytes of a queue and between checkpoints are any number that is exact, and no other", async () => {
    for (const bytes of edges.map(Number)) {
      for (const choices of [{ queueBytes: bytes }, { checkpointBytes: bytes }]) {
        const opening = async () => await memoryStore(choices);
        if (bytes < 1 || !Number.isSafeInteger(bytes)) {
          expect(await codeOf(opening), String(bytes)).toBe("USAGE");
          continue;
        }
        const job = await (await opening()).openJob("job");
        await fill(job);
        expect(await job.count("c")).toBe(5);
      }
    }
  });
});

test("timers that a test has replaced do not stop jobs", async () => {
  vi.useFakeTimers();
  try {
    const store = await memoryStore();
    const job = await store.openJob("peers");
    await job.put("scores", Buffer.from("a"), Buffer.from("plain"));
    await job.put("scores", Buffer.from("b"), Buffer.from("kept"), { durable: true });
    await job.flush();
    expect(await job.count("scores")).toBe(2);
    await store.close();
  } finally {
    vi.useRealTimers();
  }
});
