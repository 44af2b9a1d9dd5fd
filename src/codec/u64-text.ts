/** Numbers of 64 bits as decimal text, which is how documents and command lines have them. */
import { z } from "zod";
import { U64_MAX } from "../types/numbers.js";

const DIGITS = /^\d{1,20}$/;

/** The number that is written in `text`; `undefined` where none is. */
export function u64In(text: string): bigint | undefined {
  if (!DIGITS.test(text)) return undefined;
  const number = BigInt(text);
  return number <= U64_MAX ? number : undefined;
}

/** For the schema of a document. */
export const u64Text = z
  .string()
  .regex(DIGITS, "a decimal number")
  .transform(BigInt)
  .refine((value) => value <= U64_MAX, "at most 2^64 - 1");
