/**
 * Damage to one record alone: the chain goes on behind it, since its header is proven, and its payload
 * fails its checksum. The first case of the table that fits decides.
 *
 * The order of the cases matters: 1. Block 5 is on its way to disk, and the truncation of a later group
 * below it. 2. The power fails. 3. The payload of block 5 is torn. A reader that went on behind it, since
 * the block is to be pruned, would take what was never acknowledged for acknowledged.
 */
import { assert } from "../../types/assert.js";
import { isOfLog, type RecordHeader } from "../form/records.js";
import type { LogTable } from "../form/log-table.js";

export interface DamagedFacts {
  /** The mark, or the footer of a later group, proves that the record was acknowledged. */
  readonly isAcknowledged: boolean;
  /** It is a record of a log: its header says all that the journal needs of it. */
  readonly isOfLog: boolean;
  /** It lies at or above the first of a log that is held. */
  readonly isLive: boolean;
}

export interface DamagedCase {
  /** Appears in messages and test names. */
  readonly label: string;
  readonly fits: (facts: DamagedFacts) => boolean;
  /** `end`: the records end here, and `endingCases` says what that means. `pass`: the reading goes on. */
  readonly action: "end" | "refuse" | "pass";
  readonly say: string;
}

export const damagedCases: readonly DamagedCase[] = [
  {
    label: "in-flight",
    fits: (facts) => !facts.isAcknowledged,
    action: "end",
    say: "nothing proves that it was acknowledged",
  },
  {
    label: "of-the-journal",
    fits: (facts) => !facts.isOfLog,
    action: "end",
    say: "the journal cannot be read without it",
  },
  {
    label: "live",
    fits: (facts) => facts.isLive,
    action: "refuse",
    say: "it was acknowledged, and is needed",
  },
  {
    label: "pruned",
    fits: () => true,
    action: "pass",
    say: "it was pruned, and nothing needs it any more",
  },
];

export function damagedCaseOf(facts: DamagedFacts): DamagedCase {
  const row = damagedCases.find((each) => each.fits(facts));
  assert(row !== undefined, "the last case fits everything");
  return row;
}

/** Of an acknowledged record, by the logs as they are once all is read. */
export function acknowledgedCaseOf(header: RecordHeader, table: LogTable): DamagedCase {
  const state = table.byLog(header.log);
  return damagedCaseOf({
    isAcknowledged: true,
    isOfLog: isOfLog(header),
    isLive: state !== undefined && header.number >= state.first,
  });
}
