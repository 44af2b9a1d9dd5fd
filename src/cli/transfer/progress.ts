/** How far an import or an export has come. */
import type { Work } from "../terminal/progress.js";

/** The work at hand, and how many records it has done. */
export interface Stage {
  name: "reading and verifying" | "storing" | "writing" | "reading back";
  records: number;
  /** How many there will be; undefined if that is not known. */
  total: number | undefined;
}

export function workOf({ name, records, total }: Stage): Work {
  return { name, unit: "records", done: records, total };
}
