import { expect, test } from "vitest";
import { ObjectBuilder, type Packing } from "../../../src/archive/form/builder.js";
import { readHead } from "../../../src/archive/form/head.js";
import { ArchiveObject } from "../../../src/archive/form/object.js";
import { bestCompression } from "../../../src/archive/form/packing.js";
import { Key } from "../../../src/keys/key.js";
import { KeyRing } from "../../../src/keys/ring.js";
import { ROAD } from "../../../src/persist/kinds.js";
import { CHAIN_ID } from "../../model/chain.js";
import { chain, lane, plain, recordOf } from "../kit.js";

const key = new Key(Buffer.alloc(32, 7), "the test");
const ring = new KeyRing(key);
const packings: readonly (readonly [string, Packing])[] = [
  ["plain", plain],
  ["compressed", { compression: bestCompression, key: undefined }],
  ["gzip", { compression: "gzip", key: undefined }],
  ["sealed", { compression: "none", key }],
  ["compressed and sealed", { compression: bestCompression, key }],
];

async function built(packing: Packing, log: typeof ROAD | typeof lane = lane, first = 5n) {
  const builder = new ObjectBuilder(CHAIN_ID, log, first);
  for (let number = first; number < first + 4n; number++) builder.add(recordOf(log, number));
  return await builder.finish(packing);
}

test.for(packings)(
  "a %s object gives back its records, their hashes and its range",
  async ([, packing]) => {
    for (const log of [lane, ROAD] as const) {
      const { bytes, first, next, last } = await built(packing, log);
      const object = await ArchiveObject.open("x", bytes, ring);
      expect([object.chainId, object.log, object.first, object.next]).toEqual([
        CHAIN_ID,
        log,
        first,
        next,
      ]);
      for (let number = first; number < next; number++) {
        expect(Buffer.compare(object.recordAt(number), recordOf(log, number))).toBe(0);
      }
      expect(Buffer.compare(object.hashAt(next - 1n), last)).toBe(0);
      if (log === lane) expect(Buffer.compare(last, chain.block(lane, next - 1n).hash)).toBe(0);
    }
  },
);

test.for(packings)(
  "the same records make the same %s object, byte for byte",
  async ([, packing]) => {
    const one = await built(packing);
    const other = await built(packing);
    expect(Buffer.compare(one.bytes, other.bytes)).toBe(0);
  },
);

test("every bit of a plain object that changes is noticed when all of it is read", async () => {
  const { bytes, first, next } = await built(plain);
  const read = async (changed: Uint8Array): Promise<void> => {
    const object = await ArchiveObject.open("x", changed, undefined);
    for (let number = first; number < next; number++) object.recordAt(number);
  };
  await read(bytes);
  let silent = 0;
  for (let at = 0; at < bytes.length; at += 7) {
    const changed = Uint8Array.from(bytes);
    changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
    const noticed = await read(changed).then(
      () => false,
      (cause: unknown) => (cause as { readonly code: string }).code === "ARCHIVE_CORRUPT",
    );
    // The lengths between records are for readers that have no index.
    if (!noticed) silent += 1;
  }
  expect(silent).toBeLessThanOrEqual(2 * Number(next - first));
});

test("a sealed object opens with its key alone, and names it", async () => {
  const { bytes } = await built({ compression: "none", key });
  const body = Buffer.from(bytes);
  expect(body.includes(Buffer.from(recordOf(lane, 5n)).subarray(-64))).toBe(false);
  await expect(ArchiveObject.open("x", bytes, undefined)).rejects.toMatchObject({
    code: "KEY_MISSING",
    message: expect.stringContaining(key.id) as string,
  });
  body.writeUInt8(body.readUInt8(body.length - 1) ^ 1, body.length - 1);
  await expect(ArchiveObject.open("x", body, ring)).rejects.toMatchObject({
    code: "ARCHIVE_CORRUPT",
  });
});

test("other records, and another place of the same ones, have another key", async () => {
  const sealing: Packing = { compression: "none", key };
  const salts = await Promise.all(
    [built(sealing), built(sealing, lane, 6n), built(sealing, ROAD)].map(async (each) => {
      const { bytes } = await each;
      return Buffer.from(bytes.subarray(0, 200)).toString("hex");
    }),
  );
  expect(new Set(salts).size).toBe(3);
});

test("two packings of the same records have two keys: libraries differ in what they make of them", async () => {
  const salts = await Promise.all(
    (["none", "gzip"] as const).map(async (compression) => {
      const { bytes } = await built({ compression, key });
      return Buffer.from(readHead("x", bytes).salted?.salt ?? []).toString("hex");
    }),
  );
  expect(salts[0]).toHaveLength(64);
  expect(new Set(salts).size).toBe(2);
});

test("a cut object, another file and a newer format are refused with their name", async () => {
  const { bytes } = await built(plain);
  for (const harmed of [
    bytes.subarray(0, 40),
    bytes.subarray(0, bytes.length - 1),
    Buffer.from("LKARCH02 of another format, and more bytes behind it"),
    Buffer.alloc(0),
  ]) {
    await expect(ArchiveObject.open("the/name", harmed, undefined)).rejects.toMatchObject({
      code: "ARCHIVE_CORRUPT",
      file: "the/name",
    });
  }
});
