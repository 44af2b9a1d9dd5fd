/** The archive of a running service: how far each log is archived, and whether it holds blocks back. */
import { hex } from "../../../codec/hex.js";
import { ROAD } from "../../../persist/kinds.js";
import type { ArchiveStatus, Failure } from "../../../rpc/api/types.js";
import { toMs } from "../../../rpc/times.js";
import { counted, formatSize } from "../../terminal/sizes.js";
import type { Row } from "../../terminal/table.js";
import { nameText } from "../../terminal/lanes.js";

export interface ArchiveView {
  readonly bucket: string;
  readonly gate: string;
  readonly logs: readonly ArchivedLogView[];
  /** Records that have left the live window and are not archived yet. */
  readonly pendingRecords: bigint;
  readonly oldestPendingMs: number;
  /** Bytes of segments with such records, and how many there may be. */
  readonly heldBytes: number;
  readonly heldBytesMax: number;
  /** No block is taken: what waits has reached its bound. */
  readonly isBehind: boolean;
  /** Why the last step failed. */
  readonly failing?: string;
}

interface ArchivedLogView {
  readonly name: string;
  /** Every record below is archived. */
  readonly through: bigint;
  /** Why it is archived no further. */
  readonly refused?: string;
}

export function archiveOfService(told: ArchiveStatus): ArchiveView {
  const { bucket, gate, logs, pendingRecords, oldestPending, failing } = told;
  return {
    bucket,
    gate,
    logs: logs.map(({ lane, through, refused }) => {
      const name = lane.length === 0 ? ROAD : hex(lane);
      return { name, through, ...(refused ? { refused: failureText(refused) } : {}) };
    }),
    pendingRecords,
    oldestPendingMs: oldestPending ? toMs(oldestPending) : 0,
    heldBytes: Number(told.heldBytes),
    heldBytesMax: Number(told.heldBytesMax),
    isBehind: told.behind,
    ...(failing ? { failing: failureText(failing) } : {}),
  };
}

export function archiveRows(archive: ArchiveView): readonly Row[] {
  const { bucket, gate, logs, isBehind, failing } = archive;
  const taken = isBehind ? "behind, no block is taken until it goes on" : "no block is held back";
  return [
    ["archive", `${bucket}, gate ${gate}: ${taken}`],
    ["", waitingText(archive)],
    ...(failing === undefined ? [] : [["", `failing: ${failing}`] as const]),
    ...logs.map(({ name, through, refused }): Row => {
      const why = refused === undefined ? "" : `, refused: ${refused}`;
      return ["", `${nameText(name)} archived below ${through}${why}`];
    }),
  ];
}

function waitingText(archive: ArchiveView): string {
  const { pendingRecords, oldestPendingMs, heldBytes, heldBytesMax } = archive;
  if (pendingRecords === 0n) return "all that has left the live window is archived";
  const seconds = Math.round(oldestPendingMs / 1000);
  const room = `${formatSize(heldBytes)} of at most ${formatSize(heldBytesMax)}`;
  return `not archived yet: ${counted(pendingRecords, "record")}, oldest ${seconds} s, in ${room}`;
}

function failureText({ code, message }: Failure): string {
  return `${code}: ${message}`;
}
