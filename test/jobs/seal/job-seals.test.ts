/** The seals of a job: which key seals the next value, and what is refused. */
import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { crc32c } from "../../../src/codec/crc32c.js";
import { CategoryForm } from "../../../src/jobs/level/stored.js";
import { JobSeals, type TableRow } from "../../../src/jobs/seal/job-seals.js";
import { decodeSealTable, encodeSealTable } from "../../../src/jobs/seal/seal-table.js";
import { Key } from "../../../src/keys/key.js";
import { KeyRing } from "../../../src/keys/ring.js";
import { codeOf } from "../kit.js";
import { keyBytes, keyId } from "./kit.js";

const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "latin1"));

/** A ring that writes with the first key; `-` in its place writes plain. */
function ring(letters: string): KeyRing {
  const key = (letter: string): Key => new Key(keyBytes(letter), letter);
  const [first = "-", ...others] = letters;
  return new KeyRing(first === "-" ? undefined : key(first), others.map(key));
}

let draws = 0;

interface RowChoices {
  readonly job?: string;
  readonly isNew?: boolean;
  readonly whileRecorded?: (keys: KeyRing) => void;
}

/** A database that has nothing but the table, and what was put on record beside it. */
class Row implements TableRow {
  table: Uint8Array | undefined;
  recorded: readonly string[] = ["plain"];
  readonly load = () => Promise.resolve(this.table);
  readonly save = (table: Uint8Array) => {
    this.table = Uint8Array.from(table);
    return Promise.resolve();
  };

  async open(
    letters: string | undefined,
    { job = "job", isNew = false, whileRecorded }: RowChoices = {},
  ): Promise<JobSeals> {
    const keys = letters === undefined ? undefined : ring(letters);
    const parts = {
      id: job,
      ring: keys,
      randomBytes: (count: number) => {
        draws += 1;
        return createHash("shake256", { outputLength: count }).update(`${job} ${draws}`).digest();
      },
      recorded: this.recorded,
      record: (contents: readonly string[]) => {
        this.recorded = contents;
        if (keys) whileRecorded?.(keys);
        return Promise.resolve();
      },
    };
    return await JobSeals.open(parts, this, { isNew });
  }
}

describe("the table of seals", () => {
  const seal = (number: number) => ({
    number,
    keyId: keyId("a"),
    check: Uint8Array.from(Buffer.alloc(8, number)),
    salt: Uint8Array.from(Buffer.alloc(32, number)),
    reserved: 2 ** 32,
  });
  const table = { mayBePlain: true, seals: [seal(1), seal(0xffff_ffff)] };

  test("is read as it was written", () => {
    expect(decodeSealTable(encodeSealTable(table))).toEqual(table);
    const none = { mayBePlain: false, seals: [] };
    expect(decodeSealTable(encodeSealTable(none))).toEqual(none);
  });

  test("is refused with any bit flipped, and cut short", async () => {
    const row = new Row();
    const written = Uint8Array.from(encodeSealTable(table));
    for (let bit = 0; bit < written.length * 8; bit += 1) {
      row.table = Uint8Array.from(written);
      row.table[bit >> 3] = (row.table[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(await codeOf(() => row.open("a")), `bit ${bit}`).toBe("JOB_CORRUPT");
    }
    row.table = written.subarray(0, written.length - 1);
    expect(await codeOf(() => row.open("a"))).toBe("JOB_CORRUPT");
  });
});

describe("the seals of a job", () => {
  test("name a key in the record, then in the table, then in values", async () => {
    const row = new Row();
    const seals = await row.open("a", { isNew: true });
    expect(row.recorded).toEqual([keyId("a")]);
    expect(seals.contents).toEqual([keyId("a")]);
    expect(decodeSealTable(row.table ?? new Uint8Array(0)).seals).toHaveLength(1);
  });

  test("of a database that was plain say that values may be plain", async () => {
    const seals = await new Row().open("a");
    expect(seals.contents).toEqual(["plain", keyId("a")]);
    expect(seals.hasForeign).toBe(true);
  });

  test("E18 a seal seals no more than 2^32 values: another one follows, with another salt", async () => {
    const row = new Row();
    await row.open("a", { isNew: true });
    const [first] = decodeSealTable(row.table ?? new Uint8Array(0)).seals;
    row.table = encodeSealTable({
      mayBePlain: false,
      seals: [{ ...(first as NonNullable<typeof first>), reserved: 2 ** 32 - 2 ** 20 }],
    });
    const last = await row.open("a");
    expect(decodeSealTable(row.table).seals).toHaveLength(1);
    expect(last.reserve(2 ** 20)).toBeUndefined();
    await last.reserve(2 ** 20 + 1);
    const { seals } = decodeSealTable(row.table);
    expect(seals.map(({ number }) => number)).toEqual([1, 2]);
    expect(seals.map(({ reserved }) => reserved <= 2 ** 32)).toEqual([true, true]);
    expect(Buffer.compare(seals[0]?.salt ?? bytes(""), seals[1]?.salt ?? bytes(""))).not.toBe(0);
    expect(last.sealed(bytes("aad"), bytes("value"), 0)?.number).toBe(2);
  });

  test("a key that is missing, one that is wrong, and damage are told apart", async () => {
    const row = new Row();
    await row.open("a", { isNew: true });
    const table = row.table ?? new Uint8Array(0);
    for (const letters of [undefined, "b", "-b"]) {
      expect(await codeOf(() => row.open(letters))).toBe("KEY_MISSING");
    }
    const [seal] = decodeSealTable(table).seals;
    const another = { ...(seal as NonNullable<typeof seal>), keyId: keyId("b") };
    row.table = encodeSealTable({ mayBePlain: false, seals: [another] });
    row.recorded = [keyId("b")];
    expect(await codeOf(() => row.open("b"))).toBe("KEY_WRONG");
    row.table = table.subarray(1);
    expect(await codeOf(() => row.open("a"))).toBe("JOB_CORRUPT");
  });

  test("a key is given up when no value needs it", async () => {
    const row = new Row();
    await row.open("a", { isNew: true });
    const seals = await row.open("ba");
    expect(seals.contents).toEqual([keyId("a"), keyId("b")]);
    await seals.dropForeign();
    await seals.announce();
    expect(seals.contents).toEqual([keyId("b")]);
    expect(row.recorded).toEqual([keyId("b")]);
    expect((await row.open("b")).hasForeign).toBe(false);
  });
});

describe("a sealed value", () => {
  async function formOf(of: { job?: string; letters?: string; category?: string } = {}) {
    const { job = "job", letters = "a", category = "peers" } = of;
    return new CategoryForm(category, {
      job,
      seals: await new Row().open(letters, { job, isNew: true }),
    });
  }

  test("is not the value, differs each time, and comes back at its place", async () => {
    const form = await formOf();
    const stored = form.stored(bytes("key"), bytes("a value"));
    expect(Buffer.from(stored).includes("a value")).toBe(false);
    expect(stored).toHaveLength(4 + 4 + 12 + 7 + 16);
    expect(Buffer.compare(stored, form.stored(bytes("key"), bytes("a value")))).not.toBe(0);
    expect(form.valueIn(bytes("key"), stored)).toEqual(bytes("a value"));
    const empty = form.stored(bytes(""), bytes(""));
    expect(form.valueIn(bytes(""), empty)).toEqual(bytes(""));
  });

  test("any bit of it that is flipped is noticed, and so are any two", async () => {
    const form = await formOf();
    const stored = form.stored(bytes("key"), bytes("v"));
    const flip = (of: Uint8Array, bit: number): void => {
      of[bit >> 3] = (of[bit >> 3] as number) ^ (1 << (bit & 7));
    };
    for (let one = 0; one < stored.length * 8; one++) {
      const harmed = Uint8Array.from(stored);
      flip(harmed, one);
      expect(form.valueIn(bytes("key"), harmed), `bit ${one}`).toBeUndefined();
      for (let two = one + 1; two < stored.length * 8; two++) {
        flip(harmed, two);
        if (form.valueIn(bytes("key"), harmed)) expect.fail(`bits ${one} and ${two}`);
        flip(harmed, two);
      }
    }
  });

  test("is that of its job, its category and its key alone", async () => {
    const stored = (await formOf()).stored(bytes("key"), bytes("value"));
    const others = [
      [await formOf({ job: "jo" }), "key"],
      [await formOf({ category: "peer" }), "skey"],
      [await formOf(), "kez"],
      [await formOf({ letters: "b" }), "key"],
    ] as const;
    for (const [form, key] of others) expect(form.valueIn(bytes(key), stored)).toBeUndefined();
  });

  test("one that was put at another place with a checksum that fits is refused", async () => {
    const form = await formOf();
    const stored = Buffer.from(form.stored(bytes("key"), bytes("value")));
    const sealedBit = 0x8000_0000;
    const length = Buffer.alloc(4);
    length.writeUInt32LE(5);
    let crc = crc32c(bytes("peers"), crc32c(length, 0));
    for (const [name, isRefused] of [
      ["kez", true],
      ["key", false],
    ] as const) {
      length.writeUInt32LE(name.length + sealedBit);
      crc = crc32c(stored.subarray(4), crc32c(bytes(name), crc32c(length, crc)));
      stored.writeUInt32LE(crc, 0);
      expect(form.isForeign(bytes(name), stored)).toBe(false);
      expect(form.valueIn(bytes(name), stored) === undefined).toBe(isRefused);
      crc = crc32c(bytes("peers"), crc32c(Buffer.from([5, 0, 0, 0]), 0));
    }
  });

  test("one with a checksum that fits and a tag that does not is refused", async () => {
    // The same number of the seal and the same category: the checksum knows no job.
    const other = (await formOf({ job: "other" })).stored(bytes("key"), bytes("value"));
    const form = await formOf();
    expect(form.isForeign(bytes("key"), other)).toBe(false);
    expect(form.valueIn(bytes("key"), other)).toBeUndefined();
  });

  test("a plain one is refused where every value is sealed, and read where some may be plain", async () => {
    const plain = new CategoryForm("peers").stored(bytes("key"), bytes("value"));
    expect((await formOf()).valueIn(bytes("key"), plain)).toBeUndefined();
    const seals = await new Row().open("a");
    const form = new CategoryForm("peers", { job: "job", seals });
    expect(form.valueIn(bytes("key"), plain)).toEqual(bytes("value"));
    expect(form.isForeign(bytes("key"), plain)).toBe(true);
  });
});

test("a key that comes while the one before it is put on record seals nothing before it is on record", async () => {
  const row = new Row();
  const isNew = true;
  const whileRecorded = (keys: KeyRing): void => void keys.rotate(new Key(keyBytes("b"), "b"));
  const seals = await row.open("a", { isNew, whileRecorded });
  expect(seals.writing).toBe(keyId("a"));
  await seals.announce();
  await seals.useWriting();
  expect(seals.writing).toBe(keyId("b"));
  expect(row.recorded).toEqual([keyId("a"), keyId("b")]);
});
