/**
 * How the records of the newest segment end (D6). A crash leaves at most one group there that is not
 * whole, the last one, and it was not acknowledged. Damage may look the same, unless a mark or a footer
 * tells that what is not there was acknowledged. The first case of the table that fits decides.
 *
 * The order of the cases matters:
 * 1. Group 5 is acknowledged, then group 6.
 * 2. A record of group 5 is damaged. The footers of both are there.
 * 3. The footer of group 5 alone would say that its group may have been in flight, and open would go on
 *    without group 6. So a later group's footer is asked first.
 */
import { assert } from "../../types/assert.js";
import type { Footer } from "../form/footer.js";

export interface EndingFacts {
  /** The LSN that is due at the place where the records break off. */
  readonly due: bigint;
  /** The acknowledged LSN of the mark. */
  readonly acked: bigint;
  /** The mark is older than this segment, and the segment holds what a newer mark must have preceded. */
  readonly isMarkStale: boolean;
  /** Those found from that place on. */
  readonly footers: readonly Footer[];
}

export interface EndingCase {
  /** Appears in messages and test names. */
  readonly label: string;
  readonly fits: (facts: EndingFacts) => boolean;
  readonly action: "refuse" | "open";
  /** Said of a refusal. */
  readonly say: string;
}

export const endingCases: readonly EndingCase[] = [
  {
    label: "mark-left-behind",
    fits: (facts) => facts.isMarkStale,
    action: "refuse",
    say: "no crash leaves it so, an old copy of it does",
  },
  {
    label: "acknowledged-lost",
    fits: (facts) => facts.acked >= facts.due,
    action: "refuse",
    say: "the mark names what is not there as acknowledged",
  },
  {
    label: "later-group-begun",
    fits: (facts) => facts.footers.some(({ firstLsn }) => firstLsn > facts.due),
    action: "refuse",
    say: "a later group was begun, so what is not there was acknowledged",
  },
  {
    label: "last-group-broken",
    fits: (facts) => ownFooter(facts) !== undefined,
    action: "open",
    say: "the last group is not whole: it was in flight, or was damaged right behind its acknowledgement",
  },
  { label: "end", fits: () => true, action: "open", say: "nothing follows" },
];

/** The footer of the group in which the records break off. */
export function ownFooter({
  due,
  footers,
}: Pick<EndingFacts, "due" | "footers">): Footer | undefined {
  return footers.find(({ firstLsn, lastLsn }) => firstLsn <= due && due <= lastLsn);
}

/** The first case that fits. */
export function endingOf(facts: EndingFacts): EndingCase {
  const row = endingCases.find((each) => each.fits(facts));
  assert(row !== undefined, "the last case fits everything");
  return row;
}
