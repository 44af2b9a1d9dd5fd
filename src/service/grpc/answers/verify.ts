/** A verification of the store that is served: it reads files alone, and changes nothing. */
import { RealDisk } from "../../../disk/real/real.js";
import { inspecting } from "../../../inspect/inspect.js";
import type { Finding } from "../../../inspect/finding.js";
import { newProgress, type Progress } from "../../../inspect/walk/live-records.js";
import type { VerifyResponse } from "../../../rpc/api/operator.js";
import type { Encodable } from "../../../rpc/message.js";
import { ahead } from "../../../async/ahead.js";
import { detached } from "../../../async/detached.js";
import { throwIfAborted } from "../../../async/signal.js";
import { PersisterError } from "../../../types/errors.js";
import type { Epoch } from "../../../wire/committee.js";
import type { Home } from "../home.js";

type Answer = Encodable<typeof VerifyResponse>;

/** Progress is told at most so often. */
const PROGRESS_MS = 250;

/** The files to look at, and the committees that prove them. */
interface Subject {
  readonly directory: string;
  readonly epochs: readonly Epoch[];
}

/** @throws {PersisterError} USAGE for a store without a disk. */
export function verifyAnswers(
  home: Home,
  subject: Subject,
  signal: AbortSignal,
): AsyncGenerator<Answer> {
  if (!home.open().keeper.status().durable) {
    throw new PersisterError("USAGE", "a store without a disk has no files that could be verified");
  }
  return answers(subject, signal);
}

async function* answers(
  { directory, epochs }: Subject,
  signal: AbortSignal,
): AsyncGenerator<Answer> {
  const progress = newProgress();
  const depth = { kind: "committees", epochs } as const;
  const looking = inspecting({ disk: new RealDisk(), directory, depth, progress });
  const counts = { errors: 0n, warnings: 0n };
  try {
    let step = ahead(looking.next());
    for (;;) {
      const found = await Promise.race([step, elapsed()]);
      throwIfAborted(signal, "the verification");
      if (found === "elapsed") yield { part: { case: "progress", value: progressForm(progress) } };
      else if (found.done === true) {
        const { changedMeanwhile } = found.value;
        const records = BigInt(progress.records);
        const value = { sound: counts.errors === 0n, records, ...counts, changedMeanwhile };
        yield { part: { case: "result", value } };
        return;
      } else {
        counts[found.value.severity === "error" ? "errors" : "warnings"] += 1n;
        yield { part: { case: "finding", value: findingForm(found.value) } };
        step = ahead(looking.next());
      }
    }
  } finally {
    // Behind the step that is under way its files are closed.
    detached(ended(looking));
  }
}

async function ended(looking: ReturnType<typeof inspecting>): Promise<void> {
  const nothing = undefined as never;
  await Promise.allSettled([looking.return(nothing)]);
}

async function elapsed(): Promise<"elapsed"> {
  return await new Promise((resolve) => {
    setTimeout(() => resolve("elapsed"), PROGRESS_MS).unref();
  });
}

function progressForm({ bytesRead, bytesExpected, records }: Progress) {
  return {
    bytesRead: BigInt(bytesRead),
    bytesExpected: BigInt(bytesExpected),
    records: BigInt(records),
  };
}

function findingForm(finding: Finding) {
  const { severity, message, file } = finding;
  return { code: finding.class, isError: severity === "error", message, file };
}
