/**
 * The independent judge of a restore. A validator signs, is backed up, and signs on; then its backup is
 * restored. The judge heard everything that the first life signed. It asks the second life about every place
 * there is: no answer may allow a message where the first life signed another one.
 */
import * as fc from "fast-check";
import { describe, expect } from "vitest";
import { findBackup } from "../../../src/keeping/backup/found.js";
import { exportWatermarks } from "../../../src/keeping/watermarks/export.js";
import { importWatermarks } from "../../../src/keeping/watermarks/import.js";
import { restore } from "../../../src/keeping/restore/restore.js";
import { Lanekeeper } from "../../../src/node/lanekeeper.js";
import type { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import type { LaneId } from "../../../src/types/lane.js";
import { encodePersistedInner } from "../../../src/wire/codec/encode.js";
import { campaignSize } from "../../scale.js";
import { CHAIN_ID, type MadeBlock, TestChain } from "../../model/chain.js";
import { fresh, laneAt, pushQCs } from "../../node/kit.js";
import { DIRECTORY, SEGMENT_BYTES, simulatedSurroundings } from "../../node/surroundings.js";
import { BACKUP } from "../backup/kit.js";
import { property } from "../../harness/property.js";

const chain = new TestChain(3);
/** The first lane is the validator's own. */
const own = laneAt(chain, 0);
const NUMBERS = 14n;
const ROADS = 10n;
const forks = [0, 1] as const;
let seeds = 0;

/** A step of a life: it takes the next block of a lane, one of two that the owner has signed, or goes on a road. */
type Step =
  | { readonly kind: "block"; readonly lane: number; readonly fork: 0 | 1; readonly votes: boolean }
  | { readonly kind: "road"; readonly votes: boolean };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("block" as const),
      lane: fc.nat(2),
      fork: fc.constantFrom(...forks),
      votes: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("road" as const), votes: fc.boolean() }),
  },
);

/** Everything that a life signed: the digests of blocks and lane votes, and the roads of votes. */
class Witness {
  readonly signed = new Map<string, string>();
  readonly roads = new Set<bigint>();
  readonly #elder: Witness | undefined;

  /** `elder` heard the life before. */
  constructor(elder?: Witness) {
    this.#elder = elder;
  }

  note(kind: string, { lane, number, hash }: MadeBlock): void {
    const place = `${kind} ${lane} ${number}`;
    const digest = Buffer.from(hash).toString("hex");
    const before = this.signed.get(place) ?? this.#elder?.signed.get(place);
    if (before !== undefined && before !== digest) throw new Error(`${place} was signed twice`);
    this.signed.set(place, digest);
  }

  noteVote(roadIndex: bigint): void {
    if (this.#elder?.roads.has(roadIndex)) throw new Error(`road ${roadIndex} was voted at twice`);
    this.roads.add(roadIndex);
  }
}

/** A life: it signs where its store allows it, and only then. */
class Life {
  readonly #keeper: Lanekeeper;
  readonly #witness: Witness;
  #road: bigint;

  constructor(keeper: Lanekeeper, witness: Witness) {
    this.#keeper = keeper;
    this.#witness = witness;
    this.#road = keeper.status().road.next;
  }

  async take(each: Step): Promise<void> {
    if (each.kind === "road") await this.#advance(each.votes);
    else await this.#block(laneAt(chain, each.lane), each.fork, each.votes);
  }

  async #block(lane: LaneId, fork: 0 | 1, votes: boolean): Promise<void> {
    const number = this.#keeper.status().lanes.get(lane)?.next ?? 0n;
    if (number >= NUMBERS) return;
    // A lane goes on from the block that it holds: forks have the same parent, and no children here.
    const tip = number === 0n ? undefined : await this.#keeper.readBlock(lane, number - 1n);
    const isOnFork = tip !== undefined && !same(tip, chain.block(lane, number - 1n).bytes);
    if (isOnFork) return;
    const block = chain.block(lane, number, fork);
    const { hash: headerHash } = block;
    if (lane === own) {
      const { may } = this.#keeper.maySign({ kind: "block", lane, number, headerHash });
      if (!may) return;
      this.#witness.note("block", block);
    }
    await this.#keeper.pushBlock(block.bytes);
    await this.#keeper.waitForBlock(lane, number);
    if (!votes) return;
    const { may } = this.#keeper.maySign({ kind: "laneVote", lane, number, headerHash });
    if (may) this.#witness.note("laneVote", block);
  }

  async #advance(votes: boolean): Promise<void> {
    const roadIndex = this.#road;
    if (roadIndex >= ROADS) return;
    if (votes && this.#keeper.maySign({ kind: "vote", roadIndex }).may) {
      await this.#keeper.writeVoteState(voteState(roadIndex), roadIndex);
      this.#witness.noteVote(roadIndex);
      return;
    }
    await pushQCs(this.#keeper, chain, { from: roadIndex, to: roadIndex + 1n });
    this.#road += 1n;
  }
}

function voteState(roadIndex: bigint): Uint8Array {
  return encodePersistedInner({
    commitQC: roadIndex === 0n ? undefined : chain.qc(roadIndex - 1n).qc,
    prepareQC: undefined,
    timeoutQC: undefined,
    commitVote: undefined,
    prepareVote: undefined,
    timeoutVote: undefined,
  });
}

function same(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}

/** Asks about every place; returns how many are allowed at which the first life signed nothing. */
function judge(keeper: Lanekeeper, { signed, roads }: Witness): number {
  let free = 0;
  for (const lane of chain.lanes) {
    for (let number = 0n; number < NUMBERS + 2n; number++) {
      const kinds = lane === own ? (["block", "laneVote"] as const) : (["laneVote"] as const);
      for (const kind of kinds) {
        for (const fork of forks) {
          const { hash: headerHash } = chain.block(lane, number, fork);
          if (!keeper.maySign({ kind, lane, number, headerHash }).may) continue;
          const before = signed.get(`${kind} ${lane} ${number}`);
          const digest = Buffer.from(headerHash).toString("hex");
          expect(before ?? digest, `${kind} ${number} of lane ${lane}`).toBe(digest);
          if (before === undefined) free += 1;
        }
      }
    }
  }
  for (let roadIndex = 0n; roadIndex < ROADS + 3n; roadIndex++) {
    if (!keeper.maySign({ kind: "vote", roadIndex }).may) continue;
    expect(roads, `votes at road ${roadIndex}`).not.toContain(roadIndex);
    free += 1;
  }
  return free;
}

async function open(disk: SimulatedDisk, directory: string): Promise<Lanekeeper> {
  const { epochOf } = chain;
  const choices = { chainId: CHAIN_ID, segmentBytes: SEGMENT_BYTES, retainBytes: 0, epochOf };
  return await Lanekeeper.openOn(simulatedSurroundings(disk, ++seeds), directory, choices);
}

const life = fc.array(step, { minLength: 4, maxLength: 24 });

describe("two lives of one validator", () => {
  property([life, life, life], { numRuns: campaignSize(150) })(
    "never allow two messages for one place, whatever the second life learns",
    async (before, after, later) => {
      const witness = new Witness();
      const { disk, keeper: first } = await fresh(chain);
      const old = new Life(first, witness);
      for (const each of before) await old.take(each);
      await first.backup(BACKUP);
      for (const each of after) await old.take(each);
      await first.close();

      const manifest = await findBackup(disk, BACKUP);
      const { randomBytes } = simulatedSurroundings(disk, ++seeds);
      const to = { from: BACKUP, manifest, directory: "/new" };
      await restore({ disk, ...to, guardAlways: false, nowMs: () => 0, randomBytes });
      const second = await open(disk, "/new");
      judge(second, witness);
      // It lives on, first without heights: it signs nothing that the judge does not allow.
      const again = new Life(second, new Witness(witness));
      for (const each of later) await again.take(each);
      judge(second, witness);

      const keys = { keys: [], signer: undefined };
      const marks = await exportWatermarks({ disk, directory: DIRECTORY, ...keys });
      expect(marks.isComplete).toBe(true);
      await importWatermarks(second, marks, { reason: "of the first life" });
      const free = judge(second, witness);
      expect(free).toBeGreaterThan(0);
      for (const each of later) await again.take(each);
      judge(second, witness);
      await second.close();
    },
  );
});
