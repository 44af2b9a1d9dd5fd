/** Every edge of 64 bits at the door of jobs: a number is refused, or means the same after a reopen. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
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
import { edge } from "../types/edges.js";
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

/** An edge, or the same below zero, as a bigint or, where it is one, as a number. */
const value = fc
  .record({ edge, sign: fc.constantFrom(1n, -1n), isNumber: fc.boolean() })
  .map(({ edge: at, sign, isNumber }) => (isNumber ? Number(at * sign) : at * sign));

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
      const property = fc.asyncProperty(fc.array(value, { maxLength: 16 }), async (values) => {
        const root = folder();
        const store = await openStore(root);
        const job = await store.openJob("job");
        const kept = new Set<bigint>();
        for (const each of values) {
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
      await fc.assert(property, { numRuns: 3, seed: 1 });
    },
  );
});

describe("limits and versions", () => {
  test("a limit of rows is any number that is exact, and no other", async () => {
    const job = await (await memoryStore()).openJob("job");
    await fill(job);
    const rows = shown(await job.scan("c").all());
    const property = fc.asyncProperty(edge.map(Number), async (limit) => {
      const isExact = limit >= 0 && Number.isSafeInteger(limit);
      const scan = async () => await job.scan("c", {}, { limit }).all();
      if (!isExact) {
        expect(await codeOf(scan), String(limit)).toBe("USAGE");
        return;
      }
      expect(shown(await scan())).toEqual(rows.slice(0, limit));
    });
    await fc.assert(property, { numRuns: 60, seed: 1 });
  });

  test("a schema version of 32 bits is known again; a store of a newer one is refused", async () => {
    const property = fc.asyncProperty(edge.map(Number), async (schemaVersion) => {
      const root = folder();
      const store = await openStore(root);
      const opening = async () => await store.openJob("job", { schemaVersion });
      if (schemaVersion < 1 || schemaVersion >= 2 ** 32) {
        expect(await codeOf(opening), String(schemaVersion)).toBe("USAGE");
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
    });
    await fc.assert(property, { numRuns: 10, seed: 1 });
  });

  test("bytes of a queue and between checkpoints are any number that is exact, and no other", async () => {
    const property = fc.asyncProperty(edge.map(Number), edge.map(Number), async (...bytes) => {
      const [queueBytes, checkpointBytes] = bytes;
      const isExact = bytes.every((each) => each >= 1 && Number.isSafeInteger(each));
      const root = folder();
      const opening = async () => await openStore(root, { queueBytes, checkpointBytes });
      if (!isExact) {
        expect(await codeOf(opening), bytes.join()).toBe("USAGE");
        return;
      }
      const store = await opening();
      await fill(await store.openJob("job"));
      await store.close();
      expect(await (await (await opening()).openJob("job")).count("c")).toBe(5);
    });
    await fc.assert(property, { numRuns: 10, seed: 1 });
  });
});
