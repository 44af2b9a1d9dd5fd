/** The draws of a devnet: which validator is struck when, and what a power cut does. */
import { createHash } from "node:crypto";

/** Draws from `[0, 1)`: the same ones in the same order for the same seed. */
export function fractionsOf(seed: number): () => number {
  let count = 0;
  return () => {
    count += 1;
    const digest = createHash("sha256").update(`lanekeeper devnet ${seed} ${count}`).digest();
    return digest.readUInt32LE() / 2 ** 32;
  };
}
