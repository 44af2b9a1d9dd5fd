/**
 * Who may sign, with which weight, in which epoch, and what makes a quorum.
 *
 * Of a total weight W at most f = floor((W - 1) / 3) is faulty. W - f decides (commit, prepare,
 * timeout, app), f + 1 makes sure that one honest validator holds a block (lane).
 */
import { createHash } from "node:crypto";
import { assert } from "../types/assert.js";
import { type LaneId, laneIdOf } from "../types/lane.js";
import { U64_MAX } from "../types/numbers.js";
import { KEY_BYTES, VALIDATORS_MAX, type View } from "./messages.js";
import { VerifyError } from "./verify-error.js";

/** A validator's 32-byte key and its weight. */
export interface Weighted {
  readonly key: Uint8Array;
  readonly weight: bigint;
}

export interface Member extends Weighted {
  /** The epoch since which it has been a member without a break. */
  readonly joined: bigint;
  readonly lane: LaneId;
}

/** The roads `[firstRoad, nextRoad)` and the committee that decides them. */
export interface Epoch {
  readonly index: bigint;
  readonly firstRoad: bigint;
  readonly nextRoad: bigint;
  readonly committee: Committee;
}

/** Says which committee an epoch has; `undefined` for one that is not known. */
export type EpochOf = (epochIndex: bigint) => Epoch | undefined;

/** The members of one epoch, sorted by key; lanes are in the same order. Copies the keys. */
export class Committee {
  readonly members: readonly Member[];
  readonly total: bigint;
  readonly faulty: bigint;
  /** Also the quorum of prepare, timeout and app certificates. */
  readonly commitQuorum: bigint;
  readonly laneQuorum: bigint;
  readonly #byKey = new Map<string, Member>();
  readonly #byLane = new Map<LaneId, Member>();
  #fingerprint: Uint8Array | undefined;

  private constructor(members: readonly Member[], total: bigint) {
    this.members = members;
    this.total = total;
    this.faulty = (total - 1n) / 3n;
    this.commitQuorum = total - this.faulty;
    this.laneQuorum = this.faulty + 1n;
    for (const member of members) {
      this.#byKey.set(keyText(member.key), member);
      this.#byLane.set(member.lane, member);
    }
    assert(this.#byKey.size === members.length, "a validator is in a committee once");
  }

  /**
   * The committee of epoch 0; members of weight 0 are left out.
   *
   * @throws {VerifyError} `zero_weight`, `overflow` or `too_many_validators`.
   */
  static genesis(weights: readonly Weighted[]): Committee {
    return Committee.#of(weights, () => 0n);
  }

  /**
   * The committee of epoch `epochIndex`, above 0, after this one.
   *
   * @throws {VerifyError} `epoch_zero`, or as `genesis` does.
   */
  after(epochIndex: bigint, weights: readonly Weighted[]): Committee {
    if (epochIndex === 0n) throw new VerifyError("epoch_zero", "epoch 0 comes after no other");
    return Committee.#of(weights, (key) => this.#byKey.get(key)?.joined ?? epochIndex);
  }

  static #of(weights: readonly Weighted[], joinedOf: (key: string) => bigint): Committee {
    const present = weights.filter(({ weight }) => weight > 0n);
    let total = 0n;
    for (const { weight } of present) {
      assert(weight <= U64_MAX, "a weight fits 64 bits");
      total += weight;
    }
    if (total === 0n) throw new VerifyError("zero_weight", "the total weight is 0");
    if (total > U64_MAX) throw new VerifyError("overflow", "the total weight exceeds 64 bits");
    if (present.length > VALIDATORS_MAX) {
      const detail = `${present.length} validators, at most ${VALIDATORS_MAX}`;
      throw new VerifyError("too_many_validators", detail);
    }
    const members = present.map(({ key, weight }): Member => {
      const joined = joinedOf(keyText(key));
      return { key: Uint8Array.from(key), weight, joined, lane: laneIdOf(key, joined) };
    });
    return new Committee(
      members.sort((a, b) => Buffer.compare(a.key, b.key)),
      total,
    );
  }

  /** Equal for committees whose members have equal keys and weights: 32 bytes. */
  get fingerprint(): Uint8Array {
    this.#fingerprint ??= fingerprintOf(this.members);
    return this.#fingerprint;
  }

  /** The member with this key, if it is one. */
  memberOf(key: Uint8Array): Member | undefined {
    return this.#byKey.get(keyText(key));
  }

  /** The member whose lane this is: key and joined epoch agree. */
  memberOfLane(lane: LaneId): Member | undefined {
    return this.#byLane.get(lane);
  }

  /** The leader of a view; its epoch plays no part in the draw. */
  leader(view: Pick<View, "index" | "number">): Member {
    const seed = Buffer.alloc(16);
    seed.writeBigUInt64BE(view.index);
    seed.writeBigUInt64BE(view.number, 8);
    const draw = BigInt(`0x${createHash("sha256").update(seed).digest("hex")}`);
    let rest = draw % this.total;
    for (const member of this.members) {
      if (rest < member.weight) return member;
      rest -= member.weight;
    }
    throw new VerifyError("other", "the weights do not add up to their total");
  }
}

/** Tells whether a lane is over in epoch `epochIndex`, whose committee is given. */
export function isLaneClosed(lane: LaneId, epochIndex: bigint, committee: Committee): boolean {
  const joined = BigInt(`0x${lane.slice(2 * KEY_BYTES)}`);
  return joined < epochIndex && committee.memberOfLane(lane) === undefined;
}

function fingerprintOf(members: readonly Member[]): Uint8Array {
  const bytes = Buffer.alloc(members.length * (KEY_BYTES + 8));
  for (const [index, { key, weight }] of members.entries()) {
    const at = index * (KEY_BYTES + 8);
    bytes.set(key, at);
    bytes.writeBigUInt64BE(weight, at + KEY_BYTES);
  }
  return createHash("sha256").update(bytes).digest();
}

function keyText(key: Uint8Array): string {
  assert(key.length === KEY_BYTES, "a public key has 32 bytes");
  return Buffer.from(key.buffer, key.byteOffset, key.length).toString("latin1");
}
