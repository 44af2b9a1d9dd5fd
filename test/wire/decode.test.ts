import { describe, expect, it } from "vitest";
import { DecodeError } from "../../src/wire/decode-error.js";
import { decodeMsg, encodeMsg } from "../../src/wire/envelope.js";
import { msgDigest, sha256 } from "../../src/wire/hash.js";
import { codecOf } from "./codecs.js";
import { golden, hex, noGolden, toHex } from "./golden.js";

interface Decode {
  readonly name: string;
  readonly type: string;
  readonly bytes?: string;
  readonly parts?: readonly { readonly hex: string; readonly times: number }[];
  readonly accept: boolean;
  readonly errorClass?: string;
  readonly hash?: string;
  readonly reencoded?: string;
  readonly reencodesToInput?: boolean;
}

interface Encode {
  readonly name: string;
  readonly type: string;
  readonly canonical?: string;
  readonly canonicalLength?: number;
  readonly canonicalSha256?: string;
  readonly hash: string;
}

interface Digest {
  readonly name: string;
  readonly arm: string;
  readonly canonicalMsg: string;
  readonly digest: string;
}

interface Primitives {
  readonly digests: readonly Digest[];
  readonly decode: readonly Decode[];
  readonly limits: readonly Decode[];
  readonly encode: readonly Encode[];
  readonly truncations: readonly {
    readonly type: string;
    readonly bytes: string;
    readonly outcomeByLength: readonly string[];
  }[];
}

/** What the golden data calls our reasons. */
const classes: Readonly<Record<string, string>> = {
  count: "wireguard.count",
  size: "wireguard.size",
  total: "wireguard.total",
  malformed: "wireguard.malformed",
  field_number: "protobuf",
};

/** The verdict on `bytes`: the re-encoding, or the error's class. */
function judge(type: string, bytes: Uint8Array): Uint8Array | string {
  try {
    return codecOf(type).reencode(bytes);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    expect(error.path.startsWith(type)).toBe(true);
    expect(error.offset).toBeGreaterThanOrEqual(0);
    expect(error.offset).toBeLessThanOrEqual(bytes.length);
    return classes[error.reason] ?? error.reason;
  }
}

function outcome(type: string, bytes: Uint8Array): string {
  const verdict = judge(type, bytes);
  return typeof verdict === "string" ? verdict : "accept";
}

function bytesOf(testCase: Decode): Uint8Array {
  if (testCase.bytes !== undefined) return hex(testCase.bytes);
  return hex((testCase.parts ?? []).map((part) => part.hex.repeat(part.times)).join(""));
}

describe.skipIf(noGolden)("decoders give the golden verdicts", () => {
  const data = noGolden ? undefined : golden<Primitives>("primitives.json");

  it.for([...(data?.decode ?? []), ...(data?.limits ?? [])])("$name", (testCase) => {
    const bytes = bytesOf(testCase);
    const verdict = judge(testCase.type, bytes);
    if (!testCase.accept) {
      expect(verdict).toBe(testCase.errorClass);
      return;
    }
    expect(typeof verdict).not.toBe("string");
    const again = verdict as Uint8Array;
    if (testCase.reencodesToInput === true) expect(Buffer.compare(again, bytes)).toBe(0);
    if (testCase.reencoded !== undefined) expect(toHex(again)).toBe(testCase.reencoded);
    if (testCase.hash !== undefined) expect(toHex(sha256(again))).toBe(testCase.hash);
  });

  it.for(data?.truncations ?? [])("a cut $type has the golden outcome at each length", (cut) => {
    const bytes = hex(cut.bytes);
    const outcomes = cut.outcomeByLength.map((_, length) =>
      outcome(cut.type, bytes.subarray(0, length)),
    );
    expect(outcomes).toEqual(cut.outcomeByLength);
  });

  it.for(data?.digests ?? [])("the envelope and digest of: $name", (testCase) => {
    const msg = decodeMsg(hex(testCase.canonicalMsg));
    expect(msg.arm).toBe(testCase.arm);
    expect(toHex(encodeMsg(msg))).toBe(testCase.canonicalMsg);
    expect(toHex(msgDigest(msg))).toBe(testCase.digest);
  });

  it.for(data?.encode ?? [])("canonical bytes come back: $name", (testCase) => {
    if (testCase.canonical === undefined) return;
    const bytes = hex(testCase.canonical);
    const again = codecOf(testCase.type).reencode(bytes);
    expect(toHex(again)).toBe(testCase.canonical);
    expect(toHex(sha256(again))).toBe(testCase.hash);
  });
});
