/**
 * Rehearses open: the very code that open runs before it writes a byte, on a disk that can only be
 * read. Its answer is the verdict, whatever else was found.
 */
import type { Disk } from "../disk/disk.js";
import { applyOpening, standingPins } from "../journal/begin.js";
import type { Pin } from "../journal/form/mark.js";
import { type JudgedStore, judgeStore } from "../persist/judged-store.js";
import type { PersisterError } from "../types/errors.js";
import { attempted } from "./finding.js";
import { type Depth, readAnchor } from "./walk/proof.js";

/** A log and its live range [first, next). */
export interface LogRange {
  readonly name: string;
  readonly first: bigint;
  readonly next: bigint;
}

/** What open would do with the store, if nobody else had it open. */
export type Rehearsed =
  | {
      readonly opens: true;
      /** The logs as open would publish them, once the anchor has raised their starts. */
      readonly logs: readonly LogRange[];
      readonly pins: readonly Pin[];
    }
  | { readonly opens: false; readonly refusal: PersisterError };

export async function rehearse(
  disk: Disk,
  directory: string,
  storeId: Uint8Array,
  depth: Depth,
): Promise<Rehearsed> {
  const judged = await attempted(() =>
    judgeStore(disk, directory, storeId, (message, file) => readAnchor(message, file, depth)),
  );
  if ("error" in judged) return { opens: false, refusal: judged.error };
  try {
    return opened(judged.value);
  } finally {
    await judged.value.close();
  }
}

function opened({ recovered, starts }: JudgedStore): Rehearsed {
  const { mark, table } = recovered;
  applyOpening(recovered, mark, { truncate: starts });
  return {
    opens: true,
    logs: [...table.states()].map(({ name, first, next }) => ({ name, first, next })),
    pins: standingPins(table, mark),
  };
}
