import { describe, expect, test } from "vitest";
import { devnetDefaults, devnetOptions } from "../../../src/cli/devnet/options.js";
import { fractionsOf } from "../../../src/cli/devnet/random.js";
import { PersisterError } from "../../../src/types/errors.js";

const parse = (changes: Record<string, unknown>) =>
  devnetOptions({ ...devnetDefaults, ...changes }, () => 42);

describe("the options of devnet", () => {
  test("have the documented defaults and a drawn seed", () => {
    expect(parse({})).toEqual({
      validators: 4,
      seconds: 30,
      payload: 16384,
      kills: 3,
      powerCuts: 1,
      restores: 0,
      losses: 0,
      dir: undefined,
      sabotage: undefined,
      service: false,
      byHand: false,
      standby: false,
      seed: 42,
      json: false,
    });
  });

  test("by hand have no strikes and a day, and refuse what would strike", () => {
    const byHand = { validators: "4", payload: "1KiB", restore: "0", lose: "0" };
    expect(devnetOptions({ ...byHand, byHand: true }, () => 1)).toMatchObject({
      byHand: true,
      seconds: 86_400,
      kills: 0,
      powerCuts: 0,
    });
    for (const wrong of [
      { kills: "1" },
      { restore: "1" },
      { powerCuts: "1" },
      { archive: "file:///a" },
    ]) {
      const options = { ...devnetDefaults, kills: "0", powerCuts: "0", byHand: true, ...wrong };
      expect(() => devnetOptions(options, () => 1)).toThrow("--by-hand goes with none of");
    }
  });

  test("take a committee of one, and one of sixteen", () => {
    expect(parse({ validators: "1" }).validators).toBe(1);
    expect(parse({ validators: "16" }).validators).toBe(16);
  });

  test.each([
    [{ validators: "0" }, "--validators"],
    [{ validators: "17" }, "--validators"],
    [{ validators: "4.5" }, "--validators"],
    [{ validators: "" }, "--validators"],
    [{ seconds: "0" }, "--seconds"],
    [{ seconds: "ten" }, "--seconds"],
    [{ payload: "0" }, "--payload"],
    [{ payload: "1048577" }, "--payload"],
    [{ payload: "16 KiB" }, "--payload"],
    [{ kills: "-1" }, "--kills"],
    [{ powerCuts: "-1" }, "--power-cuts"],
    [{ seed: "9007199254740992" }, "--seed"],
    [{ dir: "" }, "--dir"],
    [{ sabotage: "toString" }, "--sabotage"],
  ])("%j is refused by name", (changes, name) => {
    expect(() => parse(changes)).toThrow(PersisterError);
    expect(() => parse(changes)).toThrow(name);
  });
});

describe("the draws of a devnet", () => {
  test("follow from the seed, and lie in [0, 1)", () => {
    const draw = (seed: number) => Array.from({ length: 100 }, fractionsOf(seed));
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
    expect(draw(1).every((value) => value >= 0 && value < 1)).toBe(true);
  });
});
