/** Objects that are compressed by zstd, where this Node has it (22.15 and newer), and their refusal where it has not. */
import { expect, test } from "vitest";
import * as zlib from "node:zlib";
import { ObjectBuilder } from "../../../src/archive/form/builder.js";
import { ArchiveObject } from "../../../src/archive/form/object.js";
import { bestCompression } from "../../../src/archive/form/packing.js";
import { Key } from "../../../src/keys/key.js";
import { KeyRing } from "../../../src/keys/ring.js";
import { CHAIN_ID } from "../../model/chain.js";
import { refusal } from "../../node/kit.js";
import { chain, lane } from "../kit.js";

const hasZstd = "zstdCompress" in zlib;
const key = new Key(new Uint8Array(32).fill(7), "the test");

async function built(packing: Parameters<ObjectBuilder["finish"]>[0]) {
  const builder = new ObjectBuilder(CHAIN_ID, lane, 0n);
  for (let number = 0n; number < 9n; number++) builder.add(chain.block(lane, number).bytes);
  return await builder.finish(packing);
}

test("new objects are compressed by zstd where this Node has it, else by gzip", () => {
  expect(bestCompression).toBe(hasZstd ? "zstd" : "gzip");
});

test.runIf(hasZstd).for([
  ["plain", undefined],
  ["sealed", key],
] as const)(
  "an object of zstd comes back record for record, and is smaller; the same bytes each time: %s",
  async ([, sealing]) => {
    const [plain, packed, again] = await Promise.all(
      (["none", "zstd", "zstd"] as const).map((compression) =>
        built({ compression, key: sealing }),
      ),
    );
    expect(packed?.bytes).toEqual(again?.bytes);
    expect(packed?.bytes.length).toBeLessThan(plain?.bytes.length ?? 0);
    const object = await ArchiveObject.open(
      "x",
      packed?.bytes ?? new Uint8Array(0),
      new KeyRing(undefined, [key]),
    );
    for (let number = 0n; number < 9n; number++) {
      expect(Buffer.from(object.recordAt(number))).toEqual(
        Buffer.from(chain.block(lane, number).bytes),
      );
    }
    const cut = packed?.bytes.subarray(0, -9) ?? new Uint8Array(0);
    await refusal(ArchiveObject.open("x", cut, new KeyRing(undefined, [key])), "ARCHIVE_CORRUPT");
  },
);

test.runIf(!hasZstd)(
  "without zstd an object of it is refused, and the error says which Node has it",
  async () => {
    await refusal(built({ compression: "zstd", key: undefined }), "FORMAT_TOO_NEW");
  },
);
