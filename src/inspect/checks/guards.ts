/** The guard of a store that was restored: its validator signs nothing new below it (D6). */
import { JOURNAL_DIRECTORY, RESTORED_FILE } from "../../journal/form/store.js";
import type { GuardNote } from "../../persist/guards/heights.js";
import type { Restored } from "../../journal/form/restored.js";
import type { Finding } from "../finding.js";

const ADVICE = "give watermarks of the old machine, or ask the peers, and raise the guard";

/** `note` is the newest one of the store. A guard that has all its heights is no finding. */
export function guardFindings(
  directory: string,
  restored: Restored | undefined,
  note: GuardNote | undefined,
): readonly Finding[] {
  if (restored?.guard === "all") {
    const message = `it was restored (${restored.reason}), and its first open guards it: ${ADVICE}`;
    return [warning(`${directory}/${RESTORED_FILE}`, message)];
  }
  const heights = note ? [note.lanes, ...note.byLane.values(), note.votes] : [];
  if (!heights.includes("unknown")) return [];
  const message = `it is guarded (${note?.by}: ${note?.reason}), and not all heights are known: ${ADVICE}`;
  return [warning(`${directory}/${JOURNAL_DIRECTORY}`, message)];
}

function warning(file: string, message: string): Finding {
  return { class: "GUARDED", severity: "warning", file, message };
}
