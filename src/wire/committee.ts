/**
 * The validators of an epoch, their weights, and the quorums.
 *
 * Of a total weight W at most f = floor((W - 1) / 3) is faulty. W - f decides (commit, prepare,
 * timeout, app). f + 1 makes sure that one honest validator holds a block (lane).
 */
import { createHash } from "node:crypto";
import { LanekeeperError } from "../types/lanekeeper-error.js";
import { PersisterError } from "../types/errors.js";
import { type LaneId, laneIdOf } from "../types/lane.js";
import { checkU64, U64_MAX } from "../types/numbers.js";
import {
  checkArguments,
  having,
  list,
  record,
  type Shape,
  u64,
  type Fields,
} from "../types/shape.js";
import { KEY_BYTES, VALIDATORS_MAX, type View } from "./messages.js";
import { key as keyShape } from "./shapes.js";
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

/** Finds an epoch by its index. Returns `undefined`, and at once, for one that is not known. */
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
  }

  /**
   * The committee of epoch 0; members of weight 0 are left out.
   *
   * @example
   * const committee = Committee.genesis([{ key: keys.publicKey, weight: 1n }]);
   *
   * @throws {PersisterError} USAGE naming the first wrong weight, and for a validator that is named twice.
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
    checkU64(epochIndex, "epochIndex");
    if (epochIndex === 0n) throw new VerifyError("epoch_zero", "epoch 0 comes after no other");
    return Committee.#of(weights, (key) => this.#byKey.get(key)?.joined ?? epochIndex);
  }

  static #of(weights: readonly Weighted[], joinedOf: (key: string) => bigint): Committee {
    checkArguments([weightsShape, weights, "weights"]);
    const present = weights.filter(({ weight }) => weight > 0n);
    const keys = new Set(present.map(({ key }) => keyText(key)));
    if (keys.size < present.length) {
      throw new PersisterError("USAGE", "weights must name a validator once, and not twice");
    }
    const total = present.reduce((sum, { weight }) => sum + weight, 0n);
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

  /**
   * The member with this key, if there is one.
   *
   * @throws {PersisterError} USAGE for a key that has not 32 bytes.
   */
  memberOf(key: Uint8Array): Member | undefined {
    return this.#byKey.get(keyText(key));
  }

  /** The member whose lane this is: key and joined epoch agree. */
  memberOfLane(lane: LaneId): Member | undefined {
    return this.#byLane.get(lane);
  }

  /**
   * The leader of a view. Its epoch plays no part in the draw.
   *
   * @throws {PersisterError} USAGE for numbers beyond 64 bits.
   */
  leader(view: Pick<View, "index" | "number">): Member {
    checkArguments([roundShape, view, "view"]);
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

/**
 * The epoch `index`, by the caller's function.
 *
 * @throws {VerifyError} `epoch` if it is not known.
 * @throws {PersisterError} CALLBACK_FAILED if the function throws; USAGE if it returns anything but an
 * epoch (a promise, say).
 */
export function knownEpoch(epochOf: EpochOf, index: bigint): Epoch {
  let epoch: Epoch | undefined;
  try {
    epoch = epochOf(index);
  } catch (cause) {
    if (cause instanceof LanekeeperError) throw cause;
    throw new PersisterError("CALLBACK_FAILED", `epochOf has thrown for epoch ${index}`, { cause });
  }
  if (!epoch) throw new VerifyError("epoch", `the committee of epoch ${index} is not known`);
  epochShape(epoch, `what epochOf returns for epoch ${index}`);
  return epoch;
}

const weightsShape = list(record({ key: keyShape, weight: u64 } satisfies Fields<Weighted>));
const roundShape = record({ index: u64, number: u64 } satisfies Fields<
  Pick<View, "index" | "number">
>);

/** A committee, of this copy of the package or of another. */
export const committeeShape: Shape = having("a Committee", "memberOf", "memberOfLane", "leader");
export const epochShape: Shape = record({
  index: u64,
  firstRoad: u64,
  nextRoad: u64,
  committee: committeeShape,
} satisfies Fields<Epoch>);
export const epochOfShape: Shape = (value, name) => {
  if (typeof value === "function") return;
  throw new PersisterError("USAGE", `${name} must be a function that finds an epoch by its index`);
};

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
  keyShape(key, "key");
  return Buffer.from(key.buffer, key.byteOffset, key.length).toString("latin1");
}
