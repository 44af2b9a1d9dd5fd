/** Points in time and spans of it, as google.protobuf has them. None of ours is before 1970 or negative. */
import { type Decoded, message, u32, u64 } from "./message.js";

export const Timestamp = message("Timestamp", { seconds: u64(1), nanos: u32(2) });
export type Timestamp = Decoded<typeof Timestamp>;

export const Duration = message("Duration", { seconds: u64(1), nanos: u32(2) });
export type Duration = Decoded<typeof Duration>;

/** Milliseconds, and fractions of them, as seconds and nanoseconds. */
export function fromMs(ms: number): Timestamp {
  const seconds = Math.floor(ms / 1000);
  return {
    seconds: BigInt(seconds),
    nanos: Math.min(Math.round((ms - seconds * 1000) * 1e6), 999_999_999),
  };
}

export function toMs({ seconds, nanos }: Timestamp): number {
  return Number(seconds) * 1000 + nanos / 1e6;
}
