/**
 * A store at work under the eye of the reference model: everything that is begun is told to the model
 * before it is begun, everything acknowledged the moment that it is.
 */
import type { SimulatedDisk } from "../../src/disk/simulated.js";
import { Lanekeeper } from "../../src/node/lanekeeper.js";
import { anchorStarts } from "../../src/persist/recovery.js";
import { ROAD } from "../../src/persist/kinds.js";
import { PersisterError } from "../../src/types/errors.js";
import type { LaneId } from "../../src/types/lane.js";
import { encodeCommitQC, encodePruneAnchor } from "../../src/wire/encode.js";
import type { CommitQC, PruneAnchor } from "../../src/wire/messages.js";
import { CHAIN_ID, type MadeBlock, TestChain } from "../model/chain.js";
import type { RecoveredLog, RecoveredStore, ReferenceModel } from "../model/reference-model.js";
import { DIRECTORY, simulatedSurroundings } from "../node/surroundings.js";

/** The smallest segments there are, so that a short history rotates often. */
export const CRASH_SEGMENT_BYTES = 24 * 1024;

/** One committee for all crash tests of a process: signing is the slow part. */
export const chain = new TestChain(3, 500);

const choices = {
  chainId: CHAIN_ID,
  segmentBytes: CRASH_SEGMENT_BYTES,
  epochOf: chain.epochOf,
};

/** Makes a store; `seed` is what its random bytes follow from. */
export async function initOn(disk: SimulatedDisk, seed: number): Promise<void> {
  const { chainId, segmentBytes } = choices;
  await Lanekeeper.initOn(simulatedSurroundings(disk, seed), DIRECTORY, { chainId, segmentBytes });
}

/** Opens a store; two opens of one history take different seeds, since salts must differ. */
export async function openOn(disk: SimulatedDisk, seed: number): Promise<Lanekeeper> {
  return await Lanekeeper.openOn(simulatedSurroundings(disk, seed), DIRECTORY, choices);
}

/** The store without a disk, for the same sessions. */
export async function openMemory(): Promise<Lanekeeper> {
  return await Lanekeeper.openMemory(choices);
}

/** Everything that an open returned, every record read back. */
export async function recoveredOf(keeper: Lanekeeper): Promise<RecoveredStore> {
  const { lanes, road, anchor, pins, voteState, abstainThrough } = keeper.recovery;
  const logs = new Map<string, RecoveredLog>();
  for (const [lane, range] of lanes) {
    logs.set(lane, await recordsOf(range, (number) => keeper.readBlock(lane, number)));
  }
  return {
    lanes: logs,
    road: await recordsOf(road, (index) => keeper.readCommitQC(index)),
    anchor: anchor && encodePruneAnchor(anchor),
    pins: pins.map(({ lane, number, headerHash }) => ({ lane, number, hash: hex(headerHash) })),
    vote: voteState,
    abstainThrough,
  };
}

async function recordsOf(
  { first, next }: { readonly first: bigint; readonly next: bigint },
  read: (number: bigint) => Promise<Uint8Array>,
): Promise<RecoveredLog> {
  const records: Uint8Array[] = [];
  for (let number = first; number < next; number++) records.push(await read(number));
  return { first, next, records };
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

/** The bytes of a vote state at this road index; `draw` tells two of them apart. */
export function voteOf(roadIndex: bigint, draw = 0): Uint8Array {
  // Field 1, 40 bytes: any message will do, the store does not look into it.
  return Buffer.concat([Buffer.from([0x0a, 40]), Buffer.alloc(40, `vote ${roadIndex} ${draw} `)]);
}

export class Session {
  readonly keeper: Lanekeeper;
  readonly model: ReferenceModel;
  /** What was rejected, in order. */
  readonly failures: PersisterError[] = [];
  #acknowledgements: Promise<void>[] = [];

  constructor(keeper: Lanekeeper, model: ReferenceModel) {
    this.keeper = keeper;
    this.model = model;
  }

  /** Admits a block; it is acknowledged in the background. */
  async push(lane: LaneId, number: bigint, fork = 0): Promise<void> {
    const made = chain.block(lane, number, fork);
    this.model.blockBegun(lane, number, offerOf(made));
    await this.#tried(this.keeper.pushBlock(made.bytes), () => {
      this.#later(this.keeper.waitForBlock(lane, number), () => {
        this.model.blockAcknowledged(lane, number);
      });
    });
  }

  /** Admits one block in every lane, at `number`. */
  async pushAll(number: bigint): Promise<void> {
    for (const lane of chain.lanes) await this.push(lane, number);
  }

  async qc(index: bigint): Promise<void> {
    const { qc, bytes } = chain.qc(index);
    this.model.qcBegun(index, bytes, coversOf(qc));
    await this.#tried(this.keeper.pushCommitQC(bytes), () => {
      this.#later(this.keeper.waitForCommitQC(index), () => this.model.qcAcknowledged(index));
    });
  }

  async anchor(index: bigint): Promise<void> {
    const { anchor } = chain.qc(index);
    this.model.anchorBegun(offeredAnchor(anchor));
    await this.#tried(this.keeper.pushAnchor(anchor), () => {
      this.#later(this.keeper.waitForAnchor(index), () => this.model.anchorAcknowledged(index));
    });
  }

  /** Begins to write a vote state. */
  vote(roadIndex: bigint, draw = 0): void {
    const bytes = voteOf(roadIndex, draw);
    this.model.voteBegun(roadIndex, bytes);
    this.#later(this.keeper.writeVoteState(bytes, roadIndex), () => {
      this.model.voteAcknowledged(roadIndex);
    });
  }

  async dropLane(lane: LaneId): Promise<void> {
    this.model.dropBegun(lane);
    const keep = new Set(chain.lanes.filter((each) => each !== lane));
    await this.#tried(this.keeper.retainLanes(keep), () => this.model.dropAcknowledged(lane));
  }

  /** Resolves when all that was begun is acknowledged or has failed. */
  async settled(): Promise<void> {
    while (this.#acknowledgements.length > 0) {
      const waiting = this.#acknowledgements;
      this.#acknowledgements = [];
      await Promise.all(waiting);
    }
  }

  async close(): Promise<void> {
    await this.#tried(this.keeper.close(), () => {});
    await this.settled();
  }

  #later(work: Promise<void>, then: () => void): void {
    this.#acknowledgements.push(this.#tried(work, then));
  }

  async #tried(work: Promise<unknown>, then: () => void): Promise<void> {
    try {
      await work;
    } catch (cause) {
      if (!(cause instanceof PersisterError)) throw cause;
      this.failures.push(cause);
      return;
    }
    then();
  }
}

export function offerOf(made: MadeBlock) {
  const { parentHash } = made.signed.msg.header;
  const parent = made.number === 0n ? "" : hex(parentHash);
  return { bytes: made.bytes, hash: hex(made.hash), parent };
}

export function offeredAnchor(anchor: PruneAnchor) {
  const starts = anchorStarts(anchor);
  const { index } = anchor.commitQC.vote.view;
  return {
    index,
    bytes: encodePruneAnchor(anchor),
    qc: encodeCommitQC(anchor.commitQC),
    starts: new Map([...starts].filter(([name]) => name !== ROAD)),
    covers: coversOf(anchor.commitQC),
  };
}

export function coversOf(qc: CommitQC): ReadonlyMap<string, bigint> {
  return new Map(qc.vote.laneRanges.map(({ lane, next }) => [lane, next] as const));
}
