import { expect, test } from "vitest";
import { z } from "zod";
import { checkChoices } from "../../src/types/choices.js";

const schema = z
  .object({ name: z.string(), at: z.object({ port: z.number() }).optional() })
  .strict();

test.each([
  ["none at all", undefined, "the options: Required"],
  ["no object", "x", "the options: Expected object, received string"],
  [
    "one that there is not",
    { name: "a", nam: "b" },
    "the options: Unrecognized key(s) in object: 'nam'",
  ],
  ["one that is missing", {}, "option name: Required"],
  [
    "one within another",
    { name: "a", at: { port: "1" } },
    "option at.port: Expected number, received string",
  ],
])("wrong options are named: %s", (_, given, message) => {
  expect(() => checkChoices(schema, given)).toThrow(
    expect.objectContaining({ code: "USAGE", message }) as Error,
  );
});
