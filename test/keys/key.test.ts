import { chmod, mkdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { randomBytes } from "node:crypto";
import { afterAll, describe, expect, test } from "vitest";
import { Key } from "../../src/keys/key.js";
import { makeKeyFile, readKeyFile } from "../../src/keys/key-file.js";
import { KeyRing } from "../../src/keys/ring.js";
import { keyBytesIn } from "../../src/keys/text.js";
import { keyFrom } from "../../src/keys/source.js";

const folder = mkdtempSync(join(tmpdir(), "lanekeeper-keys-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const BYTES = Buffer.from(
  "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
  "hex",
);
const ID = new Key(BYTES, "test").id;
let files = 0;

async function fileWith(content: string | Uint8Array, mode = 0o600): Promise<string> {
  files += 1;
  const file = join(folder, `${files}`);
  await writeFile(file, content, { mode });
  await chmod(file, mode);
  return file;
}

describe("a key", () => {
  test("has an id that follows from its bytes and from nothing else", () => {
    // HKDF-SHA256 of the bytes, without salt, with the label "lanekeeper key id 1" and a zero byte.
    expect(ID).toBe("1c692dd23f20f9cd");
    expect(new Key(Buffer.from(BYTES).reverse(), "test").id).not.toBe(ID);
  });

  test("derives other bytes for each label, salt, context and length", () => {
    const key = new Key(BYTES, "test");
    const salt = Buffer.alloc(32, 1);
    const made = [
      key.derive("a", salt, 32),
      key.derive("b", salt, 32),
      key.derive("a", Buffer.alloc(32, 2), 32),
      key.derive("a", salt, 32, [Buffer.from("c")]),
      // A label ends with a zero byte: no context can be a part of it.
      key.derive("ac", salt, 32),
    ].map((bytes) => bytes.toString("hex"));
    expect(new Set(made).size).toBe(made.length);
    expect(key.derive("a", salt, 32).toString("hex")).toBe(made[0]);
  });

  test("has 32 bytes, and not all of them zero", () => {
    for (const wrong of [0, 16, 31, 33, 64]) {
      expect(() => new Key(randomBytes(wrong), "k")).toThrow(/k: a key has 32 bytes/);
    }
    expect(() => new Key(Buffer.alloc(32), "k")).toThrow(/all bytes are zero/);
  });

  test("is zeroed when it is closed, and derives nothing any more", () => {
    const key = new Key(BYTES, "test");
    const other = new Key(BYTES, "test");
    key.close();
    key.close();
    expect(key.equals(other)).toBe(false);
    expect(() => key.derive("a", BYTES, 32)).toThrow(/before it is closed/);
  });

  test("E13 shows nothing of its bytes where it is printed", () => {
    const key = new Key(BYTES, "test");
    expect(JSON.stringify(key)).toBe(JSON.stringify({ id: ID }));
  });
});

describe("the written forms of a key", () => {
  const hex = BYTES.toString("hex");
  const base64 = BYTES.toString("base64");
  const marked = Buffer.from("f".repeat(64), "hex");

  test.each([
    ["raw", BYTES],
    ["hex", hex],
    ["upper-case hex with a line's end", `${hex.toUpperCase()}\r\n`],
    ["base64", base64],
    ["base64 without padding", `${base64.slice(0, -1)}\n`],
    ["base64 for URLs", BYTES.toString("base64url")],
  ])("%s", (_, text) => {
    expect(keyBytesIn(Buffer.from(text))?.toString("hex")).toBe(hex);
  });

  test("both alphabets of base64", () => {
    for (const form of ["base64", "base64url"] as const) {
      expect(keyBytesIn(Buffer.from(marked.toString(form)))?.equals(marked)).toBe(true);
    }
  });

  test.each([
    ["empty", ""],
    ["a digit too few", hex.slice(1)],
    ["a digit too many", `${hex}0`],
    ["no hex digit", `g${hex.slice(1)}`],
    ["no base64 digit", `!${base64.slice(1)}`],
    ["base64 with bits behind the last byte", `${base64.slice(0, 42)}9=`],
    ["padding in the middle", `${base64.slice(0, 20)}=${base64.slice(21)}`],
    ["31 raw bytes", BYTES.subarray(1)],
  ])("not %s", (_, text) => {
    expect(keyBytesIn(Buffer.from(text))).toBeUndefined();
  });
});

describe("a file of a key", () => {
  test("is read in each form", async () => {
    for (const text of [BYTES, BYTES.toString("hex"), `${BYTES.toString("base64")}\n`]) {
      expect((await readKeyFile(await fileWith(text))).id).toBe(ID);
    }
  });

  test.each([0o640, 0o604, 0o620, 0o660, 0o666, 0o601])(
    "E13 is refused with mode %o",
    async (mode) => {
      const file = await fileWith(BYTES, mode);
      await expect(readKeyFile(file)).rejects.toMatchObject({
        code: "KEY_REFUSED",
        file,
        message: expect.stringMatching(/chmod 600/) as string,
      });
    },
  );

  test.each([0o600, 0o400])("is read with mode %o", async (mode) => {
    expect((await readKeyFile(await fileWith(BYTES, mode))).id).toBe(ID);
  });

  test("is refused where it is missing, a folder, too long, or no key", async () => {
    const directory = join(folder, "folder");
    await mkdir(directory, { mode: 0o700 });
    for (const file of [
      join(folder, "missing"),
      directory,
      await fileWith(Buffer.alloc(1000, 65)),
      await fileWith("secret"),
      await fileWith(""),
    ]) {
      await expect(readKeyFile(file)).rejects.toMatchObject({ code: "KEY_REFUSED", file });
    }
  });

  test("is refused where it belongs to another user", async () => {
    const file = await fileWith(BYTES);
    const { geteuid } = process;
    if (!geteuid || geteuid() !== 0) return;
    const { chown } = await import("node:fs/promises");
    await chown(file, 12345, 12345);
    await expect(readKeyFile(file)).rejects.toThrow(/belongs to user 12345/);
  });

  test("may be named by a link, as secrets are mounted; the file behind the link counts", async () => {
    const good = join(folder, "good-link");
    await symlink(await fileWith(BYTES), good);
    expect((await readKeyFile(good)).id).toBe(ID);
    const bad = join(folder, "bad-link");
    await symlink(await fileWith(BYTES, 0o644), bad);
    await expect(readKeyFile(bad)).rejects.toMatchObject({ code: "KEY_REFUSED" });
  });

  test("says nothing of its content in an error", async () => {
    const secret = "f00dfeed".repeat(7);
    const error = await readKeyFile(await fileWith(secret)).catch((cause: unknown) => cause);
    expect(String(error)).not.toContain("f00d");
  });

  test("is made for its owner alone, never over another one, and holds the key that was made", async () => {
    const file = join(folder, "made");
    const random = Buffer.from(BYTES);
    const key = await makeKeyFile(file, random);
    expect(key.id).toBe(ID);
    expect(random.every((byte) => byte === 0)).toBe(true);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await readFile(file, "latin1")).toBe(`${BYTES.toString("hex")}\n`);
    expect((await readKeyFile(file)).id).toBe(ID);
    await expect(makeKeyFile(file, randomBytes(32))).rejects.toMatchObject({ code: "KEY_REFUSED" });
    expect((await readKeyFile(file)).id).toBe(ID);
  });
});

describe("sources", () => {
  test("an environment variable", async () => {
    process.env["LANEKEEPER_TEST_KEY"] = BYTES.toString("base64");
    expect((await keyFrom({ env: "LANEKEEPER_TEST_KEY" })).id).toBe(ID);
    process.env["LANEKEEPER_TEST_KEY"] = "x".repeat(32);
    await expect(keyFrom({ env: "LANEKEEPER_TEST_KEY" })).rejects.toMatchObject({
      code: "KEY_REFUSED",
    });
    delete process.env["LANEKEEPER_TEST_KEY"];
    await expect(keyFrom({ env: "LANEKEEPER_TEST_KEY" })).rejects.toThrow(/holds no key/);
  });

  test("bytes are copied; those that a function gives are copied and zeroed", async () => {
    const bytes = Buffer.from(BYTES);
    const key = await keyFrom(bytes);
    bytes.fill(0);
    expect(key.equals(new Key(BYTES, "test"))).toBe(true);
    const given = Buffer.from(BYTES);
    expect((await keyFrom(() => Promise.resolve(given))).id).toBe(ID);
    expect(given.every((byte) => byte === 0)).toBe(true);
  });

  test("a function that throws, or gives no bytes, is told so", async () => {
    const broken = (): never => {
      throw new Error("the service is down");
    };
    await expect(keyFrom(broken)).rejects.toMatchObject({ code: "CALLBACK_FAILED" });
    const text = (() => BYTES.toString("hex")) as unknown as () => Uint8Array;
    await expect(keyFrom(text)).rejects.toMatchObject({ code: "KEY_REFUSED" });
  });
});

describe("a ring", () => {
  const key = (fill: number): Key => new Key(Buffer.from(BYTES).fill(fill, 0, 4), "test");

  test("finds keys by id; one writes", async () => {
    const ring = await KeyRing.from({ write: BYTES, read: [Buffer.from(BYTES).reverse()] });
    expect(ring.writing?.id).toBe(ID);
    expect(ring.ids).toHaveLength(2);
    expect(ring.find(ID)?.id).toBe(ID);
    expect(ring.find("0000000000000000")).toBeUndefined();
  });

  test("writes plain only where it is told so", async () => {
    const ring = await KeyRing.from({ write: "plain", read: [BYTES] });
    expect(ring.writing).toBeUndefined();
    expect(ring.ids).toEqual([ID]);
  });

  test("rotates any number of times, and keeps every key to read", () => {
    const ring = new KeyRing(key(1));
    const ids = [2, 3, 4].map((fill) => ring.rotate(key(fill)).id);
    expect(ring.writing?.id).toBe(ids.at(-1));
    expect(ring.ids).toHaveLength(4);
    expect(ring.rotate(key(2)).id).toBe(ids[0]);
    expect(ring.ids).toHaveLength(4);
  });

  test("zeroes every key when it is closed, and those read so far when a source fails", async () => {
    const keys = [key(1), key(2)];
    const ring = new KeyRing(keys[0], keys.slice(1));
    ring.close();
    for (const each of keys) expect(() => each.derive("a", BYTES, 1)).toThrow(/closed/);
    await expect(KeyRing.from({ write: BYTES, read: [new Uint8Array(3)] })).rejects.toMatchObject({
      code: "KEY_REFUSED",
    });
  });
});
