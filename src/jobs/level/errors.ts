/** Errors of LevelDB, as ours. */
import { PersisterError, reasonOf } from "../../types/errors.js";

/** An error of LevelDB as one of ours: what failed is the job, and its journal has all of it. */
export function levelError(id: string, cause: unknown): PersisterError {
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
  const code = inner instanceof Error && "code" in inner ? inner.code : undefined;
  const reason = reasonOf(inner);
  if (code === "LEVEL_CORRUPTION") {
    return new PersisterError(
      "JOB_CORRUPT",
      `job ${id}: LevelDB finds its files damaged: ${reason}; keep a copy of its folder, and drop the ` +
        `job or bring it back from its source`,
      { cause },
    );
  }
  if (code === "LEVEL_LOCKED") {
    return new PersisterError(
      "STORE_LOCKED",
      `job ${id}: somebody else has its database open: ${reason}`,
      { cause },
    );
  }
  if (code === "LEVEL_DATABASE_NOT_OPEN" || code === "LEVEL_ITERATOR_NOT_OPEN") {
    return new PersisterError("CLOSED", `job ${id} was closed: open it again`, { cause });
  }
  const full = /no space left|disk quota/i.test(reason);
  return new PersisterError(
    full ? "DISK_FULL" : "IO",
    `job ${id}: LevelDB refused a call: ${reason}; close the job and open it again`,
    { cause },
  );
}

/** Calls LevelDB for job `id`, and turns its errors into ours. */
export async function levelCall<T>(id: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (cause) {
    if (cause instanceof PersisterError) throw cause;
    throw levelError(id, cause);
  }
}
