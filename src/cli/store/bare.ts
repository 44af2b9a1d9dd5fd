/**
 * Opens a validator's store for a decision of its operator: nothing is read from it by the protocol, so that it needs
 * no committee. Everything that it retains stays.
 */
import { RealDisk } from "../../disk/real/real.js";
import { JOURNAL_DIRECTORY } from "../../journal/form/store.js";
import { KeyRing } from "../../keys/ring.js";
import type { KeyChoices } from "../../keys/source.js";
import { INDEX_DIRECTORY } from "../../log/map/log-map.js";
import { defaults, SEGMENT_BYTES_MAX, SEGMENT_BYTES_MIN } from "../../node/options.js";
import { realSurroundings } from "../../node/surroundings.js";
import { type OpenedPersisters, openPersisters } from "../../persist/persisters.js";
import { identityIn } from "./identity.js";

export interface BareChoices {
  readonly directory: string;
  readonly keys: KeyChoices | undefined;
  readonly moved: boolean;
}

/** @throws {PersisterError} as `Lanekeeper.open`; no committee is asked for. */
export async function openBare({ directory, keys, moved }: BareChoices): Promise<OpenedPersisters> {
  const surroundings = realSurroundings();
  const { chainId } = await identityIn(directory);
  return await openPersisters({
    ...surroundings,
    directory,
    chainId,
    segmentBytes: await segmentBytesIn(directory),
    moved,
    ring: keys && (await KeyRing.from(keys)),
    retainBytes: Number.MAX_SAFE_INTEGER,
    // The store has proven its anchor before it wrote it, and nothing is published here.
    verifyAnchor: () => Promise.resolve(),
    openMap: (end) => surroundings.openMap(`${directory}/${INDEX_DIRECTORY}`, end),
  });
}

/** The size of the largest segment: every record of the store fits one of that size. */
export async function segmentBytesIn(directory: string): Promise<number> {
  const disk = new RealDisk();
  const journal = `${directory}/${JOURNAL_DIRECTORY}`;
  let largest = 0;
  for (const { name, kind } of (await disk.list(journal)) ?? []) {
    if (kind !== "file") continue;
    const file = await disk.openToRead(`${journal}/${name}`);
    largest = Math.max(largest, (await file?.size()) ?? 0);
    await file?.close();
  }
  if (largest === 0) return defaults.segmentBytes;
  return Math.min(SEGMENT_BYTES_MAX, Math.max(SEGMENT_BYTES_MIN, largest));
}
