/** What a caller chose, checked once against its schema. */
import type { z } from "zod";
import { readingArguments } from "./arguments.js";
import { PersisterError } from "./errors.js";

/** @throws {PersisterError} USAGE naming the first wrong option. */
export function checkChoices<Output>(schema: z.ZodType<Output>, choices: unknown): Output {
  const result = readingArguments("options", () => schema.safeParse(choices));
  if (result.success) return Object.freeze(result.data);
  const issue = result.error.issues[0];
  const where = issue?.path.join(".") ?? "";
  throw new PersisterError("USAGE", `option ${where}: ${issue?.message ?? "is wrong"}`);
}
