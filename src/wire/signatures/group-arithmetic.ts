/**
 * The arithmetic of Ed25519's group, for signatures and for the fast yes to them. The fastest library that
 * is there does it:
 *
 * | library | it is there | a verification |
 * |---|---|---|
 * | `sodium-native` | where the user has installed it | 120 us |
 * | libsodium as WebAssembly | always, 30 ms after `fastestArithmetic` was first called | 280 us |
 * | `@noble/curves` | until then | no fast yes: the judge of `ed25519.ts` takes 1,200 us |
 *
 * Points have 32 bytes as RFC 8032 encodes them, scalars 32 bytes little-endian, below the group's order.
 * Each library multiplies in constant time.
 */
import { createRequire } from "node:module";
import { ed25519 } from "@noble/curves/ed25519.js";
import { detached } from "../../async/detached.js";

/** The calls of sodium-native that are used. It has no types of its own. */
interface Sodium {
  /** Writes `n * B`. */
  readonly crypto_scalarmult_ed25519_base_noclamp: (q: Buffer, n: Buffer) => void;
  /** Writes `n * p`; throws if `p` is no point of the prime-order group. */
  readonly crypto_scalarmult_ed25519_noclamp: (q: Buffer, n: Buffer, p: Buffer) => void;
  /** Writes `p - q`. */
  readonly crypto_core_ed25519_sub: (r: Buffer, p: Buffer, q: Buffer) => void;
}

/** Both throw where the library refuses: libsodium refuses some points that ZIP-215 allows. */
export interface GroupArithmetic {
  /** `scalar * B`. */
  readonly timesBase: (scalar: Buffer) => Uint8Array;
  /** `response * B - challenge * key`. */
  readonly difference: (response: Buffer, challenge: Buffer, key: Buffer) => Uint8Array;
}

/** Always there. It has no fast difference: the caller asks the judge at once. */
export const slowArithmetic: GroupArithmetic = {
  timesBase: (scalar) => {
    const value = ed25519.Point.Fn.fromBytes(scalar);
    return ed25519.Point.BASE.multiply(value).toBytes();
  },
  difference: () => {
    throw new Error("the fast libraries are not there");
  },
};

let fastest = slowArithmetic;
let loading: Promise<void> | undefined;

/** The fastest library that is there now. */
export function arithmetic(): GroupArithmetic {
  if (loading === undefined) detached(fastestArithmetic());
  return fastest;
}

/** Resolves when no faster one will come. Without WebAssembly the slow one stays. */
export function fastestArithmetic(): Promise<void> {
  loading ??= load();
  return loading;
}

/** An installed library is there at once: nothing is awaited before it. */
async function load(): Promise<void> {
  fastest = installedArithmetic() ?? (await compiledArithmetic().catch(() => slowArithmetic));
}

/** `sodium-native`, if it can be loaded from here: a bundle in CommonJS does not know where it is. */
export function installedArithmetic(): GroupArithmetic | undefined {
  try {
    return nativeArithmetic(createRequire(import.meta.url)("sodium-native") as Sodium);
  } catch {
    return undefined;
  }
}

function nativeArithmetic(sodium: Sodium): GroupArithmetic {
  const timesBase = (scalar: Buffer): Buffer => {
    const point = Buffer.alloc(32);
    sodium.crypto_scalarmult_ed25519_base_noclamp(point, scalar);
    return point;
  };
  return {
    timesBase,
    difference: (response, challenge, key) => {
      const point = timesBase(response);
      const taken = Buffer.alloc(32);
      sodium.crypto_scalarmult_ed25519_noclamp(taken, challenge, key);
      sodium.crypto_core_ed25519_sub(point, point, taken);
      return point;
    },
  };
}

/** libsodium as WebAssembly. */
export async function compiledArithmetic(): Promise<GroupArithmetic> {
  const { default: sodium } = await import("libsodium-wrappers-sumo");
  await sodium.ready;
  const timesBase = (scalar: Buffer): Uint8Array =>
    sodium.crypto_scalarmult_ed25519_base_noclamp(scalar);
  return {
    timesBase,
    difference: (response, challenge, key) =>
      sodium.crypto_core_ed25519_sub(
        timesBase(response),
        sodium.crypto_scalarmult_ed25519_noclamp(challenge, key),
      ),
  };
}
