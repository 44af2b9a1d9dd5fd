/**
 * A reader of an archive that knows the page `src/archive/README.md` and nothing of the sources: each name, each link
 * and each object is read as the page says, so that a reader in any language can be written by it.
 */
import { createDecipheriv, createHash, hkdfSync } from "node:crypto";
import { gunzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { Key } from "../../../src/keys/key.js";
import { ROAD } from "../../../src/persist/kinds.js";
import { CHAIN_ID } from "../../model/chain.js";
import { lane, ModelSource, recordOf, writeAll, writerOf } from "../kit.js";
import { ModelBucket } from "../model-bucket.js";

const RING_KEY = Buffer.alloc(32, 3);
const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** CRC-32C, bit by bit. */
function crcOf(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}

interface PageLink {
  readonly format: number;
  readonly chain: string;
  readonly log: string;
  readonly ordinal: number;
  readonly before: string | null;
  readonly first: string;
  readonly next: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly last: string;
}

/** The records of an object, and the hash of each by the index. */
function recordsIn(object: Buffer, link: PageLink): readonly (readonly [Buffer, string])[] {
  expect(object.toString("latin1", 0, 8)).toBe("LKARCH01");
  const [kind, compression, sealing, idLength = 0] = object.subarray(8, 12);
  expect(kind).toBe(link.log === "road" ? 0 : 1);
  let at = 12 + idLength;
  expect(object.toString("latin1", 12, at)).toBe(link.chain);
  if (kind === 1) expect(object.toString("hex", at, (at += 40))).toBe(link.log);
  expect(String(object.readBigUInt64LE(at))).toBe(link.first);
  const count = object.readUInt32LE(at + 8);
  expect(BigInt(link.first) + BigInt(count)).toBe(BigInt(link.next));
  const bodyBytes = Number(object.readBigUInt64LE(at + 12));
  at += 20;
  const salt = object.subarray(at + 8, at + 40);
  if (sealing === 1) at += 40;
  const head = object.subarray(0, at);
  expect(object.readUInt32LE(at)).toBe(crcOf(head));
  let body = object.subarray(at + 4);
  if (sealing === 1) {
    const info = Buffer.concat([Buffer.from("lanekeeper archive object 1\0"), head]);
    const key = new Uint8Array(hkdfSync("sha256", RING_KEY, salt, info, 32));
    const open = createDecipheriv("aes-256-gcm", key, Buffer.alloc(12));
    open.setAAD(head).setAuthTag(body.subarray(-16));
    body = Buffer.concat([open.update(body.subarray(0, -16)), open.final()]);
  }
  if (compression === 1) body = gunzipSync(body);
  expect(body.length).toBe(bodyBytes);
  const indexAt = bodyBytes - 4 - 44 * count;
  const index = body.subarray(indexAt, bodyBytes - 4);
  expect(body.readUInt32LE(bodyBytes - 4)).toBe(crcOf(index));
  const found: (readonly [Buffer, string])[] = [];
  for (let each = 0, next = 0; each < count; each++) {
    // The length before a message, as a varint.
    let length = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = body.readUInt8(next++);
      length += (byte & 0x7f) * scale;
      if (byte < 0x80) break;
    }
    const entry = index.subarray(44 * each, 44 * each + 44);
    const message = body.subarray(next, next + length);
    expect([entry.readUInt32LE(0), entry.readUInt32LE(4), entry.readUInt32LE(8)]).toEqual([
      next,
      length,
      crcOf(message),
    ]);
    next += length;
    found.push([message, entry.toString("hex", 12)]);
    if (each === count - 1) expect(next).toBe(indexAt);
  }
  return found;
}

test.for([
  ["plain", { compression: "none", key: undefined }],
  ["compressed", { compression: "gzip", key: undefined }],
  ["compressed and sealed", { compression: "gzip", key: new Key(RING_KEY, "the test") }],
] as const)("an archive of %s objects is read by the page of its format", async ([, packing]) => {
  const bucket = new ModelBucket();
  const source = new ModelSource(20n);
  for (const log of [lane, ROAD] as const) {
    await writeAll(writerOf(bucket, source, log, { packing }), source);
    const folder = log === ROAD ? `${CHAIN_ID}/road` : `${CHAIN_ID}/lane/${log}`;
    const held = (name: string): Buffer => {
      return Buffer.from(bucket.objects.get(`${folder}/${name}`) ?? expect.fail(`no ${name}`));
    };
    const links = bucket.names.filter((name) => name.startsWith(`${folder}/chain/`)).length;
    let before: string | null = null;
    let number = 0n;
    for (let ordinal = 0; ordinal < links; ordinal++) {
      const bytes = held(`chain/${String(ordinal).padStart(10, "0")}`);
      const link = JSON.parse(bytes.toString()) as PageLink;
      expect(link).toMatchObject({ format: 1, chain: CHAIN_ID, log, ordinal, before });
      before = sha256(bytes);
      expect(held(`receipt/${String(ordinal).padStart(10, "0")}`).toString()).toBe(`${before}\n`);
      const object = held(`${link.first.padStart(20, "0")}-${link.next.padStart(20, "0")}`);
      expect([object.length, sha256(object)]).toEqual([link.bytes, link.sha256]);
      const records = recordsIn(object, link);
      for (const [message] of records)
        expect(message).toEqual(Buffer.from(recordOf(log, number++)));
      expect(records.at(-1)?.[1]).toBe(link.last);
    }
    expect(number).toBe(20n);
  }
});
