/** `lanekeeper ls`: one kind of the parts of a store, one line each. */
import { RealDisk } from "../../disk/real/real.js";
import type { ListedSegment } from "../../inspect/listing/listed.js";
import { StoreListing } from "../../inspect/listing/listing.js";
import { sourcesOf } from "../store/key-files.js";
import { tellDone } from "../terminal/manners.js";
import type { CliPort } from "../terminal/port.js";
import { formatSize } from "../terminal/sizes.js";
import { printable } from "../terminal/table.js";
import type { Target } from "./view/target.js";
import { unreadIn } from "./view/files.js";
import { viewOf } from "./view/look.js";
import {
  lanesOf,
  type LogView,
  type LookChoices,
  roadOf,
  type StoreView,
  unreadOutcome,
  type UnreadView,
} from "./view/view.js";
import { logText, pinText, unreadText } from "./view/words.js";

/** The parts that can be listed, and the way to each. */
const parts = {
  lanes: fromView(lanesOf, logText),
  road: fromView((view) => [roadOf(view)].filter((log) => log !== undefined), logText),
  pins: fromView(({ pins }) => pins, pinText),
  segments: listSegments,
  retained: listRetained,
} as const satisfies Record<string, List>;

export type Part = keyof typeof parts;
export const partNames = Object.keys(parts) as readonly Part[];

interface Listed {
  readonly rows: readonly object[];
  readonly lines: readonly string[];
  readonly unread: readonly UnreadView[];
}
type List = (target: Target, choices: LookChoices, port: CliPort) => Promise<Listed>;

/** Lists one kind of parts; returns the exit code: that of a file that could not be read, if there is one. */
export async function list(
  part: Part,
  target: Target,
  choices: LookChoices & { readonly json?: boolean },
  port: CliPort,
): Promise<number> {
  const { rows, lines, unread } = await parts[part](target, choices, port);
  const told = [...lines, ...unread.map(unreadText)];
  const text = told.map((line) => `${printable(line)}\n`).join("");
  const outcome = unreadOutcome(unread);
  await tellDone(port, choices.json, { ...outcome, [part]: rows, unread }, text);
  return outcome.exitCode;
}

function fromView<T extends object>(
  take: (view: StoreView) => readonly T[],
  line: (row: T) => string,
): List {
  return async (target, choices, port) => {
    const view = await viewOf(target, choices, port);
    const rows = take(view);
    return { rows, lines: rows.map(line), unread: view.unread };
  };
}

/** Each segment of files; of a service how many there are of each state. */
async function listSegments(target: Target, choices: LookChoices, port: CliPort): Promise<Listed> {
  if (target.kind === "service") {
    const { segments } = await viewOf(target, choices, port);
    const lines = segments.map(
      ({ state, slots, bytes }) => `${state} ${slots}, ${formatSize(bytes)}`,
    );
    return { rows: segments, lines, unread: [] };
  }
  const listing = await StoreListing.open(new RealDisk(), target.directory);
  try {
    const rows = listing.segments;
    const read = rows.filter(({ state }) => state !== "unread");
    return { rows, lines: read.map(segmentText), unread: unreadIn(listing) };
  } finally {
    await listing.close();
  }
}

function segmentText(segment: ListedSegment): string {
  const { file, state, bytes, sequence, firstLsn, keyId } = segment;
  const what = sequence === undefined ? "" : `, segment ${sequence} from LSN ${firstLsn}`;
  const sealed = keyId === undefined ? "" : `, sealed with ${keyId}`;
  return `${file} ${state}, ${formatSize(bytes ?? 0)}${what}${sealed}`;
}

/** The pruned records that are there: of a service those that it would give, of files all that can be seen. */
async function listRetained(target: Target, choices: LookChoices, port: CliPort): Promise<Listed> {
  if (target.kind === "files") {
    return await retainedIn(target.directory, choices.key ?? [], port.stop);
  }
  const logs = (await viewOf(target, choices, port)).logs.flatMap(retainedOf);
  return { rows: logs, lines: logs.map(logText), unread: [] };
}

function retainedOf({ name, retained }: LogView): LogView[] {
  return retained ? [{ name, ...retained }] : [];
}

async function retainedIn(
  directory: string,
  keyFiles: readonly string[],
  stop: AbortSignal,
): Promise<Listed> {
  const listing = await StoreListing.open(new RealDisk(), directory, sourcesOf(keyFiles));
  const found = new Map<string, Set<bigint>>();
  try {
    for await (const record of listing.records()) {
      stop.throwIfAborted();
      if (record.kind === "lost" || record.isLive !== false || record.log === undefined) continue;
      const numbers = found.get(record.log) ?? new Set();
      found.set(record.log, numbers.add(record.number));
    }
  } finally {
    await listing.close();
  }
  const logs = [...found].flatMap(([name, numbers]) => {
    return spansOf(numbers).map((span) => ({ name, ...span }));
  });
  return { rows: logs, lines: logs.map(logText), unread: unreadIn(listing) };
}

/** Numbers as ranges without a gap, ascending. */
export function spansOf(numbers: ReadonlySet<bigint>): { first: bigint; next: bigint }[] {
  const spans: { first: bigint; next: bigint }[] = [];
  for (const number of [...numbers].toSorted((one, other) => (one < other ? -1 : 1))) {
    const last = spans.at(-1);
    if (last?.next === number) last.next = number + 1n;
    else spans.push({ first: number, next: number + 1n });
  }
  return spans;
}
