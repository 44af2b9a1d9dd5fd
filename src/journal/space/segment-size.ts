/**
 * How large a new slot is to be. Large segments make rotations rare and heads cheap, small ones keep a
 * small store small: segments follow a quarter of what is live, and take two groups at least.
 */

const LIVE_PER_SEGMENT = 4;
const GROUPS_PER_SEGMENT = 2;
/** The largest slot, in smallest ones; sizes between them are doubled, so that slots fit for long. */
const DOUBLINGS_MAX = 4;
/** No slot is larger, unless the smallest is. */
const BYTES_MAX = 64 * 1024 * 1024;
/** How far what is live may move, in doublings, before the size follows: it is not to go to and fro. */
const SLACK = 0.75;

export interface SizeFacts {
  /** Bytes of the smallest slot. */
  readonly leastBytes: number;
  /** The size until now. */
  readonly nowBytes: number;
  readonly liveBytes: number;
  /** Bytes of a large group. */
  readonly groupBytes: number;
}

/** Bytes of a new slot. */
export function wantedSegmentBytes(facts: SizeFacts): number {
  const { leastBytes, nowBytes, liveBytes, groupBytes } = facts;
  const now = Math.log2(nowBytes / leastBytes);
  const exact = Math.log2(Math.max(1, liveBytes / LIVE_PER_SEGMENT) / leastBytes);
  const byLive = Math.abs(exact - now) > SLACK ? Math.round(exact) : now;
  const byGroups = Math.ceil(
    Math.log2((GROUPS_PER_SEGMENT * Math.max(1, groupBytes)) / leastBytes),
  );
  const bytes = leastBytes * 2 ** Math.min(DOUBLINGS_MAX, Math.max(0, byLive, byGroups));
  return Math.min(bytes, Math.max(leastBytes, BYTES_MAX));
}
