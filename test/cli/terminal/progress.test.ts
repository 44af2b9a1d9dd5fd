/** The progress of a work: its rate, the time that is left, and where it is shown. */
import { PassThrough } from "node:stream";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { showWork, type Work, workText } from "../../../src/cli/terminal/progress.js";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test.each([
  [{ done: 3, total: 9 }, { done: 3, ms: 0 }, "storing: 3 of 9 records"],
  [{ done: 3 }, { done: 3, ms: 1000 }, "storing: 3 records, 3.00 records/s"],
  [
    { done: 3, total: 9 },
    { done: 3, ms: 1000 },
    "storing: 3 of 9 records, 3.00 records/s, 2 s left",
  ],
  [{ done: 9, total: 4 }, { done: 0, ms: 1000 }, "storing: 9 of 9 records"],
  [
    { done: 1, total: 601 },
    { done: 1, ms: 1000 },
    "storing: 1 of 601 records, 1.00 records/s, 10 min left",
  ],
  [
    { done: 1, total: 14401 },
    { done: 1, ms: 1000 },
    "storing: 1 of 14401 records, 1.00 records/s, 4 h left",
  ],
])("records %j, of late %j: %s", (work, recent, text) => {
  expect(workText({ name: "storing", unit: "records", ...work }, recent)).toBe(text);
});

test("bytes are told in their units", () => {
  const work: Work = { name: "reading", unit: "bytes", done: 1024, total: 4096 };
  expect(workText(work, { done: 1024, ms: 1000 })).toBe(
    "reading: 1.00 KiB of 4.00 KiB, 1.00 KiB/s, 3 s left",
  );
});

test.each([true, false])(
  "a bar is drawn on a terminal alone (%s), and nothing behind the end",
  (isTTY) => {
    const stream = new PassThrough();
    let text = "";
    stream.on("data", (chunk: Buffer) => (text += String(chunk)));
    const port = { stderr: Object.assign(stream, { isTTY }), clockMs: () => Date.now() };
    const work = { name: "storing", unit: "records", done: 3, total: 6 } as const;
    const view = showWork(() => work, port);
    vi.advanceTimersByTime(1_100);
    view.stop();
    expect(text).toContain(
      isTTY ? "##########---------- storing: 3 of 6 records" : "storing: 3 of 6 records\n",
    );
    expect(text.includes("\u001b")).toBe(isTTY);
    const shown = text;
    vi.advanceTimersByTime(5_000);
    expect(text).toBe(shown);
  },
);

test("a work of another name has a rate of its own", () => {
  const stream = new PassThrough();
  let text = "";
  stream.on("data", (chunk: Buffer) => (text += String(chunk)));
  let work: Work = { name: "reading", unit: "records", done: 0 };
  const view = showWork(() => work, { stderr: stream, clockMs: () => Date.now() });
  vi.advanceTimersByTime(1_000);
  work = { ...work, done: 500 };
  vi.advanceTimersByTime(1_000);
  work = { name: "storing", unit: "records", done: 0 };
  vi.advanceTimersByTime(1_000);
  work = { ...work, done: 20 };
  vi.advanceTimersByTime(1_000);
  view.stop();
  expect(text.split("\n").slice(0, 4)).toEqual([
    "reading: 0 records",
    "reading: 500 records, 500 records/s",
    "storing: 0 records",
    "storing: 20 records, 20.0 records/s",
  ]);
});
