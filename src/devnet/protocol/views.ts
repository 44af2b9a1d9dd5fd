/** Views: how long each may take, which one a vote is about, and the timeout QC that ends one. */
import type {
  FullTimeoutVote,
  PrepareQC,
  Proposal,
  TimeoutQC,
  Timestamp,
  View,
} from "../../wire/messages.js";
import { globalRange } from "../../wire/rules/proposal.js";
import type { VoteMessage } from "./step.js";

export function viewOf(vote: VoteMessage): View {
  if (vote.kind === "proposal") return vote.proposal.proposal.msg.view;
  if (vote.kind === "timeoutVote") return vote.vote.vote.msg.view;
  return vote.vote.msg.view;
}

/** The votes, and the prepare QC of the highest view that one of them names. */
export function timeoutQCOf(votes: readonly FullTimeoutVote[]): TimeoutQC {
  let latest: PrepareQC | undefined;
  for (const { latestPrepareQC: each } of votes) {
    if (each && (latest === undefined || each.vote.view.number > latest.vote.view.number)) {
      latest = each;
    }
  }
  return { votes: votes.map(({ vote }) => vote), latestPrepareQC: latest };
}

/**
 * The time for a step of the first view: proposal, prepare QC, commit QC. A step takes some ten
 * milliseconds; a leader that is gone costs this much.
 */
const STEP_MS = 500;
/** 16 s, however many views time out: a step that takes longer waits for something else. */
const DOUBLINGS_MAX = 5n;

/**
 * The time that view `number` of a road waits for its next step.
 *
 * Nobody knows how long a step takes here and now: on a busy machine each one waits for the
 * processor many times. So each view of a road waits twice as long as the view before it. All views
 * that were too short then take less than twice the time of the first one that is long enough. Were
 * each view longer by the same time only, they would take the square of it.
 */
export function stepMs(number: bigint): number {
  return STEP_MS * 2 ** Number(number < DOUBLINGS_MAX ? number : DOUBLINGS_MAX);
}

const NANOS_PER_SECOND = 1_000_000_000n;
/** Times of blocks are this far apart at least. */
const NANOS_PER_BLOCK = 1_000n;

/** `now`, or the time at which the blocks of the proposal before end, where that is later. */
export function laterOf(now: Timestamp, before: Proposal | undefined): Timestamp {
  if (before === undefined) return now;
  const { first, next } = globalRange(before);
  const earliest = nanosOf(before.timestamp) + (next - first) * NANOS_PER_BLOCK;
  if (nanosOf(now) >= earliest) return now;
  return {
    seconds: earliest / NANOS_PER_SECOND,
    nanos: Number(earliest % NANOS_PER_SECOND),
  };
}

function nanosOf({ seconds, nanos }: Timestamp): bigint {
  return seconds * NANOS_PER_SECOND + BigInt(nanos);
}
