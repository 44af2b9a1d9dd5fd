/** The refusals of a job whose values a ring cannot open. */
import type { KeyId } from "../../keys/key.js";
import { PersisterError } from "../../types/errors.js";

export function keyMissing(job: string, id: KeyId, given: readonly KeyId[]): PersisterError {
  const held = given.length === 0 ? "no key was given" : `given are ${given.join(", ")}`;
  const text = `job ${job}: its values need key ${id}, and ${held}; nothing is damaged`;
  return new PersisterError("KEY_MISSING", text);
}

export function keyWrong(job: string, id: KeyId): PersisterError {
  const text = `job ${job}: the key given as ${id} is not the one that its values are sealed with; nothing is damaged`;
  return new PersisterError("KEY_WRONG", text);
}
