/** Recovery's refusals: they name file, byte, lane and number, as far as those are known (D5). */
import { LOOK_FIRST, PersisterError } from "../../types/errors.js";
import type { FoundRecords } from "./found-records.js";
import type { LogTable } from "../form/log-table.js";
import type { EndingCase } from "./ending.js";
import type { ChainEnd } from "../segment/segment.js";

/** The log and number in a record's header, proven or not. */
interface Named {
  readonly log: number;
  readonly number: bigint;
}

export class RecoveryErrors {
  readonly #table: LogTable;
  readonly #found: FoundRecords;

  /** Both change while recovery goes on: what is named is what is known at the moment of a refusal. */
  constructor(table: LogTable, found: FoundRecords) {
    this.#table = table;
    this.#found = found;
  }

  /** Refuses bytes that must verify and do not; `at` is the damaged record, if it is known. */
  corrupt(file: string, offset: number, reason: string, at: Named | undefined): never {
    const place = this.#place(at);
    throw new PersisterError(
      "JOURNAL_CORRUPT",
      `${file}: ${reason} at byte ${offset}${place.words}; ${LOOK_FIRST}`,
      { file, offset, ...place.facts },
    );
  }

  /** D6: the records of the newest segment end at `end`; LSNs up to `through` were acknowledged. */
  lostAtTheEnd(
    file: string,
    end: ChainEnd,
    { row, through }: { readonly row: EndingCase; readonly through: bigint },
  ): never {
    const place = this.#place(end.suspect);
    throw new PersisterError(
      "ACKNOWLEDGED_LOST",
      `${file}: acknowledged records ${end.nextLsn}..${through} are not there${place.words}: ` +
        `${end.reason} at byte ${end.offset}; ${row.say} [${row.label}]; ${LOOK_FIRST}`,
      { file, offset: end.offset, ...place.facts },
    );
  }

  /** D6: one record of the newest segment was acknowledged, is needed, and is damaged. */
  lostRecord(file: string, { offset, reason, suspect, nextLsn }: ChainEnd): never {
    const place = this.#place(suspect);
    throw new PersisterError(
      "ACKNOWLEDGED_LOST",
      `${file}: the acknowledged record ${nextLsn}${place.words} is damaged: ${reason} at byte ` +
        `${offset}; ${LOOK_FIRST}`,
      { file, offset, ...place.facts },
    );
  }

  /** D6: the mark in `file` is older than the groups of the newest segment. */
  staleMark(file: string, segment: string, row: EndingCase): never {
    throw new PersisterError(
      "MARK_CORRUPT",
      `${file}: it is older than the groups in ${segment}; ${row.say} [${row.label}]; ${LOOK_FIRST}`,
      { file },
    );
  }

  /** The log and number in a proven header, in words. */
  named({ log, number }: Named): string {
    const state = this.#table.byLog(log);
    return state ? ` (${state.name} ${number})` : "";
  }

  /** The lane and number of the damaged record, if its header still tells them. */
  #place(at: Named | undefined) {
    const state = at && this.#table.byLog(at.log);
    if (!at || !state) return this.#firstMissing();
    return {
      words: this.named(at),
      facts: { lane: state.name, blockNumber: at.number },
    };
  }

  /** The first live record that was not delivered yet: what the damage has cost at least. */
  #firstMissing() {
    for (const state of this.#table.states()) {
      const number = this.#found.missingOf(state);
      if (number === undefined) continue;
      return {
        words: ` (${state.name} ${number} is not found)`,
        facts: { lane: state.name, blockNumber: number },
      };
    }
    return { words: "", facts: {} };
  }
}
