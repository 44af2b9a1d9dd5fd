/** The one path by which everything is sealed, against vectors that others have made. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { createCipheriv, randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { open, OpenRoom, seal, sealInto, TAG_BYTES } from "../../src/keys/aead.js";
import { InvariantError } from "../../src/types/assert.js";

interface Vector {
  readonly name: string;
  readonly key: string;
  readonly nonce: string;
  readonly aad: string;
  readonly plain: string;
  /** Ciphertext and tag. */
  readonly sealed: string;
  readonly isValid: boolean;
}

const { vectors } = JSON.parse(
  readFileSync(fileURLToPath(new URL("aead-vectors.json", import.meta.url)), "utf8"),
) as { readonly vectors: readonly Vector[] };

function bytes(hex: string): Buffer {
  return Buffer.from(hex, "hex");
}

describe("E7 vectors of NIST's submission and of Wycheproof", () => {
  test("there are valid and invalid ones", () => {
    expect(vectors.filter(({ isValid }) => isValid).length).toBeGreaterThan(35);
    expect(vectors.filter(({ isValid }) => !isValid).length).toBeGreaterThan(20);
  });

  test.each(vectors)("$name", ({ key, nonce, aad, plain, sealed, isValid }) => {
    const use = { key: bytes(key), nonce: bytes(nonce), aad: bytes(aad) };
    const opened = open(use, bytes(sealed));
    expect(opened?.toString("hex")).toBe(isValid ? plain : undefined);
    const made = seal(use, [bytes(plain)]).toString("hex");
    if (isValid) expect(made).toBe(sealed);
    else expect(made).not.toBe(sealed);
  });
});

const use = { key: randomBytes(32), nonce: randomBytes(12), aad: Buffer.from("place") };

test("parts are sealed as if they were one", () => {
  const text = randomBytes(100);
  const whole = seal(use, [text]);
  for (const cut of [0, 1, 16, 99, 100]) {
    expect(seal(use, [text.subarray(0, cut), text.subarray(cut)]).equals(whole)).toBe(true);
  }
  expect(whole).toHaveLength(100 + TAG_BYTES);
});

test("a text of any length is sealed into its place as in one go", () => {
  for (const length of [0, 1, 2, 32_767, 32_768, 32_769, 65_536, 200_000]) {
    const text = randomBytes(length);
    const target = Buffer.alloc(length + TAG_BYTES);
    sealInto(use, [text.subarray(0, 3), text.subarray(3)], target);
    const cipher = createCipheriv("aes-256-gcm", use.key, use.nonce).setAAD(use.aad);
    const inOneGo = Buffer.concat([cipher.update(text), cipher.final(), cipher.getAuthTag()]);
    expect(target.equals(inOneGo)).toBe(true);
    expect(open(use, target)?.equals(text)).toBe(true);
    expect(open(use, target, new OpenRoom())?.equals(text)).toBe(true);
  }
  expect(() => sealInto(use, [randomBytes(9)], Buffer.alloc(9 + TAG_BYTES + 1))).toThrow(
    InvariantError,
  );
});

test("texts that are opened in one room are each whole until the next one is", () => {
  const room = new OpenRoom();
  for (const length of [40_000, 200_000, 33_000, 5]) {
    const text = randomBytes(length);
    expect(open(use, seal(use, [text]), room)?.equals(text)).toBe(true);
  }
  const large = seal(use, [randomBytes(40_000)]);
  large[39_999] = (large[39_999] ?? 0) ^ 1;
  expect(open(use, large, room)).toBeUndefined();
  expect(room.of(40_000).every((byte) => byte === 0)).toBe(true);
});

test("the bytes that the cipher gives for a large text are free at once", () => {
  const text = randomBytes(512 * 1024);
  const target = Buffer.alloc(text.length + TAG_BYTES);
  const room = new OpenRoom();
  sealInto(use, [text], target);
  open(use, target, room);
  const held = (): number => process.memoryUsage().arrayBuffers;
  const before = held();
  let most = 0;
  for (let turn = 0; turn < 20; turn++) {
    sealInto(use, [text], target);
    open(use, target, room);
    most = Math.max(most, held() - before);
  }
  expect(most).toBeLessThan(1024 * 1024);
});

test("no bit of text, tag, nonce or bound bytes can change, and nothing is handed out", () => {
  const sealed = seal(use, [Buffer.from("a payload")]);
  expect(open(use, sealed)?.toString()).toBe("a payload");
  const flips = (of: Uint8Array): Buffer[] =>
    Array.from({ length: of.length * 8 }, (_, bit) => {
      const flipped = Buffer.from(of);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      return flipped;
    });
  for (const flipped of flips(sealed)) expect(open(use, flipped)).toBeUndefined();
  for (const nonce of flips(use.nonce)) expect(open({ ...use, nonce }, sealed)).toBeUndefined();
  for (const aad of flips(use.aad)) expect(open({ ...use, aad }, sealed)).toBeUndefined();
  for (const key of flips(use.key)) expect(open({ ...use, key }, sealed)).toBeUndefined();
});

test("a tag that is cut short is no tag", () => {
  const sealed = seal(use, [Buffer.from("a payload")]);
  for (let length = 0; length < sealed.length; length++) {
    expect(open(use, sealed.subarray(0, length))).toBeUndefined();
  }
});
