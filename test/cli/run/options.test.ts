import { describe, expect, test } from "vitest";
import { planKills } from "../../../src/cli/run/kills.js";
import { defaults, runOptions } from "../../../src/cli/run/options.js";
import { SeededRandom } from "../../../src/cli/random.js";
import { formatSize, parseSize } from "../../../src/cli/terminal/sizes.js";
import { PersisterError } from "../../../src/types/errors.js";

const parse = (changes: Record<string, unknown>) =>
  runOptions({ ...defaults, ...changes }, () => 42);
const plan = (count: number) => planKills(new SeededRandom(1, "kills"), count, 10_000);

describe("sizes", () => {
  test.each([
    ["0", 0],
    ["4096", 4096],
    ["12B", 12],
    ["16KiB", 16384],
    ["16KB", 16000],
    ["2MiB", 2097152],
    ["2MB", 2000000],
    ["1GiB", 1073741824],
  ])("%s is read", (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  test.each(["", "KiB", "16 KiB", "16kib", "1.5KiB", "-1", "0x10", "16KiBs", "1e3", "9999999GiB"])(
    "%j is refused",
    (text) => {
      expect(parseSize(text)).toBeUndefined();
    },
  );

  test("are written with three digits", () => {
    expect([0, 1023, 1024, 16384, 200 * 1024, 5 * 1024 ** 3].map(formatSize)).toEqual([
      "0 B",
      "1023 B",
      "1.00 KiB",
      "16.0 KiB",
      "200 KiB",
      "5.00 GiB",
    ]);
  });
});

describe("options", () => {
  test("have the documented defaults and a drawn seed", () => {
    expect(parse({})).toEqual({
      lanes: 4,
      seconds: 20,
      payload: 16384,
      kills: 5,
      dir: undefined,
      seed: 42,
      json: false,
    });
  });

  test("take a full block", () => {
    expect(parse({ payload: "2048000" }).payload).toBe(2_048_000);
  });

  test.each([
    [{ lanes: "0" }, "--lanes"],
    [{ lanes: "101" }, "--lanes"],
    [{ lanes: "4.5" }, "--lanes"],
    [{ lanes: "" }, "--lanes"],
    [{ seconds: "0" }, "--seconds"],
    [{ seconds: "ten" }, "--seconds"],
    [{ payload: "0" }, "--payload"],
    [{ payload: "2048001" }, "--payload"],
    [{ payload: "16 KiB" }, "--payload"],
    [{ lanes: "100", payload: "1MiB" }, "--payload"],
    [{ kills: "-1" }, "--kills"],
    [{ seed: "9007199254740992" }, "--seed"],
    [{ dir: "" }, "--dir"],
  ])("%j is refused by name", (changes, name) => {
    expect(() => parse(changes)).toThrow(PersisterError);
    expect(() => parse(changes)).toThrow(name);
  });
});

describe("kills", () => {
  test("are spread over the run, in order, one in three while opening", () => {
    const kills = plan(30);
    expect(kills).toHaveLength(30);
    const moments = kills.flatMap(({ atMs }) => (atMs === undefined ? [] : [atMs]));
    expect(moments).toHaveLength(20);
    expect(moments).toEqual(moments.toSorted((a, b) => a - b));
    expect(moments[0]).toBeLessThan(10_000 / 30);
    expect(moments.at(-1)).toBeGreaterThan(10_000 - 2_000);
  });

  test("follow from the seed", () => {
    expect(plan(5)).toEqual(plan(5));
    expect(plan(0)).toEqual([]);
  });
});
