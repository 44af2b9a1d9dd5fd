/**
 * Holes: blocks of a file that take no room on the disk. A copy made with `--sparse` leaves them where
 * the bytes are zeros; a file system that compresses leaves them wherever zeros are written.
 */

export const BLOCK_BYTES = 4096;

/** Numbers of blocks that are holes. */
export type Holes = ReadonlySet<number>;

export const noHoles: Holes = new Set();

/** The holes of a file behind a write of `bytes`; `keepsZeros` where a block of zeros takes room. */
export function holesBehind(
  holes: Holes,
  { position, bytes }: { readonly position: number; readonly bytes: Uint8Array },
  keepsZeros: boolean,
): Holes {
  const from = Math.floor(position / BLOCK_BYTES);
  const to = Math.ceil((position + bytes.length) / BLOCK_BYTES);
  if (keepsZeros && holes.size === 0) return holes;
  const next = new Set(holes);
  for (let block = from; block < to; block++) {
    const start = block * BLOCK_BYTES - position;
    const part = bytes.subarray(Math.max(0, start), start + BLOCK_BYTES);
    const isZeros = part.length === BLOCK_BYTES && part.every((byte) => byte === 0);
    if (isZeros && !keepsZeros) next.add(block);
    else next.delete(block);
  }
  return next;
}

/** A hole in each whole block of zeros: what a copy with `--sparse=always` makes. */
export function holesIn(bytes: Uint8Array): Holes {
  const whole = {
    position: 0,
    bytes: bytes.subarray(0, bytes.length - (bytes.length % BLOCK_BYTES)),
  };
  return holesBehind(noHoles, whole, false);
}
