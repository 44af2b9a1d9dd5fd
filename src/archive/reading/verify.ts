/**
 * Proves a log of an archive with nothing but the bucket and the committees.
 *
 * 1. Every name of the log is listed. The links have the ordinals from 0 on, none is missing, and each
 *    names the one before by its hash. So have their receipts: that of the last link alone may not be there yet.
 *    Objects beyond the last link are of a writer that stopped before it put a link, and count for nothing.
 * 2. Each object is the one that its link names, by size and SHA-256.
 * 3. Each record has its number, its signatures and, in a lane, its parent.
 * 4. Of a lane, the newest archived commit QC that finalised blocks of it names the hash of one of them:
 *    with the parents, that proves every block below it.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { ahead } from "../../async/ahead.js";
import { throwIfAborted, type WaitOptions } from "../../async/signal.js";
import { hex } from "../../codec/hex.js";
import { ROAD } from "../../persist/kinds.js";
import { PersisterError } from "../../types/errors.js";
import { type LaneId, laneParts } from "../../types/lane.js";
import { decodeCommitQC, decodeSignedBlock } from "../../wire/codec/decode.js";
import { DecodeError } from "../../wire/codec/decode-error.js";
import type { Committee, Epoch, EpochOf } from "../../wire/committee.js";
import { sameBytes } from "../../wire/hash.js";
import type { CommitQC, LaneRange } from "../../wire/messages.js";
import { signedBlockQuestion } from "../../wire/rules/questions.js";
import { verifyCommitQC } from "../../wire/rules/verify.js";
import { checksOf } from "../../wire/signatures/run-rule.js";
import { VerifyError } from "../../wire/verify-error.js";
import type { Bucket } from "../bucket/bucket.js";
import { corrupt } from "../form/head.js";
import type { ReadLink } from "../form/link.js";
import { type ArchivedLog, linkName } from "../form/names.js";
import type { ArchiveObject } from "../form/object.js";
import { recordHash } from "../form/object.js";
import { ObjectMemory } from "../form/object-memory.js";
import { Signatures, type SignedRecords } from "./signatures.js";
import { listedLinks, objectOf } from "./listed-links.js";
import type { LogChain } from "./log-chain.js";

/** Records that are checked in one step of the event loop. */
const RECORDS_PER_TURN = 16;

export interface ArchivedRange {
  readonly first: bigint;
  readonly next: bigint;
}

/** The findings about a log that is whole as far as it was archived. */
export interface VerifiedLog {
  readonly log: ArchivedLog;
  readonly first: bigint;
  readonly next: bigint;
  readonly objects: number;
  readonly records: bigint;
  readonly bytes: number;
  /** Numbers between `first` and `next` that no writer ever archived: the links say so. */
  readonly holes: readonly ArchivedRange[];
  /** Objects that no link names yet: their writer stopped there, and their records do not count. */
  readonly unlinked: readonly string[];
  /** Of a lane: the blocks below this number are proven by an archived commit QC; undefined for none. */
  readonly finalisedNext: bigint | undefined;
}

export interface VerifyParts {
  readonly bucket: Bucket;
  readonly chain: LogChain;
  readonly road: LogChain;
}

interface Options extends WaitOptions {
  readonly epochOf: EpochOf;
  readonly onObject?: ((link: ReadLink) => void) | undefined;
}

/** @throws {PersisterError} ARCHIVE_CORRUPT, WRONG_COMMITTEE; as the bucket says. */
export async function verifyLog(parts: VerifyParts, options: Options): Promise<VerifiedLog> {
  const { chain } = parts;
  const { links, unlinked } = await listedLinks(parts, options);
  const check = chain.log === ROAD ? qcCheck(options.epochOf) : blockCheck(chain.log, options);
  const holes: ArchivedRange[] = [];
  let before: ReadLink | undefined;
  let last: Uint8Array | undefined;
  /** Two objects are in memory: the one that is checked, and the one that comes. */
  const memory = new ObjectMemory();
  const room = (bytes: number) => memory.take(bytes);
  const begun = (link: ReadLink) => ahead(objectOf(chain, link, { room, signal: options.signal }));
  let coming = links[0] && begun(links[0]);
  const signatures = new Signatures();
  try {
    for (const [at, link] of links.entries()) {
      const object = await coming;
      const next = links[at + 1];
      coming = next && begun(next);
      if (!object) break;
      if (before && before.next < link.first) {
        holes.push({ first: before.next, next: link.first });
        last = undefined;
      }
      const signed: SignedRecords = new Map();
      const told = {
        bad: (number: bigint, cause: VerifyError) => unverified(object, number, cause),
        done: () => options.onObject?.(link),
      };
      try {
        last = await checkRecords(object, { check, parent: last, signed, signal: options.signal });
      } catch (cause) {
        // A bad signature of a record before it is told first.
        await signatures.add(signed, { ...told, done: () => {} });
        await signatures.end();
        throw cause;
      }
      if (hex(last) !== link.last) {
        throw corrupt(
          linkName(chain.folder, link.ordinal),
          "its last hash is not that of its object",
        );
      }
      object.giveBackTo(memory);
      await signatures.add(signed, told);
      before = link;
    }
    await signatures.end();
  } finally {
    await signatures.close();
  }
  return {
    log: chain.log,
    first: links[0]?.first ?? 0n,
    next: before?.next ?? 0n,
    objects: links.length,
    records: links.reduce((sum, { first, next }) => sum + next - first, 0n),
    bytes: links.reduce((sum, { bytes }) => sum + bytes, 0),
    holes,
    unlinked,
    finalisedNext: before && (await finalisedNext(parts, { before, holes, options })),
  };
}

/** A record of an object, and the hash of the one before it, where that is known. */
interface CheckedRecord {
  readonly object: ArchiveObject;
  readonly number: bigint;
  readonly bytes: Uint8Array;
  readonly parent: Uint8Array | undefined;
  /** Takes the signatures that are verified later. */
  readonly signed: SignedRecords;
}

/** Throws `VerifyError`, `DecodeError` or a refusal. */
type Check = (record: CheckedRecord) => void | Promise<void>;

/** Checks every record of an object. Returns the hash of the last one. */
async function checkRecords(
  object: ArchiveObject,
  of: {
    readonly check: Check;
    readonly parent: Uint8Array | undefined;
    readonly signed: SignedRecords;
    readonly signal: AbortSignal | undefined;
  },
): Promise<Uint8Array> {
  let hash = of.parent;
  for (let number = object.first; number < object.next; number++) {
    if (Number(number - object.first) % RECORDS_PER_TURN === 0) {
      throwIfAborted(of.signal, "the proof of an archive");
      await nextTurn();
    }
    const bytes = object.recordAt(number);
    try {
      await of.check({ object, number, bytes, parent: hash, signed: of.signed });
      hash = recordHash(object.log, bytes);
    } catch (cause) {
      if (!(cause instanceof VerifyError || cause instanceof DecodeError)) throw cause;
      throw unverified(object, number, cause);
    }
    if (!sameBytes(hash, object.hashAt(number))) {
      throw corrupt(object.name, `its index has another hash for record ${number}`);
    }
  }
  return hash ?? object.hashAt(object.next - 1n);
}

function unverified(object: ArchiveObject, number: bigint, cause: Error): PersisterError {
  const why = `record ${number} does not verify with these committees: ${cause.message}`;
  return corrupt(object.name, why, cause);
}

function blockCheck(lane: LaneId, { epochOf }: Options): Check {
  const committee = committeeOf(lane, epochOf);
  return ({ object, number, bytes, parent, signed: records }) => {
    const signed = decodeSignedBlock(bytes);
    const { header } = signed.msg;
    if (header.lane !== lane || header.blockNumber !== number) {
      const found = `block ${header.blockNumber} of ${header.lane}`;
      throw corrupt(object.name, `record ${number} is ${found}`);
    }
    if (parent && !sameBytes(header.parentHash, parent)) {
      throw corrupt(object.name, `the parent of block ${number} is not the block before it`);
    }
    for (const each of checksOf(signedBlockQuestion(signed, committee))) records.set(each, number);
  };
}

function qcCheck(epochOf: EpochOf): Check {
  return async ({ object, number, bytes }) => {
    const qc = decodeCommitQC(bytes);
    const { index } = qc.vote.view;
    if (index !== number) throw corrupt(object.name, `record ${number} is commit QC ${index}`);
    await verifyCommitQC(qc, epochOfQC(qc, epochOf));
  };
}

function committeeOf(lane: LaneId, epochOf: EpochOf): Committee {
  const { joined } = laneParts(lane);
  const committee = epochOf(joined)?.committee;
  if (committee?.memberOfLane(lane)) return committee;
  const text = `lane ${lane} is in no committee that was given: it joined in epoch ${joined}`;
  throw new PersisterError("WRONG_COMMITTEE", text, { lane });
}

function epochOfQC(qc: CommitQC, epochOf: EpochOf): Epoch {
  const { epochIndex, index } = qc.vote.view;
  const epoch = epochOf(epochIndex);
  if (epoch) return epoch;
  const text = `commit QC ${index} is of epoch ${epochIndex}, whose committee was not given`;
  throw new PersisterError("WRONG_COMMITTEE", text, { roadIndex: index });
}

/**
 * The number below which the newest stretch of a lane without a hole is finalised by an archived QC. Walks
 * back over the road, to the newest QC that has a range in it.
 */
async function finalisedNext(
  { chain, road }: VerifyParts,
  of: {
    readonly before: ReadLink;
    readonly holes: readonly ArchivedRange[];
    readonly options: Options;
  },
): Promise<bigint | undefined> {
  if (chain.log === ROAD) return undefined;
  const { options } = of;
  const stretch = { first: of.holes.at(-1)?.next ?? 0n, next: of.before.next };
  for (let ordinal = (await road.count(0, options)) - 1; ordinal >= 0; ordinal--) {
    const link = await road.link(ordinal, options);
    if (!link) throw corrupt(linkName(road.folder, ordinal), "it is missing");
    const object = await road.object(link, options);
    for (let index = object.next - 1n; index >= object.first; index--) {
      const qc = decodeCommitQC(object.recordAt(index));
      const range = rangeIn(qc, chain.log, stretch);
      if (!range) continue;
      await verifyCommitQC(qc, epochOfQC(qc, options.epochOf));
      await compareWithLane(chain, range, { index, options });
      return range.next;
    }
  }
  return undefined;
}

function rangeIn(
  qc: CommitQC,
  lane: LaneId,
  { first, next }: ArchivedRange,
): LaneRange | undefined {
  return qc.vote.laneRanges.find((range) => {
    return (
      range.lane === lane && range.first < range.next && range.next > first && range.next <= next
    );
  });
}

async function compareWithLane(
  chain: LogChain,
  range: LaneRange,
  { index, options }: { readonly index: bigint; readonly options: Options },
): Promise<void> {
  const number = range.next - 1n;
  const link = await chain.linkOf(number, options);
  const object = link && (await chain.object(link, options));
  if (object && sameBytes(object.hashAt(number), range.lastHash)) return;
  const name = object?.name ?? chain.folder;
  throw corrupt(name, `block ${number} is not the one that commit QC ${index} finalised`);
}
