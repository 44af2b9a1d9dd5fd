/** Signatures that must come out byte for byte, and the verdicts of the verifier. */
import { ed25519ctx } from "@noble/curves/ed25519.js";
import { expect, it } from "vitest";
import { z } from "zod";
import { verify, verifyFast, verifySlowly } from "../../src/wire/signatures/ed25519.js";
import { keyPairFromSeed } from "../../src/wire/signatures/signer.js";
import { hex, seedOf, toHex } from "../wire/bytes.js";
import { armNames, armOf } from "./kit/arms.js";
import { describeGolden, eachCase, forPeople, hexText } from "./kit/cases.js";

const layout = z.strictObject({
  about: z.strictObject({
    what: forPeople,
    revision: hexText,
    scheme: forPeople,
    sign: forPeople,
    verify: forPeople,
  }),
  context: hexText,
  contextText: z.string(),
  keys: z.array(z.unknown()).min(1),
  sign: z.array(z.unknown()).min(1),
  verify: z.array(z.unknown()).min(1),
});

const key = z.strictObject({ seedString: z.string(), seed: hexText, public: hexText });
const signing = z.strictObject({
  name: z.string(),
  keySeed: z.string(),
  public: hexText,
  arm: z.custom<(typeof armNames)[number]>((value) => armNames.some((name) => name === value)),
  type: z.string(),
  object: hexText,
  digest: hexText,
  signature: hexText,
});
const verification = z.strictObject({
  group: z.string(),
  name: z.string(),
  public: hexText,
  digest: hexText,
  signature: hexText,
  accept: z.boolean(),
});

describeGolden("signatures.json", layout, (sections, { context, contextText }) => {
  it("the context is the one that we sign under", () => {
    expect(Buffer.from(String(contextText), "ascii").toString("hex")).toBe(context);
    const pair = keyPairFromSeed(seedOf("any"));
    const digest = seedOf("any digest");
    const { bytes } = pair.sign(digest);
    const options = { context: hex(String(context)), zip215: true };
    expect(ed25519ctx.verify(bytes, digest, pair.publicKey, options)).toBe(true);
  });

  eachCase(
    { of: "keys", entries: sections("keys"), shape: key, named: ["seedString"] },
    (expected) => {
      const seed = seedOf(expected.seedString);
      expect(toHex(seed)).toBe(expected.seed);
      expect(toHex(keyPairFromSeed(seed).publicKey)).toBe(expected.public);
    },
  );

  eachCase(
    { of: "sign", entries: sections("sign"), shape: signing, named: ["keySeed", "name"] },
    (expected) => {
      const arm = armOf(expected.arm);
      expect(arm.type).toBe(expected.type);
      const digest = arm.digest(hex(expected.object));
      expect(toHex(digest)).toBe(expected.digest);
      const sig = keyPairFromSeed(seedOf(expected.keySeed)).sign(digest);
      expect(toHex(sig.key)).toBe(expected.public);
      expect(toHex(sig.bytes)).toBe(expected.signature);
      expect(verify(digest, sig)).toBe(true);
    },
  );

  eachCase(
    { of: "verify", entries: sections("verify"), shape: verification, named: ["group", "name"] },
    (expected) => {
      const sig = { key: hex(expected.public), bytes: hex(expected.signature) };
      const digest = hex(expected.digest);
      if (sig.key.length !== 32 || sig.bytes.length !== 64 || digest.length !== 32) {
        // Such a value does not get past the decoder; the verifier asserts the lengths.
        expect(expected.accept).toBe(false);
        expect(() => verify(digest, sig)).toThrow();
        return;
      }
      expect(verify(digest, sig)).toBe(expected.accept);
      expect(verifySlowly(digest, sig)).toBe(expected.accept);
      // The fast path may only say yes, and only where the judge does.
      if (verifyFast(digest, sig)) expect(expected.accept).toBe(true);
    },
  );
});
