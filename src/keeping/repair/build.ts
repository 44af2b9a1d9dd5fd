/**
 * Makes a store of what a repair keeps, in a directory of its own. It has the numbers of all logs, and a store id of
 * its own; it is guarded as a whole, since it may have signed more than it knows.
 */
import type { Surroundings } from "../../disk/surroundings.js";
import { hex } from "../../codec/hex.js";
import { isNoteLog, noteForms } from "../../persist/note-forms.js";
import { knownAnchor } from "../../persist/anchor.js";
import { newCommitQC } from "../../persist/commit-qc-persister.js";
import { ROAD } from "../../persist/kinds.js";
import { initPersisters, openPersisters, type OpenedPersisters } from "../../persist/persisters.js";
import { KeyRing } from "../../keys/ring.js";
import type { KeyChoices } from "../../keys/source.js";
import { memoryLogMap } from "../../log/map/log-map.js";
import { isLaneId, type LaneId } from "../../types/lane.js";
import { readSignedBlockHeader } from "../../wire/codec/block-header.js";
import { decodeCommitQC } from "../../wire/codec/decode.js";
import type { Epoch } from "../../wire/committee.js";
import { headerHash } from "../../wire/hash.js";
import { verifyAnchor } from "../../wire/rules/verify.js";
import type { Pin } from "../../journal/form/mark.js";
import type { KeptLog } from "./logs.js";
import type { RepairPlan } from "./plan.js";

export interface BuildOptions {
  readonly surroundings: Omit<Surroundings, "durable">;
  /** Missing, or empty. */
  readonly directory: string;
  readonly chainId: string;
  readonly segmentBytes: number;
  readonly epochs: readonly Epoch[];
  readonly keys: KeyChoices | undefined;
  /** Pins of the store before. */
  readonly pins: readonly Pin[];
  /** Stands in the note of the guard. */
  readonly reason: string;
}

const BATCH_RECORDS = 16;

/** Durable when resolved. Throws as `openPersisters`; DISK_FULL, IO. */
export async function buildStore(plan: RepairPlan, options: BuildOptions): Promise<void> {
  const { surroundings, directory, chainId, segmentBytes, reason } = options;
  const nowMs = surroundings.nowMs();
  await initPersisters({
    ...surroundings,
    directory,
    chainId,
    segmentBytes,
    nowMs: BigInt(Math.floor(nowMs)),
  });
  await withStore(options, (persisters) => fill(persisters, plan, options.pins));
  // Opened again: an earlier guard, which is among the notes now, proves no more than it did.
  await withStore(options, async ({ guards, blocks }) => {
    const wasGuarded = plan.logs.some(({ name, first }) => name === "guards" && first > 0n);
    const ends = new Map([...blocks.lanes].map(([lane, { next }]) => [lane, next]));
    const proven = wasGuarded && !guards.note ? new Map<LaneId, bigint>() : ends;
    const life = hex(surroundings.randomBytes(16));
    await guards.guardAll("repaired", proven, { reason, atMs: Math.floor(nowMs), life });
  });
}

async function withStore(
  { surroundings, directory, chainId, segmentBytes, epochs, keys }: BuildOptions,
  use: (persisters: OpenedPersisters) => Promise<void>,
): Promise<void> {
  const ring = keys && (await KeyRing.from(keys));
  try {
    const persisters = await openPersisters({
      ...surroundings,
      ring,
      directory,
      chainId,
      segmentBytes,
      retainBytes: 0,
      moved: true,
      flush: "async",
      verifyAnchor: (anchor) =>
        verifyAnchor(anchor, (index) => epochs.find((each) => each.index === index)),
      openMap: () => Promise.resolve(memoryLogMap(undefined)),
    });
    try {
      await use(persisters);
    } finally {
      await persisters.close();
    }
  } finally {
    ring?.close();
  }
}

async function fill(
  persisters: OpenedPersisters,
  plan: RepairPlan,
  pins: readonly Pin[],
): Promise<void> {
  const { anchor: anchors, road, votes, journal } = persisters;
  if (plan.anchor) {
    await anchors.write(knownAnchor(plan.anchor));
    await road.startAt(plan.anchor.commitQC);
  }
  for (const log of plan.logs) {
    if (log.name === ROAD) await fillRoad(persisters, log);
    else if (isLaneId(log.name)) await fillLane(persisters, log, log.name);
    else if (isNoteLog(log.name)) await fillNotes(persisters, log);
  }
  if (plan.vote) await votes.write(plan.vote);
  const nexts = new Map(
    plan.logs.map(({ name, first, records }) => [name, first + BigInt(records.length)]),
  );
  const standing = pins.filter(({ name, number }) => number >= (nexts.get(name) ?? 0n));
  if (standing.length > 0) await journal.writeMark({ pins: standing });
}

async function fillRoad({ road }: OpenedPersisters, { records }: KeptLog): Promise<void> {
  for (let at = 0; at < records.length; at += BATCH_RECORDS) {
    const batch = records.slice(at, at + BATCH_RECORDS);
    await road.append(batch.map((payload) => newCommitQC(decodeCommitQC(payload))));
  }
}

async function fillLane(
  { blocks }: OpenedPersisters,
  { first, records }: KeptLog,
  lane: LaneId,
): Promise<void> {
  if (records.length === 0 && first === 0n) return await blocks.openLane(lane);
  if (first > 0n) await blocks.write(lane, { start: first });
  for (let at = 0; at < records.length; at += BATCH_RECORDS) {
    const batch = records.slice(at, at + BATCH_RECORDS).map((payload, index) => {
      const header = readSignedBlockHeader(payload);
      const { parentHash } = header;
      const number = first + BigInt(at + index);
      return { number, payload, hash: headerHash(header), parentHash };
    });
    await blocks.write(lane, { blocks: batch });
  }
}

async function fillNotes(
  { notes }: OpenedPersisters,
  { name, first, records }: KeptLog,
): Promise<void> {
  if (!isNoteName(name)) return;
  await notes[name].begin(first, records);
}

function isNoteName(name: string): name is keyof typeof noteForms {
  return Object.hasOwn(noteForms, name);
}
