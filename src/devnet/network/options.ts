import type { Sabotage } from "../validator/sabotage.js";

export interface NetworkOptions {
  readonly validators: number;
  /** The time in which validators are struck; the end takes some more. */
  readonly seconds: number;
  /** Bytes of transactions in a block. */
  readonly payload: number;
  readonly kills: number;
  readonly powerCuts: number;
  /** How often a validator comes back from an old backup. */
  readonly restores?: number | undefined;
  /** Each store is behind a service, a process of its own, which is struck like its validator. */
  readonly service?: boolean | undefined;
  /**
   * Each validator has two machines, each with a store of its own: one stands by. Kills are failovers then: the
   * holder is killed, stopped, or cut off from the reservations, and the other one takes over.
   */
  readonly standby?: boolean | undefined;
  /**
   * The bucket in which all validators archive; what they retain is little then, so that one that was away
   * catches up from the bucket.
   */
  readonly archive?: string | undefined;
  /** Keys and strikes follow from it. */
  readonly seed: number;
  /** One validator breaks the contract like this, for the judge to find out. */
  readonly sabotage?: Sabotage | undefined;
}
