/**
 * How large a new slot is to be. Large segments make rotations rare and heads cheap, small ones keep a
 * small store small: segments follow a quarter of what is live, and take two groups at least.
 */

const LIVE_PER_SEGMENT = 4;
const GROUPS_PER_SEGMENT = 2;
/** The largest slot, in smallest ones; sizes between them are doubled, so that slots fit for long. */
const DOUBLINGS_MAX = 4;

/** Bytes of a new slot where the smallest has `least`. */
export function wantedSegmentBytes(
  least: number,
  { liveBytes, groupBytes }: { readonly liveBytes: number; readonly groupBytes: number },
): number {
  const byLive = Math.round(Math.log2(liveBytes / LIVE_PER_SEGMENT / least));
  const byGroups = Math.ceil(Math.log2((GROUPS_PER_SEGMENT * groupBytes) / least));
  return least * 2 ** Math.min(DOUBLINGS_MAX, Math.max(0, byLive, byGroups));
}
