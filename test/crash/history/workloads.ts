/**
 * The histories whose every step is crashed. Each begins on an empty store.
 */
import type { Session, Stand } from "./session.js";

/** A program on a disk: opens the store as often as it likes, and tells the model. */
export type Workload = (ground: Ground) => Promise<void>;

/** The store and the seed with which a workload runs. */
export interface Ground {
  readonly stand: Stand;
  /** All draws follow from it. */
  readonly seed: number;
  /** Opens, judges and publishes. */
  readonly open: () => Promise<Session>;
}

/** Groups in flight while anchors, votes and QCs are written beside them; rotations; a reopen. */
export const steadyWork: Workload = async ({ open }) => {
  let session = await open();
  for (let round = 0n; round < 6n; round++) {
    await session.pushAll(round);
    await session.qc(round);
    if (round % 2n === 1n) session.vote(round);
    await session.settled();
  }
  await session.anchor(2n);
  await session.pushAll(6n);
  await session.qc(6n);
  session.vote(6n);
  await session.settled();
  await session.close();
  session = await open();
  for (let round = 7n; round < 12n; round++) {
    await session.pushAll(round);
    await session.qc(round);
    if (round % 2n === 1n) await session.anchor(round - 3n);
  }
  await session.settled();
  await session.close();
};

/** Nothing is waited for: everything that may be in flight at once is. */
export const hastyWork: Workload = async ({ open, stand: { chain } }) => {
  let session = await open();
  for (let round = 0n; round < 9n; round++) {
    await session.pushAll(round);
    await session.qc(round);
    session.vote(round);
    if (round % 3n === 2n) await session.anchor(round - 1n);
  }
  await session.settled();
  // Three blocks of one lane in one go, the other lanes idle.
  const [lane] = chain.lanes;
  for (let number = 9n; lane && number < 12n; number++) await session.push(lane, number);
  await session.close();
  session = await open();
  await session.qc(9n);
  await session.anchor(9n);
  session.vote(9n);
  await session.close();
};

/** Anchors past everything that is held, and a lane that is dropped and begun again. */
export const leapingWork: Workload = async ({ open, stand: { chain } }) => {
  let session = await open();
  for (let round = 0n; round < 3n; round++) await session.pushAll(round);
  await session.qc(0n);
  await session.qc(1n);
  await session.anchor(0n);
  await session.settled();
  // Ahead of the road and of every lane: all are reset.
  await session.pushAll(3n);
  await session.qc(2n);
  await session.anchor(8n);
  await session.settled();
  await session.pushAll(8n);
  await session.qc(9n);
  await session.pushAll(9n);
  await session.settled();
  const [, , last] = chain.lanes;
  if (last) await session.dropLane(last);
  await session.anchor(9n);
  await session.qc(10n);
  await session.settled();
  await session.pushAll(10n).catch(() => {});
  await session.close();
  session = await open();
  // Far ahead again, at once after an open.
  await session.anchor(14n);
  await session.settled();
  await session.pushAll(14n);
  await session.qc(15n);
  await session.settled();
  for (let round = 15n; round < 18n; round++) {
    await session.pushAll(round);
    await session.qc(round + 1n);
    session.vote(round);
    await session.settled();
  }
  await session.close();
};

/**
 * One lane runs far ahead and stops, so that its old segment straggles: it is relocated and released,
 * while the others go on and rotate; and restarts that each leave a segment with little in it.
 */
export const stragglingWork: Workload = async ({ open, stand: { chain } }) => {
  let session = await open();
  const [ahead, ...others] = chain.lanes;
  for (let number = 0n; ahead && number < 20n; number++) await session.push(ahead, number);
  await session.settled();
  for (let round = 0n; round < 18n; round++) {
    for (const lane of others) await session.push(lane, round);
    await session.qc(round);
    if (round >= 2n && round % 2n === 0n) await session.anchor(round - 2n);
    await session.settled();
  }
  await session.close();
  for (let again = 18n; again < 20n; again++) {
    session = await open();
    for (const lane of others) await session.push(lane, again);
    await session.settled();
    await session.close();
  }
};

export const workloads = {
  steadyWork: { workload: steadyWork },
  hastyWork: { workload: hastyWork },
  leapingWork: { workload: leapingWork },
  stragglingWork: { workload: stragglingWork },
} as const;
