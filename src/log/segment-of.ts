/** The segment in which a record was appended, by the heads of the segments alone. */
import type { RetainedSegment } from "../journal/form/head.js";
import type { LogEngine } from "../journal/log-engine.js";
import { PersisterError } from "../types/errors.js";

/**
 * The readable segment in which a record was appended: the last one that began when its number was not
 * there yet. Reads a few heads.
 */
export async function segmentOf(
  engine: LogEngine,
  name: string,
  number: bigint,
): Promise<RetainedSegment | undefined> {
  const segments = engine.readable;
  let low = 0;
  let high = segments.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const segment = segments[middle];
    const next = segment && (await nextAt(engine, segment, name));
    if (next === undefined) return undefined;
    if (next <= number) low = middle + 1;
    else high = middle;
  }
  return segments[low - 1];
}

/** The log's next when the segment began; `undefined` where that cannot be read, or not any more. */
export async function nextAt(
  engine: LogEngine,
  segment: RetainedSegment,
  name: string,
): Promise<bigint | undefined> {
  if (!engine.isReadable(segment)) return undefined;
  try {
    return await engine.nextAt(segment, name);
  } catch (cause) {
    if (cause instanceof PersisterError) return undefined;
    throw cause;
  }
}
