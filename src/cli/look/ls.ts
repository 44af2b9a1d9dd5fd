/** `lanekeeper ls`: one kind of the parts of a store, one line each. */
import { RealDisk } from "../../disk/real/real.js";
import { type ListedSegment, StoreListing } from "../../inspect/listing/listing.js";
import { sourcesOf } from "../store/key-files.js";
import { tellDone } from "../terminal/manners.js";
import type { CliPort } from "../terminal/port.js";
import { formatSize } from "../terminal/sizes.js";
import { printable } from "../terminal/table.js";
import type { Target } from "./view/target.js";
import { viewOf } from "./view/look.js";
import { lanesOf, type LogView, type LookChoices, roadOf, type StoreView } from "./view/view.js";
import { logText, pinText } from "./view/words.js";

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
}
type List = (target: Target, choices: LookChoices, port: CliPort) => Promise<Listed>;

/** Lists one kind of parts. */
export async function list(
  part: Part,
  target: Target,
  choices: LookChoices & { readonly json?: boolean },
  port: CliPort,
): Promise<void> {
  const { rows, lines } = await parts[part](target, choices, port);
  const text = lines.map((line) => `${printable(line)}\n`).join("");
  await tellDone(port, choices.json, { [part]: rows }, text);
}

function fromView<T extends object>(
  take: (view: StoreView) => readonly T[],
  line: (row: T) => string,
): List {
  return async (target, choices, port) => {
    const rows = take(await viewOf(target, choices, port));
    return { rows, lines: rows.map(line) };
  };
}

/** Each segment of files; of a service how many there are of each state. */
async function listSegments(target: Target, choices: LookChoices, port: CliPort): Promise<Listed> {
  if (target.kind === "service") {
    const { segments } = await viewOf(target, choices, port);
    const lines = segments.map(
      ({ state, slots, bytes }) => `${state} ${slots}, ${formatSize(bytes)}`,
    );
    return { rows: segments, lines };
  }
  const listing = await StoreListing.open(new RealDisk(), target.directory);
  try {
    const rows = listing.segments;
    return { rows, lines: rows.map(segmentText) };
  } finally {
    await listing.close();
  }
}

function segmentText(segment: ListedSegment): string {
  const { file, state, bytes, sequence, firstLsn, keyId } = segment;
  const what = sequence === undefined ? "" : `, segment ${sequence} from LSN ${firstLsn}`;
  const sealed = keyId === undefined ? "" : `, sealed with ${keyId}`;
  return `${file} ${state}, ${formatSize(bytes)}${what}${sealed}`;
}

/** The pruned records that are there: of a service those that it would give, of files all that can be seen. */
async function listRetained(target: Target, choices: LookChoices, port: CliPort): Promise<Listed> {
  const logs =
    target.kind === "service"
      ? (await viewOf(target, choices, port)).logs.flatMap(retainedOf)
      : await retainedIn(target.directory, choices.key ?? [], port.stop);
  return { rows: logs, lines: logs.map(logText) };
}

function retainedOf({ name, retained }: LogView): LogView[] {
  return retained ? [{ name, ...retained }] : [];
}

async function retainedIn(
  directory: string,
  keyFiles: readonly string[],
  stop: AbortSignal,
): Promise<readonly LogView[]> {
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
  return [...found].flatMap(([name, numbers]) => {
    return spansOf(numbers).map((span) => ({ name, ...span }));
  });
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
