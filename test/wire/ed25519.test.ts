import { describe, expect, it } from "vitest";
import { keyPairFromSeed, sign, verify, verifyFast, verifySlowly } from "../../src/wire/ed25519.js";
import { golden, hex, noGolden, seedOf, toHex } from "./golden.js";

interface Signatures {
  readonly keys: readonly { readonly seedString: string; readonly public: string }[];
  readonly sign: readonly {
    readonly name: string;
    readonly keySeed: string;
    readonly digest: string;
    readonly signature: string;
  }[];
  readonly verify: readonly {
    readonly group: string;
    readonly name: string;
    readonly public: string;
    readonly digest: string;
    readonly signature: string;
    readonly accept: boolean;
  }[];
}

describe.skipIf(noGolden)("signatures", () => {
  const data = noGolden ? undefined : golden<Signatures>("signatures.json");

  it.for(data?.keys ?? [])("the key of seed $seedString", (key) => {
    expect(toHex(keyPairFromSeed(seedOf(key.seedString)).publicKey)).toBe(key.public);
  });

  it.for(data?.sign ?? [])("signs $name with $keySeed as the original does", (signing) => {
    const sig = sign(keyPairFromSeed(seedOf(signing.keySeed)), hex(signing.digest));
    expect(toHex(sig.bytes)).toBe(signing.signature);
  });

  it.for(data?.verify ?? [])("$group: $name", (testCase) => {
    const sig = { key: hex(testCase.public), bytes: hex(testCase.signature) };
    const digest = hex(testCase.digest);
    if (sig.key.length !== 32 || sig.bytes.length !== 64 || digest.length !== 32) {
      expect(testCase.accept).toBe(false);
      return;
    }
    expect(verify(digest, sig)).toBe(testCase.accept);
    // The fast path may only say yes, and only where the judge does.
    if (verifyFast(digest, sig)) expect(verifySlowly(digest, sig)).toBe(true);
  });
});
