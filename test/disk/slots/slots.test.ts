import * as fc from "fast-check";
import * as protobuf from "protobufjs";
import { beforeEach, describe, expect, test } from "vitest";
import { crc32c } from "../../../src/codec/crc32c.js";
import { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import {
  decodeSlot,
  encodeSlot,
  PADDING_FIELD,
  slotBytesFor,
  unpadded,
} from "../../../src/disk/slots/form.js";
import {
  chooseSlot,
  createSlots,
  nextSeq,
  otherSlot,
  readSlots,
  SLOT_BYTES_DEFAULT,
  SlotPair,
  type SlotState,
  slotCases,
  slotOf,
} from "../../../src/disk/slots/slots.js";
import { U64_MAX } from "../../../src/types/numbers.js";

/** A write that the test never lets finish; one that fails would show in its other assertions. */
const unfinished = (write: Promise<void>): void => {
  write.catch(() => {});
};
const DIRECTORY = "/state";
const A = "/state/anchor_a.pb";
const B = "/state/anchor_b.pb";

/** A message of one bytes field (number 1). */
const message = (text: string): Uint8Array => {
  return protobuf.Writer.create().uint32(10).string(text).finish();
};

/** Decodes a padded message as any protobuf decoder does: field 1, and the unknown fields it skipped. */
function decoded(bytes: Uint8Array): { text: string | undefined; skipped: number[] } {
  const reader = protobuf.Reader.create(bytes);
  let text: string | undefined;
  const skipped: number[] = [];
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if (tag >>> 3 === 1) text = reader.string();
    else {
      skipped.push(tag >>> 3);
      reader.skipType(tag & 7);
    }
  }
  return { text, skipped };
}

const textOf = (state: SlotState): string | undefined => {
  return state.status === "valid" ? decoded(state.message).text : undefined;
};
const newest = (pair: { a: SlotState; b: SlotState }): string | undefined => {
  const { verdict } = chooseSlot(pair.a, pair.b);
  return "slot" in verdict ? textOf(pair[verdict.slot]) : undefined;
};

let disk: SimulatedDisk;
let pair: SlotPair;
const reopen = async (): Promise<SlotPair> => {
  await pair.close();
  pair = await SlotPair.open(disk, DIRECTORY, "anchor");
  return pair;
};

beforeEach(async () => {
  disk = new SimulatedDisk();
  await disk.makeDirectory(DIRECTORY);
  await createSlots(disk, DIRECTORY, "anchor");
  await disk.syncDirectory("/");
  await disk.syncDirectory(DIRECTORY);
  pair = await SlotPair.open(disk, DIRECTORY, "anchor");
});

const writeThree = async (): Promise<void> => {
  for (const seq of [1n, 2n, 3n]) await pair.write(seq, message(`m${seq}`));
};

describe("the pair", () => {
  test("P1 both files exist after open; writes go A, B, A; the newest loads", async () => {
    expect(disk.files().map(({ path, size }) => [path, size])).toEqual([
      [A, SLOT_BYTES_DEFAULT],
      [B, SLOT_BYTES_DEFAULT],
    ]);
    await pair.write(1n, message("m1"));
    expect([textOf(pair.a), textOf(pair.b)]).toEqual(["m1", undefined]);
    await pair.write(2n, message("m2"));
    expect([textOf(pair.a), textOf(pair.b)]).toEqual(["m1", "m2"]);
    await pair.write(3n, message("m3"));
    expect([textOf(pair.a), textOf(pair.b)]).toEqual(["m3", "m2"]);
    expect(newest(await reopen())).toBe("m3");
  });

  test("P2 reopen returns the highest sequence", async () => {
    await writeThree();
    const { a, b } = await reopen();
    expect(a).toMatchObject({ status: "valid", seq: 3n });
    expect(b).toMatchObject({ status: "valid", seq: 2n });
    expect(await readSlots(disk, DIRECTORY, "anchor")).toEqual({ a, b });
  });

  test("P3 garbage in the newer falls back to the other, and says so", async () => {
    await writeThree();
    disk.damage(A, 100, Uint8Array.of(1));
    const { a, b } = await reopen();
    expect(a.status).toBe("corrupt");
    expect(chooseSlot(a, b).verdict).toEqual({ verdict: "fallback", slot: "b", damaged: "a" });
  });

  test("P4 the only valid file corrupted is told apart from never written", async () => {
    await pair.write(1n, message("m1"));
    disk.damage(A, 13, Uint8Array.of(77));
    const { a, b } = await reopen();
    expect(chooseSlot(a, b).verdict).toEqual({ verdict: "torn first", damaged: "a" });
  });

  test("P5 after a fallback the next write goes to the damaged slot and wins on reload", async () => {
    await writeThree();
    disk.damage(A, 100, Uint8Array.of(1));
    await reopen();
    const next = nextSeq([2n, 3n], "b");
    expect(slotOf(next)).toBe("a");
    await pair.write(next, message("m5"));
    expect(newest(await reopen())).toBe("m5");
  });

  test("P6 never written is no data, told apart from corrupt and from missing", async () => {
    const fresh = await reopen();
    expect(chooseSlot(fresh.a, fresh.b).verdict).toEqual({ verdict: "none" });
    expect(decodeSlot(new Uint8Array(0))).toEqual({ status: "absent" });
    await pair.close();
    await disk.remove(A);
    pair = await SlotPair.open(disk, DIRECTORY, "anchor");
    expect(pair.a).toEqual({ status: "missing" });
    expect(chooseSlot(pair.a, pair.b)).toMatchObject({ label: "file A missing" });
  });

  test("P7 a missing directory or a path that is no directory is refused", async () => {
    for (const path of ["/none", A]) {
      await expect(SlotPair.open(disk, path, "anchor")).rejects.toMatchObject({
        code: "NOT_A_STORE",
        file: path,
      });
      await expect(readSlots(disk, path, "anchor")).rejects.toMatchObject({ code: "NOT_A_STORE" });
    }
    await expect(createSlots(disk, "/none", "anchor")).rejects.toMatchObject({ code: "IO" });
  });

  test("P8 P9 a failed write is final, keeps the state, and the last good slot is not the next target", async () => {
    await pair.write(1n, message("m1"));
    disk.fail({ operation: "write", error: "EIO", effect: "torn" });
    const failed = await pair
      .write(2n, message("m2".repeat(5000)))
      .catch((cause: unknown) => cause);
    expect(failed).toMatchObject({ code: "IO", file: B });
    await expect(pair.write(3n, message("m3"))).rejects.toBe(failed);
    await expect(pair.rewrite("a")).rejects.toBe(failed);
    expect([textOf(pair.a), pair.b.status]).toEqual(["m1", "absent"]);
    expect(slotOf(nextSeq([1n, 2n], "a"))).toBe("b");
    expect(newest(await reopen())).toBe("m1");
  });

  test("P10 an OS read error on either file is an error, never a fallback", async () => {
    await writeThree();
    await pair.close();
    for (const path of [A, B]) {
      for (const operation of ["read", "size", "openToWrite"] as const) {
        disk.fail({ operation, path });
        const open = SlotPair.open(disk, DIRECTORY, "anchor");
        await expect(open).rejects.toMatchObject({ code: "IO", file: path });
      }
    }
  });

  test("P12 the sequence continues after reopen; P13 winner in B, the next write goes to A and loads", async () => {
    await pair.write(1n, message("m1"));
    await pair.write(2n, message("m2"));
    await reopen();
    expect(nextSeq([1n, 2n], "b")).toBe(3n);
    await pair.write(3n, message("m3"));
    expect(newest(await reopen())).toBe("m3");
  });

  test("P18 first write: CRC-32C big-endian over the rest, sequence little-endian = 1", async () => {
    await pair.write(nextSeq([], undefined), message("first"));
    const bytes = Buffer.from(disk.readNow(A));
    expect(bytes.readUInt32BE(0)).toBe(crc32c(bytes.subarray(4)));
    expect(bytes.subarray(4, 12)).toEqual(Buffer.from([1, 0, 0, 0, 0, 0, 0, 0]));
    expect(bytes.subarray(12, 19)).toEqual(Buffer.from(message("first")));
  });

  test("a message that does not fit grows its slot, and the other keeps its size", async () => {
    const large = "x".repeat(SLOT_BYTES_DEFAULT);
    await pair.write(1n, message(large));
    await pair.write(2n, message("small"));
    expect(disk.files().map(({ size }) => size)).toEqual([32_768, 16_384]);
    await reopen();
    expect([textOf(pair.a), textOf(pair.b)]).toEqual([large, "small"]);
  });

  test.each([1, 5, 100, 4096, 20_000])(
    "a growth that a full disk refused with %i bytes left is read back: the next message is whole",
    async (left) => {
      await pair.write(1n, message("one"));
      await pair.write(2n, message("two"));
      disk.capacityBytes = disk.usedBytes + left;
      const large = message("x".repeat(2 * SLOT_BYTES_DEFAULT + left));
      await expect(pair.makeRoom(3n, large)).rejects.toMatchObject({ code: "DISK_FULL" });
      await pair.makeRoom(3n, message("three"));
      await pair.write(3n, message("three"));
      expect(newest(await reopen())).toBe("three");
    },
  );

  test("a growth behind which not even the size can be read ends the pair", async () => {
    disk.capacityBytes = disk.usedBytes + 100;
    disk.fail({ operation: "size" });
    const large = message("x".repeat(2 * SLOT_BYTES_DEFAULT));
    await expect(pair.makeRoom(1n, large)).rejects.toMatchObject({ code: "IO" });
    await expect(pair.write(1n, message("one"))).rejects.toThrow("size");
  });

  test("to write again what open saw makes it durable, and changes no byte", async () => {
    await pair.write(1n, message("m1"));
    disk.hold();
    unfinished(pair.write(2n, message("m2")));
    disk = disk.kill();
    pair = await SlotPair.open(disk, DIRECTORY, "anchor");
    const before = disk.readNow(B);
    expect([...disk.powerCuts(1, 2)].map((after) => after.readNow(B)[4])).toEqual([0, 2]);
    await pair.rewrite("b");
    expect([...disk.powerCuts(1, 9)].map((after) => after.readNow(B))).toEqual([before]);
  });

  test("a sequence that does not rise, and a second write at a time, are bugs of the caller", async () => {
    await writeThree();
    await expect(pair.write(3n, message("x"))).rejects.toThrow("this must hold");
    const first = pair.write(4n, message("m4"));
    await expect(pair.write(5n, message("m5"))).rejects.toThrow("one write at a time");
    await first;
  });

  test("a closed pair refuses", async () => {
    await pair.close();
    await pair.close();
    await expect(pair.write(1n, message("x"))).rejects.toMatchObject({ code: "CLOSED" });
  });

  test("whatever a power cut leaves of a write, the older or the newer message is chosen", async () => {
    await writeThree();
    disk.hold();
    unfinished(pair.write(4n, message("m4".repeat(900))));
    const seen = new Set<string>();
    for (const after of disk.powerCuts(1, 500)) {
      const { a, b } = await readSlots(after, DIRECTORY, "anchor");
      const { label, verdict } = chooseSlot(a, b);
      expect(["use", "fallback"]).toContain(verdict.verdict);
      expect(["m3", "m4".repeat(900)]).toContain(newest({ a, b }));
      seen.add(label);
    }
    expect(seen).toContain("A newer");
    expect(seen).toContain("B newer");
    expect(seen).toContain("B damaged, A holds");
  });
});

describe("the form of a slot", () => {
  const slot = encodeSlot(7n, message("payload"), 256);
  const altered = (change: (bytes: Buffer) => void): SlotState => {
    const bytes = Buffer.from(slot);
    change(bytes);
    return decodeSlot(bytes);
  };

  test("P14 a flipped payload byte is corrupt", () => {
    expect(altered((bytes) => bytes.writeUInt8((bytes[15] ?? 0) ^ 1, 15)).status).toBe("corrupt");
  });

  test("P15 a file shorter than 12 bytes is corrupt", () => {
    for (let length = 1; length < 12; length++) {
      expect(decodeSlot(slot.subarray(0, length)).status).toBe("corrupt");
      expect(decodeSlot(new Uint8Array(length)).status).toBe("corrupt");
    }
    expect(decodeSlot(slot.subarray(0, 255)).status).toBe("corrupt");
  });

  test("P16 sequence 0 with a valid CRC is corrupt", () => {
    const state = altered((bytes) => {
      bytes.writeBigUInt64LE(0n, 4);
      bytes.writeUInt32BE(crc32c(bytes.subarray(4)), 0);
    });
    expect(state).toMatchObject({ status: "corrupt", reason: expect.stringContaining("sequence") });
  });

  test("P17 every flipped bit of CRC, sequence or payload is corrupt", () => {
    for (let bit = 0; bit < slot.length * 8; bit++) {
      const flip = (bytes: Buffer) => (bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7)));
      expect(altered(flip).status).toBe("corrupt");
    }
  });

  test("any message and size round-trips, and a decoder skips the padding", () => {
    const seqs = fc.bigInt({ min: 1n, max: U64_MAX });
    fc.assert(
      fc.property(seqs, fc.string({ maxLength: 300 }), fc.nat(600), (seq, text, least) => {
        const given = message(text);
        const size = slotBytesFor(given, least);
        const state = decodeSlot(encodeSlot(seq, given, size));
        expect(state).toMatchObject({ status: "valid", seq });
        if (state.status !== "valid") return;
        expect(state.message).toHaveLength(size - 12);
        expect(Buffer.from(unpadded(state.message))).toEqual(Buffer.from(given));
        const { text: held, skipped } = decoded(state.message);
        expect(held).toBe(text);
        expect(skipped.every((field) => field === PADDING_FIELD)).toBe(true);
      }),
    );
  });
});

test("a message of any fields comes back without its padding, byte for byte; other bytes stay as they are", () => {
  const varint = fc.bigInt({ min: 0n, max: U64_MAX });
  const field = fc.tuple(
    fc.integer({ min: 1, max: 2046 }),
    fc.oneof(varint, fc.uint8Array({ maxLength: 200 })),
  );
  fc.assert(
    fc.property(fc.array(field, { maxLength: 9 }), fc.nat(600), (fields, least) => {
      const writer = protobuf.Writer.create();
      for (const [number, value] of fields) {
        if (typeof value === "bigint")
          writer.uint32(number * 8).uint64(Number(BigInt.asUintN(53, value)));
        else writer.uint32(number * 8 + 2).bytes(value);
      }
      const given = writer.finish();
      const state = decodeSlot(encodeSlot(1n, given, slotBytesFor(given, least)));
      if (state.status !== "valid") throw new Error("it was written");
      expect(Buffer.from(unpadded(state.message))).toEqual(Buffer.from(given));
    }),
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      const found = unpadded(bytes);
      expect(Buffer.from(found)).toEqual(Buffer.from(bytes.subarray(0, found.length)));
    }),
  );
});

describe("the choice between two slots", () => {
  const states: readonly SlotState[] = [
    { status: "missing" },
    { status: "absent" },
    { status: "corrupt", reason: "test" },
    ...[1n, 2n, 3n].map((seq): SlotState => ({ status: "valid", seq, message: new Uint8Array(0) })),
  ];

  test("every combination matches a case, and every case is reached", () => {
    const reached = new Set<string>();
    for (const a of states) for (const b of states) reached.add(chooseSlot(a, b).label);
    expect([...reached].sort()).toEqual(slotCases.map(({ label }) => label).sort());
  });

  test("a slot that is chosen is a valid one, and no valid newer one is passed over", () => {
    for (const a of states) {
      for (const b of states) {
        const { verdict } = chooseSlot(a, b);
        if (!("slot" in verdict)) continue;
        const [chosen, other] = verdict.slot === "a" ? [a, b] : [b, a];
        expect(chosen.status).toBe("valid");
        if (chosen.status === "valid" && other.status === "valid") {
          expect(chosen.seq > other.seq).toBe(true);
        }
      }
    }
  });

  test("P19 both with the same sequence: refused", () => {
    const same: SlotState = { status: "valid", seq: 3n, message: new Uint8Array(0) };
    expect(chooseSlot(same, same)).toMatchObject({
      label: "same sequence",
      verdict: { verdict: "refuse" },
    });
  });

  test("swapped files are refused", () => {
    const odd: SlotState = { status: "valid", seq: 3n, message: new Uint8Array(0) };
    const even: SlotState = { status: "valid", seq: 2n, message: new Uint8Array(0) };
    expect(chooseSlot(even, odd).label).toBe("slot in the other's file");
  });

  test("the next sequence is the smallest above all named that spares the winner", () => {
    expect(nextSeq([], undefined)).toBe(1n);
    expect(nextSeq([1n], undefined)).toBe(3n);
    expect(nextSeq([2n], undefined)).toBe(3n);
    expect(nextSeq([4n, 3n], "b")).toBe(5n);
    expect(nextSeq([4n, 5n], "b")).toBe(7n);
    expect(nextSeq([5n], "a")).toBe(6n);
    const seqs = fc.array(fc.bigInt({ min: 0n, max: U64_MAX - 2n }));
    fc.assert(
      fc.property(seqs, fc.constantFrom("a", "b", undefined), (named, winner) => {
        const next = nextSeq(named, winner);
        const target = otherSlot(winner ?? "b");
        expect(slotOf(next)).toBe(target);
        expect(named.every((seq) => seq < next)).toBe(true);
        const highest = named.reduce((high, seq) => (seq > high ? seq : high), 0n);
        expect(next - highest <= 2n).toBe(true);
      }),
    );
  });

  test("at the largest sequence there is no next", () => {
    expect(() => nextSeq([U64_MAX], "a")).toThrow("no slot sequence is left");
    expect(() => nextSeq([U64_MAX - 1n], "a")).toThrow("no slot sequence is left");
    expect(nextSeq([U64_MAX - 1n], "b")).toBe(U64_MAX);
  });
});
