/**
 * The reports of a validator's process to the judge, over a pipe of their own, as lines of JSON.
 *
 * The order of the reports makes the judge sound:
 * 1. The store acknowledges a block. The validator reports the acknowledgement before it acts on it.
 * 2. The validator signs a vote for the block. It reports the vote before the vote leaves.
 * 3. Each report is in the pipe, which outlives the process, before the next step begins.
 * So the judge has heard of every message that reached a peer, and the acknowledgement that allowed
 * the message stands in front of it.
 *
 * A message that was reported need not have left: 1. The validator reports it. 2. The message waits for the end of
 * this turn of the event loop. 3. The process is killed. An honest validator says the same again, unless its store is
 * then an older one: nobody knows of the message, and another one may take its place. So the validator reports, too,
 * when all that it has said has left. The judge forgets at a restore whatever was said behind the last such report.
 */
import { writeSync } from "node:fs";
import type { LaneId } from "../../types/lane.js";
import type { VerifierCounts } from "../../wire/verifier.js";

/** The descriptor of a validator's process that reports go to. */
export const REPORT_DESCRIPTOR = 3;

/** The first 16 bytes of a SHA-256, in hex: enough to tell two things apart. */
export type Digest = string;
const DIGEST_BYTES = 16;

export function digestOf(hash: Uint8Array): Digest {
  return Buffer.from(hash.buffer, hash.byteOffset, DIGEST_BYTES).toString("hex");
}

/** The kinds of signed messages. At one place only one message of a kind may be signed. */
export type SignedKind =
  | "block"
  | "laneVote"
  | "proposal"
  | "prepareVote"
  | "commitVote"
  | "timeoutVote"
  | "appVote";

/** A place in a lane, or on the road with the number of the view. */
export type SignedPlace =
  | { readonly lane: LaneId; readonly number: bigint }
  | { readonly index: bigint; readonly view: bigint };

/** The first number of a lane under an anchor. */
export interface LaneStart {
  readonly lane: LaneId;
  readonly first: bigint;
}

export interface FoundLane {
  readonly lane: LaneId;
  readonly first: bigint;
  /** Header hashes of the blocks from `first` on. */
  readonly blocks: readonly Digest[];
}

/** Everything that a recovery returned. */
export interface Recovered {
  readonly kind: "recovered";
  readonly anchor: bigint | undefined;
  readonly starts: readonly LaneStart[];
  readonly roadFirst: bigint;
  /** Digests of the commit QCs from `roadFirst` on. */
  readonly road: readonly Digest[];
  readonly lanes: readonly FoundLane[];
  /** The vote state, the road index that it is about, and the votes in it. */
  readonly votes: Digest | undefined;
  readonly votesIndex: bigint;
  readonly signed: readonly Digest[];
  readonly abstains: boolean;
  readonly pins: number;
  readonly warnings: readonly string[];
  readonly durationMs: number;
}

export interface Stats {
  readonly kind: "stats";
  readonly state: "catching up" | "live" | "abstaining";
  /** Another machine of its validator signs. */
  readonly standsBy: boolean;
  readonly laneNext: bigint;
  readonly laneDurable: bigint;
  readonly road: bigint;
  readonly view: bigint;
  readonly executed: bigint;
  readonly anchor: bigint | undefined;
  /** Peers get the first road or the first block of some lane here: such a history is whole, or nearly so. */
  readonly servesFirst: boolean;
  readonly diskBytes: number;
  readonly rssBytes: number;
  /** User and system time of the process. */
  readonly cpuMs: number;
  /** By the validator and its store, with the one verifier of both. */
  readonly verified: VerifierCounts;
  /** From a block's arrival until it is durable, and until its vote left. */
  readonly durableMsP50: number;
  readonly voteMsP50: number;
  /** From a vote state's write until it is durable. */
  readonly voteStateMsP50: number;
}

/** A service has opened the store of its validator. */
export interface Served {
  readonly kind: "served";
  readonly pins: number;
  readonly abstains: boolean;
  readonly warnings: readonly string[];
  readonly durationMs: number;
}

/** The roads [first, next) were executed from the archive alone. */
export interface Replayed {
  readonly kind: "replayed";
  readonly first: bigint;
  readonly next: bigint;
}

export type Report =
  | { readonly kind: "opening" }
  | Served
  | Recovered
  | { readonly kind: "listening"; readonly port: number }
  | {
      readonly kind: "says";
      readonly what: SignedKind;
      readonly place: SignedPlace;
      readonly digest: Digest;
    }
  /** All that was said so far is with the system, which delivers it also if the process is killed. */
  | { readonly kind: "left" }
  | {
      readonly kind: "blockDurable";
      readonly lane: LaneId;
      readonly number: bigint;
      readonly digest: Digest;
    }
  /** `decision` is the same in whatever view it was made. */
  | {
      readonly kind: "commitQCDurable";
      readonly index: bigint;
      readonly digest: Digest;
      readonly decision: Digest;
    }
  | {
      readonly kind: "anchorDurable";
      readonly index: bigint;
      readonly starts: readonly LaneStart[];
    }
  /** A vote state is about to be written: from here on a recovery may return it. */
  | { readonly kind: "votesBegun"; readonly state: Digest }
  | {
      readonly kind: "votesDurable";
      readonly state: Digest;
      readonly index: bigint;
      readonly signed: readonly Digest[];
    }
  | { readonly kind: "executed"; readonly index: bigint; readonly appHash: Digest }
  | Replayed
  /** The guards of a restored store have heights: it signs again. */
  | { readonly kind: "raised"; readonly reason: string }
  | { readonly kind: "released"; readonly number: bigint; readonly reason: string }
  | Stats
  | { readonly kind: "failed"; readonly code: string; readonly message: string }
  | { readonly kind: "closed" };

/** One line, its end included. A bigint is a string of digits with an `n` behind. */
export function encodeReport(report: Report): string {
  const text = JSON.stringify(report, (_key, value: unknown) => {
    return typeof value === "bigint" ? `${value}n` : value;
  });
  return `${text}\n`;
}

export function decodeReport(line: string): Report {
  return JSON.parse(line, (_key, value: unknown) => {
    return typeof value === "string" && /^\d+n$/.test(value) ? BigInt(value.slice(0, -1)) : value;
  }) as Report;
}

/**
 * Writes to a pipe of this process, and returns when the pipe has the report; waits while it is
 * full. If nobody reads any more, the judge is gone, and the process ends as a kill would end it.
 */
export function reportTo(descriptor: number): (report: Report) => void {
  return (report) => {
    const bytes = Buffer.from(encodeReport(report));
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === "EPIPE") process.exit();
      throw cause;
    }
  };
}

/** Cuts a stream into reports. A report that a killed process left unfinished is dropped. */
export class ReportSplitter {
  #rest = "";

  push(chunk: string): Report[] {
    const lines = (this.#rest + chunk).split("\n");
    this.#rest = lines.pop() ?? "";
    return lines.map(decodeReport);
  }
}
