/** Looks at what the logs and the anchor say of each other: every log by itself. */
import { LogTable } from "../../journal/form/log-table.js";
import { ROAD } from "../../persist/kinds.js";
import { startsByAnchor } from "../../persist/recovery.js";
import type { CommitQC, PruneAnchor } from "../../wire/messages.js";
import { attempted, type Finding, findingOf } from "../finding.js";

/** What each log contradicts in the anchor, or in the lack of one; `file` is where the logs are listed. */
export async function contradictionsIn(
  table: LogTable,
  road: ReadonlyMap<bigint, CommitQC>,
  anchor: PruneAnchor | undefined,
  file: string,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const entry of table.entries()) {
    const alone = new LogTable([entry], table.nextLog);
    const held = entry.name === ROAD ? road : new Map<bigint, CommitQC>();
    const judged = await attempted(() => startsByAnchor(alone, held, anchor));
    if ("error" in judged) findings.push(findingOf(judged.error, "error", { file }));
  }
  return findings;
}
