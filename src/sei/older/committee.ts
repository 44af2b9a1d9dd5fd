/**
 * The older revision's committee: replicas that count alike, fixed for the life of a chain. Of N at
 * most f = floor((N - 1) / 3) are faulty; N - f decide (commit, prepare, timeout, app).
 */
import { createHash } from "node:crypto";
import { assert } from "../../types/assert.js";
import { KEY_BYTES } from "../../wire/messages.js";
import { VerifyError } from "../../wire/verify-error.js";
import { type LaneKey, laneKeyOf, type View } from "./messages.js";

export class OlderCommittee {
  /** Sorted; every replica has one lane, which its key names. */
  readonly replicas: readonly Uint8Array[];
  readonly faulty: number;
  /** Also the quorum of prepare, timeout and app certificates. */
  readonly commitQuorum: number;
  readonly laneQuorum: number;
  readonly #lanes: ReadonlySet<LaneKey>;

  /**
   * Copies the keys. A key that is named twice counts twice in N, as in the original, and signs once.
   *
   * @throws {VerifyError} `zero_weight` without a replica.
   */
  constructor(keys: readonly Uint8Array[]) {
    if (keys.length === 0) throw new VerifyError("zero_weight", "a committee has a replica");
    assert(
      keys.every((key) => key.length === KEY_BYTES),
      "a public key has 32 bytes",
    );
    this.replicas = keys.map((key) => Uint8Array.from(key)).sort((a, b) => Buffer.compare(a, b));
    this.faulty = Math.floor((keys.length - 1) / 3);
    this.commitQuorum = keys.length - this.faulty;
    this.laneQuorum = this.faulty + 1;
    this.#lanes = new Set(keys.map(laneKeyOf));
  }

  has(lane: LaneKey): boolean {
    return this.#lanes.has(lane);
  }

  /** The key of a view's leader. */
  leader(view: View): Uint8Array {
    const seed = Buffer.alloc(16);
    seed.writeBigUInt64BE(view.index);
    seed.writeBigUInt64BE(view.number, 8);
    const draw = BigInt(`0x${createHash("sha256").update(seed).digest("hex")}`);
    const leader = this.replicas[Number(draw % BigInt(this.replicas.length))];
    assert(leader !== undefined, "a remainder is below the number of replicas");
    return leader;
  }
}
