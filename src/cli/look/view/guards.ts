/** The guards of a store that was restored (D6), as far as files or a service tell them. */
import { hex } from "../../../codec/hex.js";
import { RealDisk } from "../../../disk/real/real.js";
import type { StoreListing } from "../../../inspect/listing/listing.js";
import { readRestored } from "../../../persist/guards/restored.js";
import type { GuardNote, Height } from "../../../persist/guards/heights.js";
import { fieldsOf, GUARDS, noteForms } from "../../../persist/note-forms.js";
import type { Guards } from "../../../rpc/api/types.js";

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

export function guardsText({ lanes, byLane, votes, by, reason }: GuardsView): string {
  const heights = Object.values(byLane);
  const isUnknown = lanes === "unknown" || heights.includes("unknown");
  const highest = heights.reduce<bigint>(
    (most, height) => (height !== "unknown" && height > most ? height : most),
    lanes === "unknown" ? 0n : lanes,
  );
  const blocks = isUnknown
    ? "no new block may be signed"
    : `blocks from ${highest} on may be signed`;
  const ballots = votes === "unknown" ? "no new vote" : `votes from road index ${votes} on`;
  return `${blocks}, ${ballots}; by ${by}: ${reason}`;
}
