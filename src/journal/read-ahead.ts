/**
 * Reads segments one ahead: the next is on its way while the caller checks the one before. Two
 * buffers serve them all, so that a recovery's memory does not follow what it reads.
 */
import type { SealedSegment } from "./head.js";
import type { Slot } from "./segment.js";

export interface ReadSegment {
  readonly segment: SealedSegment;
  /** Its bytes from 0 to the end of its records; `undefined` where there is no such slot. */
  readonly bytes: Uint8Array | undefined;
}

/** What is given is valid until the next is asked for. */
export async function* readAhead(
  segments: readonly SealedSegment[],
  slots: readonly Slot[],
): AsyncGenerator<ReadSegment, void, void> {
  const buffers = [Buffer.alloc(0), Buffer.alloc(0)];
  const begin = (index: number): Promise<Uint8Array | undefined> => {
    const segment = segments[index];
    const slot = slots.find((each) => each.slot === segment?.slot);
    if (!segment || !slot) return Promise.resolve(undefined);
    let buffer = buffers[index % 2];
    if (!buffer || buffer.length < segment.endOffset) buffer = Buffer.allocUnsafeSlow(slot.bytes);
    buffers[index % 2] = buffer;
    const reading = slot.file.read(0, segment.endOffset, buffer);
    // A rejection is met when its turn comes, and not before.
    reading.catch(() => {});
    return reading;
  };
  let next = begin(0);
  for (const [index, segment] of segments.entries()) {
    const bytes = await next;
    next = begin(index + 1);
    yield { segment, bytes };
  }
}
