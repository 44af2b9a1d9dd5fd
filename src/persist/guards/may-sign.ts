/**
 * D6 in one question: may the validator sign at this place? Pins, abstention and guards are rows of one
 * table. An answer is about two different messages for one place alone: whether a message is valid, and
 * whether a vote follows from the votes before it, the node knows.
 *
 * # The guards' argument
 *
 * A life of the validator is a store with all that was signed on its word. An older life (a backup that
 * was restored) and the one that came after it may sign different messages for one place. Let H be a
 * height such that the other life has signed nothing at or above H.
 *
 * - At or above H only this life signs. It knows what it signed: that is D1.
 * - A block below H is allowed only if it is held, with this hash. Each held block of our lane has our
 *   signature. The other life signed one block for a number, so no other one can come.
 * - A lane vote below H is allowed only for a block that was held when the store was restored. The other
 *   life began with that block, and so voted for no other one. A block that came later proves nothing: 1. The
 *   owner of the lane signs A and B for one number. 2. The other life votes for A. 3. B is held here. A
 *   certificate of B says how a quorum voted, and not how we did.
 * - A vote on the road below H is never allowed. The votes of the vote state that was restored need no new
 *   signature.
 * - An app vote is about the result of a decided road. Both lives execute the same blocks, so they
 *   sign the same result.
 */
import type { ErrorCode } from "../../types/errors.js";
import type { LaneId } from "../../types/lane.js";
import { sameBytes } from "../../wire/hash.js";
import { hex } from "../../codec/hex.js";
import { type Height, isBelow } from "./heights.js";

/** The place of a message that is to be signed. */
export type Place =
  /** A block of the validator's own lane. Without a hash: of any block. */
  | {
      readonly kind: "block";
      readonly lane: LaneId;
      readonly number: bigint;
      readonly headerHash?: Uint8Array | undefined;
    }
  /** A vote for a block. */
  | {
      readonly kind: "laneVote";
      readonly lane: LaneId;
      readonly number: bigint;
      readonly headerHash: Uint8Array;
    }
  /** A proposal, a prepare, commit or timeout vote, in any view of this road index. */
  | { readonly kind: "vote"; readonly roadIndex: bigint }
  /** A vote for the result of executing this road index. */
  | { readonly kind: "appVote"; readonly roadIndex: bigint };

/** Whether a place may be signed, and if not, why, and until when. */
export type MaySign =
  | { readonly may: true }
  | {
      readonly may: false;
      readonly code: ErrorCode;
      /** The rule that forbids it, in a word. */
      readonly rule: string;
      readonly text: string;
    };

/** The places [first, next) that this machine has reserved; `undefined` where it shares its keys with no other. */
export type Reserved = { readonly first: bigint; readonly next: bigint } | undefined;

/** The facts about a place in a lane. */
export interface LaneFacts {
  /** The first number that is not pruned, and the first that is not durable. */
  readonly first: bigint;
  readonly durable: bigint;
  /** The header hash of the block at the number, if one is held or on its way to disk. */
  readonly held: Uint8Array | undefined;
  /** The header hash to which the number is pinned. */
  readonly pin: Uint8Array | undefined;
  readonly height: Height;
  /** The end of the lane when the store was restored. */
  readonly proven: bigint;
  readonly reserved: Reserved;
}

/** The facts about a place on the road. */
export interface RoadFacts {
  /** The first road index without a durable commit QC. */
  readonly durable: bigint;
  readonly height: Height;
  /** D6: no vote up to this road index. */
  readonly abstainThrough: bigint | undefined;
  readonly reserved: Reserved;
}

interface Rule<Asked, Facts> {
  readonly rule: string;
  readonly code: ErrorCode;
  readonly forbids: (place: Asked, facts: Facts) => boolean;
  readonly text: (place: Asked, facts: Facts) => string;
}

type OfLane = Extract<Place, { lane: LaneId }>;
type OfRoad = Extract<Place, { roadIndex: bigint }>;

/** The first rule that forbids a place of a lane decides. */
export const laneRules: readonly Rule<OfLane, LaneFacts>[] = [
  {
    rule: "pinned",
    code: "PINNED",
    forbids: ({ headerHash }, { pin }) => pin !== undefined && !isSame(pin, headerHash),
    text: (place, { pin }) =>
      `${at(place)} was lost while it was being written, and only the one with header ` +
      `${hex(pin ?? NOTHING)} may be signed, until a QC or an anchor covers the number or the pin is ` +
      "lifted with release()",
  },
  {
    rule: "passed",
    code: "OUT_OF_SEQUENCE",
    forbids: ({ number }, { first }) => number < first,
    text: (place, { first }) => `${at(place)} was pruned: the lane starts at ${first}`,
  },
  {
    rule: "held-other",
    code: "CONFLICT",
    forbids: ({ headerHash }, { held }) => held !== undefined && !isSame(held, headerHash),
    text: (place) => `${at(place)} is held already, and it is another one`,
  },
  {
    rule: "not-durable",
    code: "OUT_OF_SEQUENCE",
    forbids: ({ kind, number }, { durable }) => kind === "laneVote" && number >= durable,
    text: (place) => `${at(place)} is not durable here: wait for it with waitForBlock()`,
  },
  {
    rule: "guarded-block",
    code: "GUARDED",
    forbids: ({ kind, number }, { height, held }) =>
      kind === "block" && isBelow(number, height) && held === undefined,
    text: (place, { height }) =>
      `${at(place)} may have been signed before the store was restored, and is not held here: ` +
      until(`block ${height}`, height, "get the lane's blocks from peers, and go on there"),
  },
  {
    rule: "guarded-lane-vote",
    code: "GUARDED",
    forbids: ({ kind, number }, { height, proven }) =>
      kind === "laneVote" && isBelow(number, height) && number >= proven,
    text: (place, { height }) =>
      `another ${at(place)} may have been voted for before the store was restored: ` +
      until(`block ${height}`, height, "leave it to the others"),
  },
  {
    rule: "unreserved",
    code: "UNRESERVED",
    forbids: ({ kind, number }, { held, reserved }) =>
      (kind === "laneVote" || held === undefined) && !isReserved(number, reserved),
    text: (place, { reserved }) => `${at(place)} ${unreserved(reserved)}`,
  },
];

/** The first rule that forbids a place of the road decides. */
export const roadRules: readonly Rule<OfRoad, RoadFacts>[] = [
  {
    rule: "guarded-vote",
    code: "GUARDED",
    forbids: ({ kind, roadIndex }, { height }) => kind === "vote" && isBelow(roadIndex, height),
    text: ({ roadIndex }, { height }) =>
      `votes at road ${roadIndex} may have been signed before the store was restored: ` +
      until(`road ${height}`, height, "leave the roads before it to the others"),
  },
  {
    rule: "abstaining",
    code: "GUARDED",
    forbids: ({ kind, roadIndex }, { abstainThrough }) =>
      kind === "vote" && abstainThrough !== undefined && roadIndex <= abstainThrough,
    text: ({ roadIndex }, { abstainThrough }) =>
      `a vote at road ${roadIndex} may have been lost while it was being written: abstain until a ` +
      `commit QC covers road ${abstainThrough}`,
  },
  {
    rule: "guarded-app-vote",
    code: "GUARDED",
    forbids: ({ kind, roadIndex }, { height, durable }) =>
      kind === "appVote" && isBelow(roadIndex, height) && roadIndex >= durable,
    text: ({ roadIndex }) =>
      `an app vote at road ${roadIndex} may have been signed before the store was restored: push the ` +
      "commit QC of that road first, and execute it",
  },
  {
    rule: "unreserved",
    code: "UNRESERVED",
    forbids: ({ kind, roadIndex }, { reserved }) =>
      kind === "vote" && !isReserved(roadIndex, reserved),
    text: ({ roadIndex }, { reserved }) => `road ${roadIndex} ${unreserved(reserved)}`,
  },
];

/** Asked before a message of a lane is signed. */
export function maySignInLane(place: OfLane, facts: LaneFacts): MaySign {
  return verdict(laneRules, place, facts);
}

/** Asked before a message of the road is signed. */
export function maySignOnRoad(place: OfRoad, facts: RoadFacts): MaySign {
  return verdict(roadRules, place, facts);
}

function verdict<Asked, Facts>(
  rules: readonly Rule<Asked, Facts>[],
  place: Asked,
  facts: Facts,
): MaySign {
  const found = rules.find(({ forbids }) => forbids(place, facts));
  if (!found) return { may: true };
  const { rule, code, text } = found;
  return { may: false, code, rule, text: text(place, facts) };
}

export function isReserved(place: bigint, reserved: Reserved): boolean {
  return reserved === undefined || (reserved.first <= place && place < reserved.next);
}

function unreserved(reserved: Reserved): string {
  const { first, next } = reserved ?? { first: 0n, next: 0n };
  const reach = first < next ? `it may sign [${first}, ${next})` : "it may sign nothing here";
  return `is not reserved for this machine (${reach}): wait with reserved(), which tells why it cannot be`;
}

const NOTHING = new Uint8Array(0);

function isSame(hash: Uint8Array, other: Uint8Array | undefined): boolean {
  return other !== undefined && sameBytes(hash, other);
}

function at({ lane, number }: OfLane): string {
  return `block ${number} of lane ${lane}`;
}

function until(place: string, height: Height, advice: string): string {
  if (height !== "unknown") return `${place} is the first that cannot have been; ${advice}`;
  return (
    "nothing new may be signed until it is known how far that went; give watermarks of the old " +
    "machine, or ask the peers, and raise the guard with raiseGuard()"
  );
}
