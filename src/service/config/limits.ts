/** The limits of a service, with the reason for each default. */
export const defaultLimits = {
  /** Some blocks of full size, which has 2.1 MB, in one message. */
  messageBytes: 8 * 1024 * 1024,
  /** Streams and calls at once of one connection. */
  streams: 100,
  /** A validator, its tools, and room for mistakes; each costs some 100 KB. */
  connections: 256,
  /** The windows of four writers' streams. */
  inFlightBytes: 64 * 1024 * 1024,
  /** A connection without a call goes: a client that is left alone connects anew with its next one. */
  idleMs: 300_000,
} as const;

export type Limits = { readonly [Name in keyof typeof defaultLimits]: number };
