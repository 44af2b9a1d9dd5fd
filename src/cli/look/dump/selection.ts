/** The records that a dump is asked for. */
import { ROAD } from "../../../persist/kinds.js";
import { usageError } from "../../../types/errors.js";
import { isLaneId } from "../../../types/lane.js";
import { U64_MAX } from "../../../types/numbers.js";
import { isNamedBy, laneDigits } from "../../terminal/lanes.js";

/** Numbers [first, next). */
export interface Numbers {
  readonly first: bigint | undefined;
  readonly next: bigint | undefined;
}

export interface Selection {
  readonly lane: string | undefined;
  readonly road: boolean;
  readonly range: Numbers;
  readonly lsn: Numbers | undefined;
}

interface Given {
  readonly lane?: string;
  readonly road?: boolean;
  readonly range?: string;
  readonly lsn?: string;
}

const everything: Numbers = { first: undefined, next: undefined };

/** @throws {PersisterError} USAGE. */
export function selectionOf({ lane, road = false, range, lsn }: Given): Selection {
  if (lane !== undefined && road) throw usageError("--lane and --road exclude each other");
  return {
    lane: lane === undefined ? undefined : laneDigits(lane),
    road,
    range: range === undefined ? everything : numbersIn("--range", range),
    lsn: lsn === undefined ? undefined : numbersIn("--lsn", lsn),
  };
}

/** `5..9` is [5, 9), `5..` and `..9` are open at one end, and `5` is one number. */
function numbersIn(flag: string, text: string): Numbers {
  const found = /^(\d{0,20})(\.\.)?(\d{0,20})$/.exec(text);
  const [, first = "", dots, next = ""] = found ?? [];
  const numbers = {
    first: first === "" ? undefined : BigInt(first),
    next: next === "" ? undefined : BigInt(next),
  };
  const isOne = dots === undefined && next === "" && numbers.first !== undefined;
  if (isOne && numbers.first !== undefined) numbers.next = numbers.first + 1n;
  const { first: low = 0n, next: high = U64_MAX } = numbers;
  if (found && (isOne || dots !== undefined) && low <= high && high <= U64_MAX + 1n) return numbers;
  throw usageError(
    `${flag} takes numbers such as 5..9, which leaves out 9, or 5.., or 5; not ${text}`,
  );
}

/** Whether a record of `log` with `number` is asked for. A record of no log is, unless a log is named. */
export function isWanted(
  { lane, road, range }: Selection,
  log: string | undefined,
  number: bigint,
): boolean {
  const isNamed = lane !== undefined || road;
  if (isNamed && (log === undefined || !isNamedLog({ lane, road }, log))) return false;
  if (range.first === undefined && range.next === undefined) return true;
  if (log === undefined) return false;
  return number >= (range.first ?? 0n) && (range.next === undefined || number < range.next);
}

/** Whether a log is one of those that are asked for. */
export function isNamedLog({ lane, road }: Pick<Selection, "lane" | "road">, log: string): boolean {
  if (road) return log === ROAD;
  return lane === undefined || (isLaneId(log) && isNamedBy(lane, log));
}
