/** The fixed forms on disk: round trips, total decoders, and every flipped bit noticed. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { decodeHead, encodeHead, type Head } from "../../../src/journal/form/head.js";
import {
  decodeMark,
  encodeMark,
  type Mark,
  MARK_SLOT_BYTES,
} from "../../../src/journal/form/mark.js";
import { decodeStore, encodeStore } from "../../../src/journal/form/store.js";
import { slotName, slotOfName } from "../../../src/journal/form/records.js";

const u32 = fc.nat(0xffff_ffff);
const u64 = fc.bigInt(0n, 0xffff_ffff_ffff_ffffn);
const bytes = (length: number): fc.Arbitrary<Uint8Array> => {
  return fc.uint8Array({ minLength: length, maxLength: length });
};
const name = fc.stringMatching(/^[ -~]{1,90}$/);
const range = fc.tuple(u64, u64).map(([a, b]): [bigint, bigint] => (a < b ? [a, b] : [b, a]));
const seqs = fc.record({ acked: u64, inFlight: u64 });
const pins = fc.array(fc.record({ name, number: u64, hash: bytes(32) }), { maxLength: 5 });

const segments = fc.array(
  fc.record({
    slot: u32,
    sequence: u64,
    firstLsn: u64,
    nextLsn: u64,
    endOffset: u32,
    endChain: u32,
  }),
  { maxLength: 6 },
);

const heads: fc.Arbitrary<Head> = fc.record({
  storeId: bytes(16),
  generation: u64,
  sequence: u64,
  salt: bytes(32),
  firstLsn: u64,
  anchorSeq: u64,
  voteSeq: u64,
  seal: fc.option(fc.record({ keyId: bytes(8), check: bytes(16) }), { nil: undefined }),
  nextLog: u32,
  sealed: segments,
  ended: segments,
  retainedSlots: fc
    .uniqueArray(fc.nat({ max: 3000 }), { maxLength: 20 })
    .map((slots) => slots.sort((a, b) => a - b)),
  logs: fc.array(
    fc.tuple(u32, name, range, bytes(32)).map(([log, logName, [first, next], tip]) => {
      return { log, name: logName, first, next, tip };
    }),
    { maxLength: 6 },
  ),
});

const marks: fc.Arbitrary<Mark> = fc.record({
  storeId: bytes(16),
  sequence: u64,
  generation: u64,
  headSequence: u64,
  acked: u64,
  anchor: seqs,
  vote: seqs,
  voteRoadIndex: u64,
  origin: fc.record({ inode: u64, bornNs: u64 }),
  pins,
});

const identities = fc.record({
  storeId: bytes(16),
  chainId: fc.stringMatching(/^[ -~]{1,255}$/),
  createdMs: u64,
});

/** Every copy of `form` with one bit turned over. */
function* flips(form: Uint8Array): Generator<Uint8Array> {
  for (let bit = 0; bit < form.length * 8; bit++) {
    const copy = Uint8Array.from(form);
    copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    yield copy;
  }
}

test("a head, a mark and a STORE are read as they were written", () => {
  fc.assert(
    fc.property(heads, (head) => {
      expect(decodeHead(encodeHead(head))).toMatchObject({ status: "head", head });
    }),
  );
  fc.assert(
    fc.property(marks, (mark) => {
      const slot = Buffer.alloc(MARK_SLOT_BYTES);
      slot.set(encodeMark(mark));
      expect(decodeMark(slot)).toMatchObject({ status: "valid", mark });
    }),
    { numRuns: 40 },
  );
  fc.assert(
    fc.property(identities, (identity) => {
      expect(decodeStore(encodeStore(identity))).toEqual({ status: "valid", identity });
    }),
  );
});

test("every single flipped bit of a head, a mark and a STORE is noticed", () => {
  const bounded = { numRuns: 4, seed: 11 };
  fc.assert(
    fc.property(heads, (head) => {
      for (const flipped of flips(encodeHead(head))) {
        expect(decodeHead(flipped).status).not.toBe("head");
      }
    }),
    bounded,
  );
  fc.assert(
    fc.property(marks, (mark) => {
      for (const flipped of flips(encodeMark(mark))) {
        expect(decodeMark(flipped).status).toBe("bad");
      }
    }),
    bounded,
  );
  fc.assert(
    fc.property(identities, (identity) => {
      for (const flipped of flips(encodeStore(identity))) {
        expect(decodeStore(flipped).status).not.toBe("valid");
      }
    }),
    bounded,
  );
});

test("a form that is cut short or followed by more is not taken", () => {
  fc.assert(
    fc.property(heads, marks, identities, fc.nat(), (head, mark, identity, at) => {
      for (const form of [encodeHead(head), encodeMark(mark), encodeStore(identity)]) {
        const cut = form.subarray(0, at % form.length);
        expect(decodeHead(cut).status).not.toBe("head");
        expect(decodeMark(cut).status).toBe("bad");
        expect(decodeStore(cut).status).not.toBe("valid");
      }
      const longer = Buffer.concat([encodeHead(head), Buffer.of(0)]);
      expect(decodeHead(longer).status).not.toBe("head");
    }),
  );
});

test("any bytes have an answer", () => {
  const prefixes = ["LKSEGMT1", "LKSTORE1", "\u0010\u0000\u0000\u0000", ""];
  const any = fc.tuple(fc.constantFrom(...prefixes), fc.uint8Array({ maxLength: 400 }));
  fc.assert(
    fc.property(any, ([prefix, rest]) => {
      const form = Buffer.concat([Buffer.from(prefix, "latin1"), rest]);
      expect(["none", "too-new"]).toContain(decodeHead(form).status);
      expect(decodeMark(form).status).toBe("bad");
      expect(["damaged", "not-ours", "too-new"]).toContain(decodeStore(form).status);
    }),
    { numRuns: 2000 },
  );
});

test("a slot's name is the only one that stands for it", () => {
  for (const slot of [0, 7, 9999, 10_000]) expect(slotOfName(slotName(slot))).toBe(slot);
  for (const foreign of ["1.seg", "00001.seg", "0001.seg.bak", "0001", "x0001.seg", "-001.seg"]) {
    expect(slotOfName(foreign)).toBeUndefined();
  }
});
