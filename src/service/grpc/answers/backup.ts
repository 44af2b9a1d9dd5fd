/** A backup of the store that is served, into a directory of this machine. */
import { isAbsolute } from "node:path";
import { ahead } from "../../../async/ahead.js";
import type { BackupDone, BackupOptions } from "../../../keeping/backup/calls.js";
import type { BackupProgress } from "../../../keeping/backup/backup.js";
import type { BackupRequest, BackupResponse } from "../../../rpc/api/operator.js";
import type { Decoded, Encodable } from "../../../rpc/message.js";
import { fromMs } from "../../../rpc/times.js";
import { PersisterError } from "../../../types/errors.js";
import type { Home } from "../home.js";

type Answer = Encodable<typeof BackupResponse>;

/** Progress is told at most so often. */
const PROGRESS_MS = 250;

/** @throws {PersisterError} USAGE for a path that is not absolute: the service's own directory is no matter. */
export async function* backupAnswers(
  home: Home,
  { directory, bytesPerSecond, keep }: Decoded<typeof BackupRequest>,
  signal: AbortSignal,
): AsyncGenerator<Answer> {
  if (!isAbsolute(directory)) {
    throw new PersisterError(
      "USAGE",
      "directory must be an absolute path on the service's machine",
    );
  }
  let progress: Pick<BackupProgress, "doneBytes" | "totalBytes"> = { doneBytes: 0, totalBytes: 0 };
  const options: BackupOptions = {
    signal,
    onProgress: (now) => void (progress = now),
    ...(bytesPerSecond > 0n ? { bytesPerSecond: Number(bytesPerSecond) } : {}),
    ...(keep > 0 ? { keep } : {}),
  };
  const making = ahead(home.open().keeper.backup(directory, options));
  for (;;) {
    const done = await Promise.race([making, elapsed()]);
    if (done !== "elapsed") {
      yield { part: { case: "result", value: resultForm(done) } };
      return;
    }
    yield {
      part: {
        case: "progress",
        value: {
          doneBytes: BigInt(progress.doneBytes),
          totalBytes: BigInt(progress.totalBytes),
        },
      },
    };
  }
}

async function elapsed(): Promise<"elapsed"> {
  return await new Promise((resolve) => {
    setTimeout(() => resolve("elapsed"), PROGRESS_MS).unref();
  });
}

function resultForm({ directory, number, lsn, ...done }: BackupDone) {
  return {
    directory,
    number: BigInt(number),
    lsn,
    bytes: BigInt(done.bytes),
    copiedBytes: BigInt(done.copiedBytes),
    takenAt: fromMs(done.takenAtMs),
    duration: fromMs(done.durationMs),
  };
}
