/** The calls of sodium-native that `ed25519.ts` uses; the package has no types of its own. */
declare module "sodium-native" {
  interface GroupArithmetic {
    /** Writes to `r` the 64-byte little-endian `s` modulo the group order, 32 bytes. */
    crypto_core_ed25519_scalar_reduce(r: Buffer, s: Buffer): void;
    /** Writes `n * B`; throws if libsodium refuses. */
    crypto_scalarmult_ed25519_base_noclamp(q: Buffer, n: Buffer): void;
    /** Writes `n * p`; throws if `p` is no point of the prime-order group. */
    crypto_scalarmult_ed25519_noclamp(q: Buffer, n: Buffer, p: Buffer): void;
    /** Writes `p - q`; throws if one of them is no point. */
    crypto_core_ed25519_sub(r: Buffer, p: Buffer, q: Buffer): void;
  }
  const sodium: GroupArithmetic;
  export default sodium;
}
