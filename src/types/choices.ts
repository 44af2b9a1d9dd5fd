/** Options of a caller are checked once, at the door, against a schema. */
import { readingArguments } from "./arguments.js";
import { PersisterError } from "./errors.js";

/** As much of a schema as a check needs; those of zod have it. */
export interface Schema<Output> {
  safeParse(value: unknown): Checked<Output>;
}

type Checked<Output> =
  | { readonly success: true; readonly data: Output }
  | {
      readonly success: false;
      readonly error: {
        readonly message: string;
        readonly issues: readonly {
          readonly path: readonly PropertyKey[];
          readonly message: string;
        }[];
      };
    };

/** @throws {PersisterError} USAGE naming the first wrong option. */
export function checkChoices<Output>(schema: Schema<Output>, choices: unknown): Output {
  const result = readingArguments("options", () => schema.safeParse(choices));
  if (result.success) return Object.freeze(result.data);
  const issue = result.error.issues[0];
  const path = issue?.path.join(".") ?? "";
  const what = path === "" ? "the options" : `option ${path}`;
  throw new PersisterError("USAGE", `${what}: ${issue?.message ?? "are wrong"}`);
}
