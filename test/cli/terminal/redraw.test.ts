/** A block that is drawn again stands there once, however narrow the terminal is. */
import { PassThrough } from "node:stream";
import { array, constantFrom, integer, string } from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { painter } from "../../../src/cli/terminal/paint.js";
import { cut, Redraw } from "../../../src/cli/terminal/redraw.js";
import { FakeTerminal } from "./fake-terminal.js";
import { property } from "../../harness/property.js";

const paint = painter(true);

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Lines of which some are far wider than the terminal. */
const block = () => [
  "heading",
  paint("red", "validator 1 is catching up ".repeat(5)),
  `${"x".repeat(20)}${paint("green", "y".repeat(60))}z`,
];

describe("on a terminal of 60 columns", () => {
  test("a block is drawn again in its place: never wrapped, never twice", () => {
    const terminal = new FakeTerminal(60);
    const view = new Redraw(terminal, { lines: block, plain: () => "" });
    vi.advanceTimersByTime(2_000);
    expect(terminal.rows).toHaveLength(3);
    expect(terminal.rows[0]).toBe("heading");
    expect(Math.max(...terminal.rows.map((row) => row.length))).toBeLessThan(60);
    view.stop();
    expect(terminal.rows).toEqual([]);
  });

  test("what is said stays, above the block, in its order", () => {
    const terminal = new FakeTerminal(60);
    const view = new Redraw(terminal, { lines: block, plain: () => "" });
    vi.advanceTimersByTime(400);
    const long = "validator 2 was killed and is back ".repeat(3).trim();
    view.say(long);
    vi.advanceTimersByTime(400);
    view.say("second");
    vi.advanceTimersByTime(400);
    expect(terminal.rows.join("").startsWith(long)).toBe(true);
    expect(terminal.rows.slice(2, 4)).toEqual(["second", "heading"]);
    view.stop();
    expect(terminal.rows).toHaveLength(3);
  });

  test("what is erased gives its place to something else, and comes back below it", () => {
    const terminal = new FakeTerminal(60);
    const view = new Redraw(terminal, { lines: block, plain: () => "" });
    vi.advanceTimersByTime(400);
    view.erase();
    terminal.write("stopping\n");
    vi.advanceTimersByTime(400);
    expect(terminal.rows.slice(0, 2)).toEqual(["stopping", "heading"]);
    view.stop();
    expect(terminal.rows).toEqual(["stopping"]);
  });

  test("a terminal that became narrower is cleared of what it wrapped", () => {
    const terminal = new FakeTerminal(60);
    const view = new Redraw(terminal, { lines: block, plain: () => "" });
    vi.advanceTimersByTime(400);
    terminal.resize(25);
    vi.advanceTimersByTime(400);
    expect(terminal.rows.filter((row) => row === "heading")).toHaveLength(1);
    expect(terminal.rows).toHaveLength(3);
    view.stop();
  });
});

test("elsewhere there are plain lines, now and then", () => {
  const stream = new PassThrough();
  const view = new Redraw(stream, { lines: block, plain: () => "plain" });
  vi.advanceTimersByTime(2_500);
  view.say("said");
  view.stop();
  vi.advanceTimersByTime(5_000);
  expect(String(stream.read())).toBe("plain\nplain\nsaid\n");
});

const ESCAPE = "\u001b";
const style = new RegExp(String.raw`${ESCAPE}\[\d+m`, "g");
const parts = array(
  string({ maxLength: 20 }).map((text) => text.replaceAll("\u001b", "?")),
  { maxLength: 6 },
);

property([parts, constantFrom("red", "dim"), integer({ min: 0, max: 40 })])(
  "a line is cut to its columns, and keeps its colours",
  (texts, color, columns) => {
    const line = texts.map((text, at) => (at % 2 === 0 ? text : paint(color, text))).join("");
    const plain = (text: string) => text.replaceAll(style, "");
    const short = cut(line, columns);
    expect(plain(short)).toBe(plain(line).slice(0, columns));
    expect(short.match(style)).toEqual(line.match(style));
  },
);
