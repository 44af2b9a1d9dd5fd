/**
 * The reference model's knowledge of a message that is kept in one place and replaced as a whole, the
 * anchor or the vote state: those begun, in order, and which of them is acknowledged (-1: none).
 */
export interface Kept<T> {
  readonly begun: readonly T[];
  readonly acked: number;
}

export const nothing = { begun: [], acked: -1 } as const;

export interface Message {
  readonly index: bigint;
  readonly bytes: Uint8Array;
}

export function begun<T extends Message>({ begun, acked }: Kept<T>, message: T): Kept<T> {
  return { begun: [...begun, message], acked };
}

export function acknowledged<T extends Message>({ begun, acked }: Kept<T>, index: bigint): Kept<T> {
  return {
    begun,
    acked: Math.max(
      acked,
      begun.findIndex((message) => message.index === index),
    ),
  };
}

/** The index in `begun` of the message that was found, which may carry padding; -1 if there is none. */
export function placeOf<T extends Message>(
  { begun }: Kept<T>,
  got: Uint8Array | undefined,
): number {
  if (!got) return -1;
  return begun.findIndex(({ bytes }) => !Buffer.compare(bytes, got.subarray(0, bytes.length)));
}

/** D1: the acknowledged one or one begun later; none only where none was acknowledged. */
export function judge<T extends Message>(
  kept: Kept<T>,
  name: string,
  got: Uint8Array | undefined,
): string[] {
  const at = placeOf(kept, got);
  if (at >= kept.acked && (at >= 0 || !got)) return [];
  const held = kept.begun[kept.acked]?.index ?? "none";
  const lost = got ? "" : `, the ${name} is lost`;
  return [`the ${name} is neither the acknowledged one (${held}) nor one begun later${lost}`];
}

/** A message that an open has published is acknowledged; others that were begun never come back. */
export function published<T extends Message>(kept: Kept<T>, got: Uint8Array | undefined): Kept<T> {
  const held = kept.begun[placeOf(kept, got)];
  return held ? { begun: [held], acked: 0 } : nothing;
}
