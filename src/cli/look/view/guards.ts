/** The guards of a store that was restored (D6), as far as files or a service tell them. */
import { hex } from "../../../codec/hex.js";
import { RealDisk } from "../../../disk/real/real.js";
import type { StoreListing } from "../../../inspect/listing/listing.js";
import { readRestored } from "../../../journal/form/restored.js";
import type { GuardNote, Height } from "../../../persist/guards/heights.js";
import { fieldsOf, GUARDS, noteForms } from "../../../persist/note-forms.js";
import type { Guards } from "../../../rpc/api/types.js";
import { nameText } from "../../terminal/lanes.js";

/** Numbers below a height may have been signed by an older life; all of them, while it is unknown. */
export interface GuardsView {
  readonly lanes: Height;
  readonly byLane: Readonly<Record<string, Height>>;
  readonly votes: Height;
  /** The source of the newest decision, and the reason for it. */
  readonly by: string;
  readonly reason: string;
}

/** `undefined` for a store that was never restored, and where the key of the note was not given. */
export async function guardsInFiles(
  directory: string,
  listing: StoreListing,
): Promise<GuardsView | undefined> {
  const restored = await readRestored(new RealDisk(), directory);
  if (restored?.guard === "all") {
    const { reason } = restored;
    return { lanes: "unknown", byLane: {}, votes: "unknown", by: "restored", reason };
  }
  const note = await newestNote(listing);
  if (!note) return undefined;
  const { lanes, byLane, votes, by, reason } = note;
  return { lanes, byLane: Object.fromEntries(byLane), votes, by, reason };
}

async function newestNote(listing: StoreListing): Promise<GuardNote | undefined> {
  if (!listing.table.byName(GUARDS)) return undefined;
  let newest: GuardNote | undefined;
  for await (const record of listing.records()) {
    if (record.kind === "lost" || record.log !== GUARDS || record.isLive !== true) continue;
    if (record.payload.status !== "readable") continue;
    newest = noteForms[GUARDS].read(fieldsOf(record.payload.payload)) ?? newest;
  }
  return newest;
}

export function guardsOfService({ lanes, byLane, votes, by, reason }: Guards): GuardsView {
  const heights = byLane.map(({ lane, height }) => [hex(lane), height ?? "unknown"] as const);
  return {
    lanes: lanes ?? "unknown",
    byLane: Object.fromEntries(heights),
    votes: votes ?? "unknown",
    by,
    reason,
  };
}

/** The sources of a decision, as a sentence ends with them. */
const sources: ReadonlyMap<string, string> = new Map([
  ["restored", "since the store was restored"],
  ["repaired", "since the store was repaired"],
  ["watermarks", "by watermarks"],
  ["peers", "by the peers"],
  ["operator", "by the operator"],
]);

export function guardsText(guards: GuardsView): string {
  const { votes, by, reason } = guards;
  const ballots = votes === "unknown" ? "no new vote" : `votes from road index ${votes} on`;
  return `${blocksText(guards)}, ${ballots}; ${sources.get(by) ?? `by ${by}`}: ${reason}`;
}

/** The height of each lane, unless all are the same. */
function blocksText({ lanes, byLane }: GuardsView): string {
  const named = Object.entries(byLane);
  if (named.every(([, height]) => height === lanes)) {
    return lanes === "unknown"
      ? "no new block may be signed"
      : `blocks from ${lanes} on may be signed`;
  }
  const all = [...named, ["other lanes", lanes] as const];
  const heights = all.map(([name, height]) => {
    const lane = nameText(name);
    return height === "unknown" ? `none in ${lane}` : `from ${height} on in ${lane}`;
  });
  return `blocks may be signed ${heights.join(", ")}`;
}
