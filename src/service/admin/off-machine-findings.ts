/** The cases of the verdict that are about what a store has beyond its machine: an archive, and reservations. */
import type { ArchiveStatus } from "../../archive/writing/archiving.js";
import type { ReservationStatus } from "../../node/signing/reserving.js";
import type { LaneId } from "../../types/lane.js";
import type { Finding } from "../page/look.js";

/** The limits of these cases; alerts.yml has the same ones. */
export const archiveLimits = { pendingMs: 3600 * 1000, heldShare: 0.8 } as const;

/** A case, and the code whose advice it gives. */
interface ArchiveFinding extends Pick<Finding, "level" | "title"> {
  readonly code: "ARCHIVE_CONFLICT" | "ARCHIVE_BEHIND" | "BUCKET_FAILED";
  readonly detail?: string;
}

type Case = (
  archive: ArchiveStatus,
  labels: ReadonlyMap<LaneId, string>,
) => ArchiveFinding | undefined;

const refused: Case = ({ refused: logs }, labels) => {
  const [first] = logs;
  if (!first) return undefined;
  const [log, { message }] = first;
  const name = log === "road" ? "The road" : `Lane ${labels.get(log) ?? log}`;
  const which = logs.size === 1 ? `${name} is` : `${logs.size} lanes are`;
  const title = `${which} archived no further: there are two truths`;
  return { level: "danger", code: "ARCHIVE_CONFLICT", title, detail: message };
};

const behind: Case = ({ isBehind, failing }) => {
  if (!isBehind) return undefined;
  const title = "The archive is behind: no block is taken until it goes on";
  const detail = failing ? { detail: failing.message } : {};
  return { level: "danger", code: "ARCHIVE_BEHIND", title, ...detail };
};

const old: Case = ({ oldestPendingMs, failing }) => {
  if (oldestPendingMs <= archiveLimits.pendingMs) return undefined;
  const minutes = Math.round(oldestPendingMs / 60_000);
  const title = `Records have waited ${minutes} minutes for the archive`;
  const detail = failing ? { detail: failing.message } : {};
  return { level: "warning", code: "BUCKET_FAILED", title, ...detail };
};

const full: Case = ({ heldBytes, heldBytesMax, isBehind }) => {
  const share = heldBytesMax === 0 ? 0 : heldBytes / heldBytesMax;
  if (share <= archiveLimits.heldShare || isBehind) return undefined;
  const title = `${Math.round(100 * share)} % of what may wait for the archive is full`;
  return { level: "warning", code: "ARCHIVE_BEHIND", title };
};

const missed: Case = ({ counts }) => {
  if (counts.missed === 0n) return undefined;
  const title = `${counts.missed} records were given up before they were archived`;
  return { level: "warning", code: "ARCHIVE_BEHIND", title };
};

const cases: readonly Case[] = [refused, behind, old, full, missed];

/** Every case of the archive that holds. */
export function archiveFindings(
  archive: ArchiveStatus | undefined,
  labels: ReadonlyMap<LaneId, string>,
): readonly ArchiveFinding[] {
  return archive ? cases.flatMap((each) => each(archive, labels) ?? []) : [];
}

/** A case, and the code whose advice it gives. */
interface ReservationFinding extends Pick<Finding, "level" | "title"> {
  readonly code: NonNullable<ReservationStatus["failure"]>["code"];
  readonly detail: string;
}

/** One case holds at most: a machine that was taken over signs up to its bounds, and one that cannot reserve too. */
export function reservationFindings(
  reservations: ReservationStatus | undefined,
): readonly ReservationFinding[] {
  const { state, failure, holder } = reservations ?? {};
  if (state === "standing by") {
    const title = "Another machine signs for this validator: this one stands by";
    const detail = failure?.message ?? `machine ${holder} reserves`;
    return [{ level: failure ? "warning" : "waiting", code: "UNRESERVED", title, detail }];
  }
  if (!failure) return [];
  const title =
    "Nothing more can be reserved: this validator signs up to its bounds, and then stops";
  return [{ level: "danger", code: failure.code, title, detail: failure.message }];
}
