/** Reading many rows of a job in the order of their keys: the options, and the rows as they are asked for. */
import { throwIfAborted } from "../async/signal.js";
import {
  booleanArgument,
  integerArgument,
  optionsArgument,
  signalArgument,
} from "../types/arguments.js";
import type { Row } from "./level/values.js";

/** A limit of rows. */
const ROWS = [0, Number.MAX_SAFE_INTEGER] as const;
const SCAN = "the scan";

/** How a read of many rows is called. */
export interface ScanOptions {
  /** From the last key to the first; the bounds stay what they are. @defaultValue false */
  readonly reverse?: boolean | undefined;
  /** Rows at most. @defaultValue all of them */
  readonly limit?: number | undefined;
  /** Ends it with ABORTED. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Rows in the order of their keys, as the job is when the first one is asked for. It can be gone through
 * more than once: each time anew.
 */
export interface Scan extends AsyncIterable<Row> {
  /** All of them at once. */
  all(): Promise<readonly Row[]>;
}

/** Rows by the page, from a snapshot of their own. */
type Pages = (options: ScanOptions) => AsyncGenerator<readonly Row[]>;

export class JobScan implements Scan {
  readonly #pages: Pages;
  readonly #options: ScanOptions;

  constructor(pages: Pages, options: ScanOptions) {
    this.#pages = pages;
    this.#options = options;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Row> {
    const { signal } = this.#options;
    for await (const page of this.#pages(this.#options)) {
      for (const row of page) {
        throwIfAborted(signal, SCAN);
        yield row;
      }
    }
  }

  async all(): Promise<readonly Row[]> {
    const all: Row[] = [];
    for await (const page of this.#pages(this.#options)) for (const row of page) all.push(row);
    return all;
  }
}

/** @throws {PersisterError} USAGE */
export function checkScanOptions(options: ScanOptions): ScanOptions {
  const known = ["reverse", "limit", "signal"] as const;
  const { reverse, limit, signal } = optionsArgument("options", options, known);
  return {
    reverse: reverse === undefined ? false : booleanArgument("option reverse", reverse),
    limit: limit === undefined ? undefined : integerArgument("option limit", limit, ROWS),
    signal: signalArgument(signal),
  };
}
