/**
 * How golden cases become tests: one test per case, named by its place in the file. Each case is
 * read by a strict shape, so that a key which no check looks at fails the case, as a missing one
 * does: whatever a golden file says is compared, or named here as not ours.
 */
import { describe, it } from "vitest";
import { z } from "zod";
import { golden, goldenDirectory, noGolden } from "./golden.js";
import { hex } from "../../wire/bytes.js";
import type { Schema } from "../../../src/types/choices.js";

/** Said in words, for people: the one kind of text that is not compared. */
export const forPeople = z.string();
export const hexText = z.string().regex(/^(?:[0-9a-f]{2})*$/, "is no lower-case hex");
export const bytes = hexText.transform(hex);
/** A u64 or i64, which travels as a decimal string. */
export const decimal = z
  .string()
  .regex(/^-?\d+$/, "is no decimal number")
  .transform(BigInt);

/** The outcome of a case: accepted, or refused for a reason. `accepted` is what only those have. */
export function verdict<Common extends z.ZodRawShape, Accepted extends z.ZodRawShape>(
  common: Common,
  accepted: Accepted,
) {
  return z.discriminatedUnion("accept", [
    z.strictObject({ ...common, ...accepted, accept: z.literal(true) }),
    z.strictObject({
      ...common,
      accept: z.literal(false),
      errorClass: z.string().min(1),
      goError: forPeople.optional(),
    }),
  ]);
}

/** `value` read by `shape`, or an error that says what does not fit. */
export function read<T>(shape: Schema<T>, value: unknown): T {
  const result = shape.safeParse(value);
  if (!result.success) throw new Error(`not as expected: ${result.error.message}`);
  return result.data;
}

/** The parts of a golden file that are lists of cases, by name. */
export type Sections = (name: string) => readonly unknown[];

/**
 * The tests of one golden file: that it has the parts of `layout` (a strict shape) and no others,
 * and those of `body`.
 */
export function describeGolden(
  file: string,
  layout: z.ZodType,
  body: (sections: Sections, whole: Readonly<Record<string, unknown>>) => void,
): void {
  if (noGolden) {
    describe.skip(file, () => {
      it(`was not run: there is no golden data in ${goldenDirectory}`, () => {});
    });
    return;
  }
  describe(file, () => {
    const whole = golden<Record<string, unknown>>(file);
    it("has the parts that are known, and no others", () => {
      read(layout, whole);
    });
    body((name) => {
      const section = whole[name];
      return Array.isArray(section) ? (section as unknown[]) : [];
    }, whole);
  });
}

/** The common parts of the tests of one list of cases. */
export interface Cases<T> {
  /** The list's place in the file, such as `decode`. */
  readonly of: string;
  readonly entries: readonly unknown[];
  readonly shape: Schema<T>;
  /** The keys whose values name a case. */
  readonly named: readonly string[];
}

/** One test per entry. */
export function eachCase<T>(
  { of, entries, shape, named }: Cases<T>,
  check: (value: T, index: number) => void | Promise<void>,
): void {
  for (const [index, entry] of entries.entries()) {
    it(`${of}[${index}] ${nameOf(entry, named)}`, () => check(read(shape, entry), index));
  }
}

function nameOf(entry: unknown, keys: readonly string[]): string {
  const values = entry as Readonly<Record<string, unknown>> | null;
  return keys.map((key) => String(values?.[key])).join(", ");
}
