/** The note that says how far the logs are archived. */

type Fields = Readonly<Record<string, unknown>>;

/** How far a log is archived: durable here before anything below `through` is given back. */
export interface ArchivedPosition {
  /** Every record below this number is archived, or was never here. */
  readonly through: bigint;
  /** Links of its chain in the bucket up to there. */
  readonly links: number;
  /** The hash of the last of them, 64 hex digits; `null` without one. */
  readonly tip: string | null;
}

/** The positions of all logs in the bucket at this address, by the name of the log. */
export interface ArchivedNote {
  readonly bucket: string;
  readonly positions: ReadonlyMap<string, ArchivedPosition>;
}

/** `undefined` for what is no such note. */
export function readArchivedNote({ bucket, positions }: Fields): ArchivedNote | undefined {
  if (typeof bucket !== "string" || typeof positions !== "object" || !positions) return undefined;
  const read = new Map<string, ArchivedPosition>();
  for (const [name, value] of Object.entries(positions)) {
    const position = positionIn(Object(value) as Fields);
    if (!position) return undefined;
    read.set(name, position);
  }
  return { bucket, positions: read };
}

function positionIn({ through, links, tip }: Fields): ArchivedPosition | undefined {
  const isPosition =
    typeof through === "string" &&
    /^\d{1,20}$/.test(through) &&
    typeof links === "number" &&
    Number.isSafeInteger(links) &&
    (tip === null || (typeof tip === "string" && /^[0-9a-f]{64}$/.test(tip)));
  return isPosition ? { through: BigInt(through), links, tip } : undefined;
}
