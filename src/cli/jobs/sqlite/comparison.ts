/** A job beside a SQLite file: the rows in which the two differ. */
import type { Job } from "../../../jobs/job.js";
import type { Row } from "../../../jobs/level/values.js";
import type { SqliteSource } from "./source.js";

export interface Difference {
  /** `missing`: only SQLite has the key; `extra`: only the job; `other`: their values differ. */
  readonly kind: "missing" | "extra" | "other";
  readonly category: string;
  readonly key: Uint8Array;
  /** The value in SQLite. */
  readonly value: Uint8Array | undefined;
}

/** Every difference, category by category, in the order of the keys. */
export async function* differencesOf(
  job: Job,
  source: SqliteSource,
  signal: AbortSignal,
): AsyncGenerator<Difference> {
  const categories = new Set([...source.categories, ...(await job.categories())]);
  for (const category of categories) yield* differencesIn(job, source, category, signal);
}

async function* differencesIn(
  job: Job,
  source: SqliteSource,
  category: string,
  signal: AbortSignal,
): AsyncGenerator<Difference> {
  const wanted = source.rows(category);
  let theirs = next(wanted);
  for await (const { key, value } of job.scan(category, {}, { signal })) {
    while (theirs && Buffer.compare(theirs.key, key) < 0) {
      yield { kind: "missing", category, ...theirs };
      theirs = next(wanted);
    }
    if (!theirs || Buffer.compare(theirs.key, key) > 0) {
      yield { kind: "extra", category, key, value: undefined };
      continue;
    }
    if (Buffer.compare(theirs.value, value) !== 0) yield { kind: "other", category, ...theirs };
    theirs = next(wanted);
  }
  for (; theirs; theirs = next(wanted)) yield { kind: "missing", category, ...theirs };
}

function next(rows: Generator<Row>): Row | undefined {
  const step = rows.next();
  return step.done === true ? undefined : step.value;
}
