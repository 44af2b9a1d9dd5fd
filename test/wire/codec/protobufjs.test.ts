/** The second reading: protobufjs, by the schema file, against our codec and our table. */
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import Long from "long";
import protobuf from "protobufjs";
import { describe, expect, it } from "vitest";
import { laneParts } from "../../../src/types/lane.js";
import * as decode from "../../../src/wire/codec/decode.js";
import * as encode from "../../../src/wire/codec/encode.js";
import type * as m from "../../../src/wire/messages.js";
import * as schemas from "../../../src/wire/codec/schema.js";
import * as random from "../arbitraries.js";
import { codecOf } from "./codecs.js";

const root = protobuf.loadSync(
  fileURLToPath(new URL("../../../proto/autobahn.proto", import.meta.url)),
);
const typeOf = (name: string) => root.lookupType(`autobahn.${name}`);

const ulong = (value: bigint) => Long.fromString(String(value), true);
const slong = (value: bigint) => Long.fromString(String(value), false);

const timestamp = (value: m.Timestamp) => ({ seconds: slong(value.seconds), nanos: value.nanos });
const lane = (value: m.BlockHeader["lane"]) => {
  const { key, joined } = laneParts(value);
  return { validator: { ed25519: key }, joined: ulong(joined) };
};
const sig = (value: m.Signature) => ({ key: { ed25519: value.key }, sig: value.bytes });
const header = (value: m.BlockHeader) => ({
  blockNumber: ulong(value.blockNumber),
  parentHash: value.parentHash,
  payloadHash: value.payloadHash,
  laneId: lane(value.lane),
});
const view = (value: m.View) => ({
  index: ulong(value.index),
  number: ulong(value.number),
  epochIndex: ulong(value.epochIndex),
});
const proposal = (value: m.Proposal) => ({
  view: view(value.view),
  laneRanges: value.laneRanges.map((range) => ({
    first: ulong(range.first),
    next: ulong(range.next),
    lastHash: range.lastHash,
    laneId: lane(range.lane),
  })),
  timestamp: timestamp(value.timestamp),
  globalFirst: ulong(value.globalFirst),
});
const app = (value: m.AppProposal) => ({
  roadIndex: ulong(value.roadIndex),
  ...(value.appHash === undefined ? {} : { appHash: value.appHash }),
  epochIndex: ulong(value.epochIndex),
  globalFirst: ulong(value.globalFirst),
  globalNext: ulong(value.globalNext),
});
const commitQC = (value: m.CommitQC) => ({ vote: proposal(value.vote), sigs: value.sigs.map(sig) });
const appQC = (value: m.AppQC) => ({ vote: app(value.vote), sigs: value.sigs.map(sig) });
const signedBlock = (value: m.SignedBlock) => ({
  msg: {
    header: header(value.msg.header),
    payload: {
      createdAt: timestamp(value.msg.payload.createdAt),
      txs: value.msg.payload.txs,
      totalGasWanted: ulong(value.msg.payload.totalGasWanted),
      totalGasEstimated: ulong(value.msg.payload.totalGasEstimated),
    },
  },
  sig: sig(value.sig),
});

/** Both encoders give the same bytes, both decoders the same value. */
function agree<T>(
  name: string,
  values: fc.Arbitrary<T>,
  ours: { encode: (value: T) => Uint8Array; decode: (bytes: Uint8Array) => T },
  theirs: (value: T) => Record<string, unknown>,
): void {
  it(`${name}: protobufjs and we write and read the same`, () => {
    const type = typeOf(name);
    fc.assert(
      fc.property(values, (value) => {
        const bytes = ours.encode(value);
        const other = type.encode(type.fromObject(theirs(value))).finish();
        expect(Buffer.compare(bytes, other)).toBe(0);
        expect(ours.decode(other)).toEqual(value);
        const read = type.toObject(type.decode(bytes), { longs: String, bytes: String });
        const expected = type.toObject(type.fromObject(theirs(value)), {
          longs: String,
          bytes: String,
        });
        expect(read).toEqual(expected);
      }),
      { numRuns: 200 },
    );
  });
}

describe("protobufjs", () => {
  agree(
    "SignedBlock",
    random.signedBlock,
    { encode: encode.encodeSignedBlock, decode: decode.decodeSignedBlock },
    signedBlock,
  );
  agree(
    "CommitQC",
    random.commitQC,
    { encode: encode.encodeCommitQC, decode: decode.decodeCommitQC },
    commitQC,
  );
  agree("AppQC", random.appQC, { encode: encode.encodeAppQC, decode: decode.decodeAppQC }, appQC);
  agree(
    "PersistedAvailPruneAnchor",
    random.anchor,
    { encode: encode.encodePruneAnchor, decode: decode.decodePruneAnchor },
    (value) => ({ appQc: appQC(value.appQC), commitQc: commitQC(value.commitQC) }),
  );

  it("PersistedInner: protobufjs re-encodes our bytes to the same", () => {
    const type = typeOf("PersistedInner");
    fc.assert(
      fc.property(random.inner, (value) => {
        const bytes = encode.encodePersistedInner(value);
        expect(Buffer.compare(type.encode(type.decode(bytes)).finish(), bytes)).toBe(0);
        expect(decode.decodePersistedInner(bytes)).toEqual(value);
      }),
      { numRuns: 100 },
    );
  });

  it("the table of fields and the schema file say the same", () => {
    const tables = Object.values(schemas).filter(
      (value): value is schemas.Schema => typeof value === "object" && "fields" in value,
    );
    expect(tables.length).toBe(root.lookup("autobahn") instanceof protobuf.Namespace ? 28 : 0);
    for (const table of tables) {
      const kinds = table.fields.flatMap((rule, number) =>
        rule === undefined ? [] : [[number, rule.name, rule.message?.name ?? rule.kind]],
      );
      const type = typeOf(table.name);
      const fields = type.fieldsArray.map((field) => {
        const name = field.name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
        const varint = /^u?int(32|64)$/.test(field.type);
        return [field.id, name, varint ? "varint" : field.type];
      });
      expect(kinds).toEqual(fields.sort((a, b) => Number(a[0]) - Number(b[0])));
    }
  });
});

describe("any bytes", () => {
  it("are read or refused with a DecodeError, and reading is stable", () => {
    const types = ["SignedBlock", "CommitQC", "AppQC", "PersistedAvailPruneAnchor", "TimeoutQC"];
    const mutated = fc
      .tuple(
        fc.oneof(
          random.signedBlock.map(encode.encodeSignedBlock),
          random.commitQC.map(encode.encodeCommitQC),
        ),
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 4 }),
      )
      .map(([bytes, changes]) => {
        const copy = bytes.slice();
        for (const [at, byte] of changes) copy[at % copy.length] = byte;
        return copy;
      });
    fc.assert(
      fc.property(
        fc.constantFrom(...types),
        fc.oneof(fc.uint8Array({ maxLength: 300 }), mutated),
        (type, bytes) => {
          const { reencode } = codecOf(type);
          let once: Uint8Array;
          try {
            once = reencode(bytes);
          } catch (error) {
            expect(error).toMatchObject({ name: "DecodeError" });
            return;
          }
          expect(Buffer.compare(reencode(once), once)).toBe(0);
        },
      ),
      { numRuns: 2_000 },
    );
  });
});
