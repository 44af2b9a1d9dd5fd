/** The work of each `lanekeeper archive` command. */
import { u64Text } from "../../codec/u64-text.js";
import { readFile, writeFile } from "node:fs/promises";
import { z } from "zod";
import type { WaitOptions } from "../../async/signal.js";
import type { ReadLink } from "../../archive/form/link.js";
import type { ArchivedLog } from "../../archive/form/names.js";
import { Archive } from "../../archive/reading/archive.js";
import type { VerifiedLog } from "../../archive/reading/verify.js";
import { hex } from "../../codec/hex.js";
import { diskError } from "../../disk/failure.js";
import { readCommittees } from "../../inspect/committee-file.js";
import { ROAD } from "../../persist/kinds.js";
import { checkChoices } from "../../types/choices.js";
import { hasCode, PersisterError } from "../../types/errors.js";
import { isLaneId, type LaneId } from "../../types/lane.js";
import { isNamedBy, laneDigits, shortLane } from "../terminal/lanes.js";
import { put, refusalMembers, ToldError, writeDocument } from "../terminal/json-document.js";
import { tellDone } from "../terminal/manners.js";
import type { CliPort } from "../terminal/port.js";
import { showWork } from "../terminal/progress.js";
import { counted, formatSize } from "../terminal/sizes.js";
import { printable, type Row, table } from "../terminal/table.js";

const bucketFlags = z.object({
  chainId: z.string(),
  key: z.array(z.string()).default([]),
  ca: z.string().optional(),
  json: z.boolean().default(false),
});
const logFlags = bucketFlags.extend({
  lane: z.string().optional(),
  road: z.boolean().default(false),
});
const getFlags = logFlags.extend({
  number: u64Text,
  out: z.string().optional(),
});
const verifyFlags = logFlags.extend({ committee: z.string() });
const restoreFlags = logFlags.extend({ dryRun: z.boolean().default(false) });

type BucketFlags = z.output<typeof bucketFlags>;
type LogFlags = z.output<typeof logFlags>;

export async function listArchive(port: CliPort, bucket: string, given: object): Promise<void> {
  const flags = checkChoices(bucketFlags, given);
  await using archive = await opened(bucket, flags);
  const logs: ListedLog[] = [];
  for await (const log of archive.logs({ signal: port.stop })) {
    logs.push(await listed(archive, log, port));
  }
  const rows = logs.map((each): Row => {
    const { first, next, objects, bytes } = each;
    const held = `${counted(objects, "object")}, ${formatSize(bytes)}`;
    return [nameOf(each.log), `[${first}, ${next}) in ${held}`];
  });
  await tellDone(
    port,
    flags.json,
    { bucket: archive.url, logs },
    rows.length === 0 ? "nothing is archived\n" : table(rows),
  );
}

interface ListedLog {
  readonly log: ArchivedLog;
  readonly first: bigint;
  readonly next: bigint;
  readonly objects: number;
  readonly bytes: number;
}

async function listed(archive: Archive, log: ArchivedLog, port: CliPort): Promise<ListedLog> {
  let [first, next, objects, bytes] = [0n, 0n, 0, 0];
  for await (const link of archive.links(log, { signal: port.stop })) {
    if (objects === 0) ({ first } = link);
    ({ next } = link);
    objects += 1;
    bytes += link.bytes;
  }
  return { log, first, next, objects, bytes };
}

export async function getRecord(port: CliPort, bucket: string, given: object): Promise<void> {
  const flags = checkChoices(getFlags, given);
  const { number, out, json } = flags;
  await using archive = await opened(bucket, flags);
  const options = { signal: port.stop };
  const log = await askedLog(archive, flags, options);
  if (log === undefined) throw new PersisterError("USAGE", "say --lane <digits>, or --road");
  const bytes =
    log === ROAD
      ? await archive.readCommitQC(number, options)
      : await archive.readBlock(log, number, options);
  if (!bytes) {
    const text = `${archive.url} has no record ${number} of ${log} of chain ${flags.chainId}`;
    throw new PersisterError("OUT_OF_SEQUENCE", text);
  }
  if (out !== undefined) await writeNew(out, bytes);
  const text =
    out === undefined ? `${hex(bytes)}\n` : `${printable(out)} has ${bytes.length} bytes\n`;
  const members = out === undefined ? { record: hex(bytes) } : { file: out };
  await tellDone(port, json, { log, number, bytes: bytes.length, ...members }, text);
}

export async function verifyArchive(port: CliPort, bucket: string, given: object): Promise<void> {
  const flags = checkChoices(verifyFlags, given);
  const epochs = await readCommittees(flags.committee);
  const epochOf = (index: bigint) => epochs.find((epoch) => epoch.index === index);
  await using archive = await opened(bucket, flags);
  const logs: VerifiedLog[] = [];
  const harms: { readonly log: ArchivedLog; readonly error: PersisterError }[] = [];
  await eachLog(port, { archive, flags }, async (log, onObject) => {
    try {
      logs.push(await archive.verify(log, { epochOf, onObject, signal: port.stop }));
    } catch (error) {
      if (!hasCode(error, "ARCHIVE_CORRUPT")) throw error;
      harms.push({ log, error });
    }
  });
  // Nothing is no proof: a wrong address and an archive that was removed look alike.
  if (harms.length === 0 && logs.every(({ objects }) => objects === 0)) {
    const what = flags.lane ?? (flags.road ? ROAD : "any log");
    const text = `${archive.url} has nothing of ${what} of chain ${flags.chainId}: nothing is proven`;
    throw new PersisterError("OUT_OF_SEQUENCE", text);
  }
  const rows = [
    ...logs.map((each): Row => [nameOf(each.log), provenText(each)]),
    ...harms.map(({ log, error }): Row => [nameOf(log), `not proven: ${error.message}`]),
  ];
  const [worst] = harms;
  const members = { bucket: archive.url, logs, harms };
  if (!worst) return await tellDone(port, flags.json, members, table(rows));
  if (!flags.json) await put(port.stdout, table(rows));
  else await writeDocument(port.stdout, { ...refusalMembers(worst.error), ...members });
  throw new ToldError(worst.error);
}

function provenText({
  log,
  first,
  next,
  objects,
  bytes,
  holes,
  unlinked,
  finalisedNext,
}: VerifiedLog): string {
  const proven = `[${first}, ${next}) proven, ${counted(objects, "object")}, ${formatSize(bytes)}`;
  const missing = holes.map((hole) => `[${hole.first}, ${hole.next})`).join(", ");
  const hole = missing === "" ? "" : `; never archived: ${missing}`;
  const names = unlinked.map(printable).join(", ");
  const loose = names === "" ? "" : `; no link names ${names}: a writer stopped there`;
  if (log === ROAD) return proven + hole + loose;
  const by =
    finalisedNext === undefined
      ? "no archived QC finalised any of them"
      : `finalised below ${finalisedNext}`;
  return `${proven}; ${by}${hole}${loose}`;
}

export async function restoreArchive(
  port: CliPort,
  { bucket, to }: { readonly bucket: string; readonly to: string },
  given: object,
): Promise<void> {
  const flags = checkChoices(restoreFlags, given);
  await using archive = await opened(bucket, flags);
  const logs: ListedLog[] = [];
  await eachLog(port, { archive, flags }, async (log, onObject) => {
    const own = await choicesOf(flags);
    const options = { ...own, onObject, signal: port.stop };
    if (!flags.dryRun) await archive.copyTo(to, log, options);
    logs.push(await listed(archive, log, port));
  });
  const bytes = logs.reduce((sum, each) => sum + each.bytes, 0);
  const did = flags.dryRun ? "would be copied" : "copied";
  const text = `${counted(logs.length, "log")}, ${formatSize(bytes)} ${did} to ${printable(to)}\n`;
  await tellDone(port, flags.json, { bucket: archive.url, to, logs, dryRun: flags.dryRun }, text);
}

/** Works on the log that was asked for, or on all, and shows how far it is. The road comes last in names. */
async function eachLog(
  port: CliPort,
  { archive, flags }: { readonly archive: Archive; readonly flags: LogFlags },
  work: (log: ArchivedLog, onObject: (link: ReadLink) => void) => Promise<void>,
): Promise<void> {
  const signal = port.stop;
  const asked = await askedLog(archive, flags, { signal });
  let name = nameOf(asked ?? ROAD);
  let done = 0;
  const view = flags.json ? undefined : showWork(() => ({ name, unit: "bytes", done }), port);
  try {
    for await (const log of asked === undefined ? archive.logs({ signal }) : [asked]) {
      [name, done] = [nameOf(log), 0];
      await work(log, ({ bytes }) => {
        done += bytes;
      });
    }
  } finally {
    view?.stop();
  }
}

/**
 * The road, or the one lane that the flags name; `undefined` where they name none.
 *
 * @throws {PersisterError} OUT_OF_SEQUENCE where no archived lane begins so; USAGE where several do.
 */
async function askedLog(
  archive: Archive,
  { lane, road, chainId }: LogFlags,
  options: WaitOptions,
): Promise<ArchivedLog | undefined> {
  if (road) return ROAD;
  if (lane === undefined || isLaneId(lane)) return lane;
  const digits = laneDigits(lane);
  const found: LaneId[] = [];
  for await (const log of archive.logs(options)) {
    if (log !== ROAD && isNamedBy(digits, log)) found.push(log);
  }
  const [first, another] = found;
  if (another !== undefined) {
    const text = `--lane ${lane} begins several lanes, give more digits: ${found.join(", ")}`;
    throw new PersisterError("USAGE", text);
  }
  if (first !== undefined) return first;
  const text = `${archive.url} has no lane of chain ${chainId} that begins with ${lane}`;
  throw new PersisterError("OUT_OF_SEQUENCE", text);
}

async function opened(bucket: string, flags: BucketFlags): Promise<Archive> {
  const keys = flags.key.map((file) => ({ file }));
  return await Archive.open(bucket, { chainId: flags.chainId, keys, ...(await choicesOf(flags)) });
}

async function choicesOf({ ca }: BucketFlags): Promise<{ readonly ca?: string }> {
  if (ca === undefined) return {};
  try {
    return { ca: await readFile(ca, "utf8") };
  } catch (cause) {
    throw diskError("read the certificates", ca, cause);
  }
}

async function writeNew(file: string, bytes: Uint8Array): Promise<void> {
  try {
    await writeFile(file, bytes, { flag: "wx", flush: true });
  } catch (cause) {
    throw diskError("write the record", file, cause);
  }
}

function nameOf(log: ArchivedLog): string {
  return log === ROAD ? ROAD : shortLane(log);
}
