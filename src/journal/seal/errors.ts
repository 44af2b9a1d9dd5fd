/** The refusals of a segment that a ring cannot open. */
import type { KeyId } from "../../keys/key.js";
import { PersisterError } from "../../types/errors.js";

/** A segment by its file and its sequence. */
export interface NamedSegment {
  readonly file: string;
  readonly sequence: bigint;
}

export function keyMissing(
  { file, sequence }: NamedSegment,
  id: KeyId,
  given: readonly KeyId[],
): PersisterError {
  const held = given.length === 0 ? "no key was given" : `given are ${given.join(", ")}`;
  return new PersisterError(
    "KEY_MISSING",
    `${file}: segment ${sequence} is sealed with key ${id}, and ${held}; nothing is damaged`,
    { file },
  );
}

export function keyWrong({ file, sequence }: NamedSegment, id: KeyId): PersisterError {
  return new PersisterError(
    "KEY_WRONG",
    `${file}: the key given as ${id} is not the one that segment ${sequence} is sealed with; nothing is damaged`,
    { file },
  );
}
