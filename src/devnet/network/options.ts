import type { Sabotage } from "../validator/sabotage.js";

export interface NetworkOptions {
  readonly validators: number;
  /** The time in which validators are struck; the end takes some more. */
  readonly seconds: number;
  /** Behind that it goes on until every validator has executed so many roads, on however slow a machine. */
  readonly roads?: bigint | undefined;
  /** Bytes of transactions in a block. */
  readonly payload: number;
  readonly kills: number;
  readonly powerCuts: number;
  /** How often a validator comes back from an old backup. */
  readonly restores?: number | undefined;
  /** How often a validator loses its machine: a new one begins with nothing, and catches up from the bucket. */
  readonly losses?: number | undefined;
  /** Each store is behind a service, a process of its own, which is struck like its validator. */
  readonly service?: boolean | undefined;
  /**
   * Each validator has two machines, each with a store of its own: one stands by. Kills are failovers then: the
   * holder is killed, stopped, or cut off from the reservations, and the other one takes over.
   */
  readonly standby?: boolean | undefined;
  /**
   * Nobody strikes but a person, over a socket in the directory. Each store is behind a service then, whose socket
   * is in it.
   */
  readonly byHand?: boolean | undefined;
  /**
   * The bucket in which all validators archive; what they retain is little then, so that one that was away for
   * long catches up from the bucket.
   */
  readonly archive?: string | undefined;
  /** Keys and strikes follow from it. */
  readonly seed: number;
  /** One validator breaks the contract like this, for the judge to find out. */
  readonly sabotage?: Sabotage | undefined;
}
