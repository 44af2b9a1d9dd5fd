/** Signers: key pairs in memory, and keys that are elsewhere. */
import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { signBlock, signCommitVote } from "../../../src/wire/build.js";
import { laneProposalDigest } from "../../../src/wire/hash.js";
import { verify } from "../../../src/wire/signatures/ed25519.js";
import { keyPairFromSeed, type Signer } from "../../../src/wire/signatures/signer.js";
import { seedOf, toHex } from "../bytes.js";
import * as s from "../samples.js";

const seed = seedOf("signer");
const keys = keyPairFromSeed(seed);

/** A key store that answers later. */
function storeWith(sign: Signer["sign"]): Signer {
  return { publicKey: keys.publicKey, sign };
}

describe("a key pair", () => {
  it("signs at once, and the same as ever", () => {
    const signed = signBlock(s.block, keys);
    expect(signed).toEqual({ msg: s.block, sig: keys.sign(laneProposalDigest(s.block)) });
    expect(verify(laneProposalDigest(s.block), signed.sig)).toBe(true);
  });

  it("shows its secret neither in print, nor as JSON, nor as a property", () => {
    const shown = [
      inspect(keys, { showHidden: true, depth: null }),
      JSON.stringify({ keys }),
      JSON.stringify(Object.entries(keys)),
    ];
    expect(Object.keys(keys)).toEqual(["publicKey"]);
    expect(shown[0]).toBe(`KeyPair { publicKey: ${toHex(keys.publicKey)} }`);
    for (const text of shown) expect(text).not.toContain(toHex(seed));
    expect(shown[1]).toBe(`{"keys":{"publicKey":"${toHex(keys.publicKey)}"}}`);
  });
});

describe("another signer", () => {
  it("may answer with a promise; the message is a promise then", async () => {
    const store = storeWith((digest) => Promise.resolve(keys.sign(digest)));
    expect(await signCommitVote(s.proposal, store)).toEqual(signCommitVote(s.proposal, keys));
  });

  it("may answer at once", () => {
    const store = storeWith((digest) => keys.sign(digest));
    expect(signCommitVote(s.proposal, store)).toEqual(signCommitVote(s.proposal, keys));
  });

  const wrong = new Uint8Array(64);
  it.each<readonly [string, (digest: Uint8Array) => unknown]>([
    ["signs something else", (digest) => keys.sign(digest.map((byte) => byte ^ 1))],
    ["has another key", (digest) => s.first.sign(digest)],
    ["returns bytes alone", () => wrong],
    ["returns nothing", () => undefined],
    [
      "returns a wrong signature, later",
      () => Promise.resolve({ key: keys.publicKey, bytes: wrong }),
    ],
  ])("that %s is found out", async (_, sign) => {
    const store = storeWith(sign as Signer["sign"]);
    const signed = async () => await signBlock(s.block, store);
    await expect(signed()).rejects.toMatchObject({
      code: "USAGE",
      message: expect.stringMatching(/Ed25519ctx with the context sei_giga_autobahn/) as string,
    });
  });
});
