/** The answers of our decoders and verifiers, in the words of the golden data. */
import { expect } from "vitest";
import { DecodeError, type DecodeReason } from "../../../src/wire/codec/decode-error.js";
import { VerifyError } from "../../../src/wire/verify-error.js";
import { codecOf } from "../../wire/codec/codecs.js";

const decodeClasses: Readonly<Record<DecodeReason, string>> = {
  count: "wireguard.count",
  size: "wireguard.size",
  total: "wireguard.total",
  malformed: "wireguard.malformed",
  field_number: "protobuf",
  missing: "missing",
  length: "length",
  duplicate_lane: "duplicate_lane",
  empty: "empty",
};

/** The canonical bytes of what `bytes` decode to, or the class of the refusal. */
export function decoded(type: string, bytes: Uint8Array): Uint8Array | string {
  try {
    return codecOf(type).reencode(bytes);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    expect(error.path.startsWith(type)).toBe(true);
    expect(error.offset).toBeGreaterThanOrEqual(0);
    expect(error.offset).toBeLessThanOrEqual(bytes.length);
    return decodeClasses[error.reason];
  }
}

/** `accept`, or the class of the refusal. */
export function decodeVerdict(type: string, bytes: Uint8Array): string {
  const outcome = decoded(type, bytes);
  return typeof outcome === "string" ? outcome : "accept";
}

/** `accept`, or the class of the refusal. */
export async function verifyVerdict(check: () => unknown): Promise<string> {
  try {
    await check();
    return "accept";
  } catch (error) {
    if (error instanceof VerifyError) return error.errorClass;
    throw error;
  }
}
