/**
 * A store at work under the eye of the reference model: everything that is begun is told to the model
 * before it is begun, everything acknowledged the moment that it is.
 */
import type { Disk } from "../../../src/disk/disk.js";
import type { KeyChoices } from "../../../src/keys/source.js";
import { Lanekeeper } from "../../../src/node/lanekeeper.js";
import { startsOf } from "../../../src/persist/anchor.js";
import { PersisterError } from "../../../src/types/errors.js";
import type { LaneId } from "../../../src/types/lane.js";
import { encodeCommitQC, encodePruneAnchor } from "../../../src/wire/codec/encode.js";
import type { CommitQC, PruneAnchor } from "../../../src/wire/messages.js";
import { Verifier } from "../../../src/wire/verifier.js";
import { CHAIN_ID, type MadeBlock } from "../../model/chain.js";
import type { RecoveredLog, RecoveredStore, ReferenceModel } from "../../model/reference-model.js";
import { drawnWays } from "../../journal/group/drawn-ways.js";
import { DIRECTORY, simulatedSurroundings } from "../../node/surroundings.js";
import { SoloChain } from "./chain.js";

/** The smallest segments there are, so that a short history rotates often. */
export const CRASH_SEGMENT_BYTES = 40 * 1024;

/** The ground of a history: the committee, the size of segments, the bytes that are retained. */
export interface Stand {
  readonly chain: SoloChain;
  readonly segmentBytes: number;
  readonly retainBytes: number;
  /** The keys of each open; without them the store is plain. */
  readonly keys?: KeyChoices;
}

/** One committee for most crash tests of a process: signing is the slow part. */
export const chain = new SoloChain({ lanes: 3, payloadBytes: () => 500 });

export const standard: Stand = { chain, segmentBytes: CRASH_SEGMENT_BYTES, retainBytes: 0 };

/** Of all stores here: a hundred thousand disks hold the same few hundred certificates. */
export const verifier = new Verifier({ worker: "none" });

/** Makes a store; `seed` is what its random bytes follow from. */
export async function initOn(disk: Disk, seed: number, stand = standard): Promise<void> {
  const { segmentBytes } = stand;
  const choices = { chainId: CHAIN_ID, segmentBytes };
  await Lanekeeper.initOn(simulatedSurroundings(disk, seed), DIRECTORY, choices);
}

/** Opens a store; two opens of one history take different seeds, since salts must differ. */
export async function openOn(disk: Disk, seed: number, stand = standard): Promise<Lanekeeper> {
  const { chain, segmentBytes, retainBytes, keys } = stand;
  const { epochOf } = chain;
  const choices = { chainId: CHAIN_ID, segmentBytes, retainBytes, epochOf, verifier, keys };
  const surroundings = { ...simulatedSurroundings(disk, seed), flush: drawnWays(seed) };
  return await Lanekeeper.openOn(surroundings, DIRECTORY, choices);
}

/** Everything that an open returned, every record read back. */
export async function recoveredOf(keeper: Lanekeeper): Promise<RecoveredStore> {
  const { lanes, road, anchor, pins, voteState, abstainThrough } = keeper.recovery;
  // All at once: what is asked for in one turn is read together.
  const reads = [...lanes].map(async ([lane, range]) => {
    return [lane, await recordsOf(range, (number) => keeper.readBlock(lane, number))] as const;
  });
  const qcs = recordsOf(road, (index) => keeper.readCommitQC(index));
  return {
    lanes: new Map<string, RecoveredLog>(await Promise.all(reads)),
    road: await qcs,
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
  const records: Promise<Uint8Array>[] = [];
  for (let number = first; number < next; number++) records.push(read(number));
  return { first, next, records: await Promise.all(records) };
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

/** The bytes of a vote state at this road index; `draw` tells two of them apart. */
export function voteOf(roadIndex: bigint, draw = 0): Uint8Array {
  // A field that no vote state has, 40 bytes: it decodes, and is kept as it is.
  return Buffer.concat([Buffer.from([0x7a, 40]), Buffer.alloc(40, `vote ${roadIndex} ${draw} `)]);
}

export class Session {
  readonly keeper: Lanekeeper;
  readonly model: ReferenceModel;
  readonly chain: SoloChain;
  /** The rejections, in order. */
  readonly failures: PersisterError[] = [];
  #acknowledgements: Promise<void>[] = [];

  constructor(keeper: Lanekeeper, model: ReferenceModel, { chain } = standard) {
    this.keeper = keeper;
    this.model = model;
    this.chain = chain;
  }

  /** Admits a block; it is acknowledged in the background. */
  async push(lane: LaneId, number: bigint, fork = 0): Promise<void> {
    const made = this.chain.block(lane, number, fork);
    this.model.blockBegun(lane, number, offerOf(made));
    await this.#tried(this.keeper.pushBlock(made.bytes), () => {
      this.#later(this.keeper.waitForBlock(lane, number), () => {
        this.model.blockAcknowledged(lane, number);
      });
    });
  }

  /** Admits one block in every lane, at `number`. */
  async pushAll(number: bigint): Promise<void> {
    for (const lane of this.chain.lanes) await this.push(lane, number);
  }

  async qc(index: bigint): Promise<void> {
    const { qc, bytes } = this.chain.qc(index);
    this.model.qcBegun(index, bytes, coversOf(qc));
    await this.#tried(this.keeper.pushCommitQC(bytes), () => {
      this.#later(this.keeper.waitForCommitQC(index), () => this.model.qcAcknowledged(index));
    });
  }

  async anchor(index: bigint): Promise<void> {
    const { anchor } = this.chain.qc(index);
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
    const keep = new Set(this.chain.lanes.filter((each) => each !== lane));
    await this.#tried(this.keeper.dropLanesExcept(keep, { dropAll: true }), () =>
      this.model.dropAcknowledged(lane),
    );
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

  #later(work: Promise<unknown>, then: () => void): void {
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
  const { index } = anchor.commitQC.vote.view;
  return {
    index,
    bytes: encodePruneAnchor(anchor),
    qc: encodeCommitQC(anchor.commitQC),
    starts: startsOf(anchor).lanes,
    covers: coversOf(anchor.commitQC),
  };
}

export function coversOf(qc: CommitQC): ReadonlyMap<string, bigint> {
  return new Map(qc.vote.laneRanges.map(({ lane, next }) => [lane, next] as const));
}
