import { beforeAll, describe, expect, test } from "vitest";
import { ObjectBuilder } from "../../../src/archive/form/builder.js";
import { sha256Hex } from "../../../src/archive/bucket/digest.js";
import { readHead } from "../../../src/archive/form/head.js";
import { encodeLink, encodeReceipt, hashOfLink } from "../../../src/archive/form/link.js";
import { linkName, logFolder, objectName, receiptName } from "../../../src/archive/form/names.js";
import { ROAD } from "../../../src/persist/kinds.js";
import { CHAIN_ID, TestChain } from "../../model/chain.js";
import {
  chain,
  chainOf,
  isObject,
  lane,
  ModelSource,
  recordOf,
  verified,
  writeAll,
  writerOf,
} from "../kit.js";
import { ModelBucket } from "../model-bucket.js";

let whole: ModelBucket;
beforeAll(async () => {
  whole = new ModelBucket();
  const source = new ModelSource(20n);
  for (const { log } of source.logs()) await writeAll(writerOf(whole, source, log), source);
});

const folder = logFolder(CHAIN_ID, lane);
const own = (): string[] => whole.names.filter((name) => name.startsWith(`${folder}/`));

/** Verifies a copy of the archive that was harmed, and tells how that ended. */
async function verdict(
  harm: (objects: Map<string, Uint8Array>) => void,
  log: typeof lane | typeof ROAD = lane,
) {
  const bucket = new ModelBucket(whole.objects);
  harm(bucket.objects);
  return await verified(bucket, log).then(
    () => undefined,
    (cause: unknown) => cause as { readonly code: string; readonly file?: string },
  );
}

test("an archive that nobody has touched is whole, and its lanes are finalised by the road", async () => {
  expect(await verified(whole, lane)).toEqual({
    log: lane,
    first: 0n,
    next: 20n,
    objects: own().filter(isObject).length,
    records: 20n,
    bytes: expect.any(Number) as number,
    holes: [],
    unlinked: [],
    finalisedNext: 20n,
  });
  expect(await verified(whole, ROAD)).toMatchObject({ first: 0n, next: 20n });
});

describe("every single object, link and receipt of a lane", () => {
  test("that is removed is named", async () => {
    for (const name of own()) {
      const told = await verdict((objects) => objects.delete(name));
      // A writer that stopped behind the newest link leaves it without a receipt, too.
      if (name === own().findLast((each) => each.includes("/receipt/")))
        expect(told).toBe(undefined);
      else expect(told, name).toMatchObject({ code: "ARCHIVE_CORRUPT", file: name });
    }
  });

  test("that is cut is named", async () => {
    for (const name of own()) {
      const told = await verdict((objects) => {
        objects.set(name, objects.get(name)?.slice(0, -1) ?? new Uint8Array());
      });
      expect(told, name).toMatchObject({ code: "ARCHIVE_CORRUPT", file: name });
    }
  });

  test("that is altered in one bit is noticed", async () => {
    for (const name of own()) {
      const size = whole.objects.get(name)?.length ?? 0;
      for (const at of [0, size >> 1, size - 2]) {
        const told = await verdict((objects) => {
          const bytes = Uint8Array.from(objects.get(name) ?? []);
          bytes[at] = (bytes[at] ?? 0) ^ 4;
          objects.set(name, bytes);
        });
        expect(told?.code, `${name} at ${at}`).toBe("ARCHIVE_CORRUPT");
        // Of a link and what names it, nobody can say which of both was altered.
        if (isObject(name)) expect(told, `${name} at ${at}`).toMatchObject({ file: name });
      }
    }
  });

  test("that is swapped with another is noticed", async () => {
    const [first = "", second = ""] = own();
    const links = own().filter((name) => name.includes("/chain/"));
    const road = whole.names.find((name) => name.includes("/road/0")) ?? "";
    for (const [one, other] of [
      [first, second],
      [links[0] ?? "", links[1] ?? ""],
      [first, road],
    ] as const) {
      const told = await verdict((objects) => {
        objects.set(one, whole.objects.get(other) ?? new Uint8Array());
        objects.set(other, whole.objects.get(one) ?? new Uint8Array());
      });
      expect(told, `${one} and ${other}`).toMatchObject({ code: "ARCHIVE_CORRUPT" });
      expect([one, other]).toContain(told?.file);
    }
  });
});

/**
 * Replaces object, link and receipt of an ordinal by those of the same records in another form: each of the three is
 * valid by itself, and they agree with each other.
 */
async function repacked(bucket: ModelBucket, log: typeof lane | typeof ROAD, ordinal: number) {
  const link = await chainOf(bucket, log).link(ordinal);
  if (!link) throw new Error(`${log} has no link ${ordinal}`);
  const own = logFolder(CHAIN_ID, log);
  const builder = new ObjectBuilder(CHAIN_ID, log, link.first);
  for (let number = link.first; number < link.next; number++) builder.add(recordOf(log, number));
  const { bytes } = await builder.finish({ compression: "gzip", key: undefined });
  const other = encodeLink({ ...link, bytes: bytes.length, sha256: await sha256Hex(bytes) });
  bucket.objects.set(objectName(own, link.first, link.next), bytes);
  bucket.objects.set(linkName(own, ordinal), other);
  bucket.objects.set(receiptName(own, ordinal), encodeReceipt(hashOfLink(other)));
}

describe.each([
  ["a lane", lane],
  ["the road", ROAD],
] as const)("in %s", (_, log) => {
  test("an object that was replaced with its link and its receipt is noticed by the link behind it", async () => {
    const own = logFolder(CHAIN_ID, log);
    const { length } = whole.names.filter((name) => name.startsWith(`${own}/chain/`));
    expect(length).toBeGreaterThan(2);
    for (let ordinal = 0; ordinal < length - 1; ordinal++) {
      const bucket = new ModelBucket(whole.objects);
      await repacked(bucket, log, ordinal);
      await expect(verified(bucket, log), `link ${ordinal}`).rejects.toMatchObject({
        code: "ARCHIVE_CORRUPT",
        file: linkName(own, ordinal + 1),
        message: expect.stringMatching(
          /does not name the link before it: one was replaced/,
        ) as string,
      });
    }
    // Of the newest one nothing depends yet: its records are the same, and are proven as the others are.
    const bucket = new ModelBucket(whole.objects);
    await repacked(bucket, log, length - 1);
    expect(await verified(bucket, log)).toMatchObject({ first: 0n, next: 20n });
  });

  test("an object in another form, as long as its own, is not the one that its link names", async () => {
    const link = await chainOf(whole, log).link(1);
    const name = objectName(logFolder(CHAIN_ID, log), link?.first ?? 0n, link?.next ?? 0n);
    const bytes = Uint8Array.from(whole.objects.get(name) ?? []);
    const { bodyAt } = readHead(name, bytes);
    // The length before the first record: the index has lengths of its own, and no checksum covers this one.
    bytes[bodyAt] = (bytes[bodyAt] ?? 0) ^ 1;
    const told = await verdict((objects) => objects.set(name, bytes), log);
    expect(told).toMatchObject({
      code: "ARCHIVE_CORRUPT",
      file: name,
      message: expect.stringMatching(/its SHA-256 is not the one in link 1/) as string,
    });
  });
});

test("a lane that was written anew with a forged block is not signed by its owner", async () => {
  const bucket = new ModelBucket();
  const forger = new ModelSource(6n);
  forger.record = (log, number) => {
    const bytes = Uint8Array.from(recordOf(log, number));
    // The last byte of the signature.
    if (number === 3n) bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    return bytes;
  };
  await writeAll(writerOf(bucket, forger, lane), forger);
  await expect(verified(bucket, lane)).rejects.toMatchObject({
    code: "ARCHIVE_CORRUPT",
    message: expect.stringMatching(/record 3 does not verify/) as string,
  });
});

test("a lane whose owner signed another block than the one that was finalised is refused", async () => {
  const bucket = new ModelBucket(
    [...whole.objects].filter(([name]) => !name.includes(lane)) as never,
  );
  const source = new ModelSource(20n);
  source.record = (log, number) => {
    return number === 19n ? chain.block(lane, number, 1).bytes : recordOf(log, number);
  };
  await writeAll(writerOf(bucket, source, lane), source);
  await expect(verified(bucket, lane)).rejects.toMatchObject({
    code: "ARCHIVE_CORRUPT",
    message: expect.stringMatching(/block 19 is not the one that commit QC 19 finalised/) as string,
  });
});

test("a link that says another last hash is refused", async () => {
  const bucket = new ModelBucket(whole.objects);
  const link = await chainOf(bucket, lane).link(0);
  if (!link) throw new Error("the lane has a link");
  const name = linkName(folder, 0);
  const isFirst = (each: string): boolean => each.includes("/00000000000000000000-");
  for (const each of own()) if (!isFirst(each)) bucket.objects.delete(each);
  bucket.objects.set(name, encodeLink({ ...link, last: "ab".repeat(32) }));
  const told = await verified(bucket, lane).catch((cause: unknown) => cause);
  expect(told).toMatchObject({ code: "ARCHIVE_CORRUPT", file: name });
});

test("committees of another chain prove nothing", async () => {
  const parts = { bucket: whole, chain: chainOf(whole, ROAD), road: chainOf(whole, ROAD) };
  const { verifyLog } = await import("../../../src/archive/reading/verify.js");
  const other = new TestChain(3);
  await expect(verifyLog(parts, { epochOf: other.epochOf })).rejects.toMatchObject({
    code: "ARCHIVE_CORRUPT",
  });
  await expect(verifyLog(parts, { epochOf: () => undefined })).rejects.toMatchObject({
    code: "WRONG_COMMITTEE",
  });
});

test("an archive of nothing is whole", async () => {
  expect(await verified(new ModelBucket(), lane)).toMatchObject({ objects: 0, records: 0n });
});
