/** Every block that one history has offered, and which of them was admitted where. */
import type { LaneId } from "../../../../src/types/lane.js";
import type { RecoveredStore } from "../../../model/reference-model.js";
import type { MadeBlock } from "../commands/traffic.js";

export class Ledger {
  readonly #offered = new Map<string, MadeBlock>();
  readonly #admitted = new Map<string, Map<bigint, MadeBlock>>();

  #votes = 0n;

  /** The road index of the next vote. */
  nextVote(): bigint {
    this.#votes += 1n;
    return this.#votes;
  }

  offer(block: MadeBlock): void {
    this.#offered.set(block.hash, block);
  }

  admit(block: MadeBlock): void {
    const lane = this.#admitted.get(block.lane) ?? new Map<bigint, MadeBlock>();
    this.#admitted.set(block.lane, lane.set(block.number, block));
  }

  /** The block with this header hash, admitted or not. */
  offered(hash: string): MadeBlock | undefined {
    return this.#offered.get(hash);
  }

  /** The block that was admitted at this number since the lane was last dropped, pruned or not. */
  admitted(lane: LaneId, number: bigint): MadeBlock | undefined {
    return this.#admitted.get(lane)?.get(number);
  }

  /** The lane was dropped: nothing of it comes back. */
  forget(lane: string): void {
    this.#admitted.delete(lane);
  }

  /** An open has published this: what it did not return is gone. */
  recovered({ lanes }: RecoveredStore): void {
    for (const [lane, blocks] of this.#admitted) {
      const next = lanes.get(lane)?.next ?? 0n;
      for (const number of blocks.keys()) if (number >= next) blocks.delete(number);
    }
  }
}
