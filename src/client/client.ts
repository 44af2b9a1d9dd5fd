/**
 * The client of a service: the memory of a validator behind a socket, with the interface and the promises of
 * the library. It keeps the promises of its callers across connections:
 *
 * - What was given and is not known to be durable is kept here, and given again to the next connection, in
 *   its order. The service may have it: the same bytes are no error then.
 * - A wait looks at the durable cursors that the service sends, and goes on when they are heard again.
 *
 * # Failures, one by one
 *
 * *The service is killed before a block is durable.* 1. Block 7 was admitted, and its push has resolved.
 * 2. The service dies with it. 3. The next connection begins with the cursors: block 7 is not below its
 * lane's. 4. The client pushes it again; a pin that the crash left at its number (D6) lets this same block
 * pass. 5. The cursor passes it, and the wait for it resolves: once, and only now.
 *
 * *The service is killed after a block is durable, and the answer is lost.* 1. The cursors of the next
 * connection are above the block: a block that was admitted leaves, and the wait for it resolves. 2. One
 * whose verdict was lost is pushed again. "The same bytes are held" is its success. "Below the first" is
 * one, too, if an anchor passed it meanwhile.
 *
 * *A vote state is lost in flight.* The store abstains for a validator that forgot what it signed. This one
 * has not: its vote has not left, as its write has not resolved, and the same votes are written again.
 *
 * *A caller cancels.* A message that no connection had is taken back. Any other may still become durable,
 * and it is not pushed again: nobody waits for it.
 *
 * *Another writer takes over.* Everything that waits and every later call is refused with FENCED. This is
 * final: the other one may sign by now, and no connection is made any more.
 *
 * *The store is refused, poisoned or another one.* The error of the service is the error of the client, with
 * the same code, and is final. So is ACKNOWLEDGED_LOST, if the service comes back with cursors below those
 * that it had told, and STORE_STOLEN, if it comes back with another store.
 *
 * *The service stays away.* Attempts go on for `reachMs`, with growing and drawn times between; then
 * everything that waits is refused with UNREACHABLE, and that is final, too.
 */
import type { PushResult } from "../avail/inner.js";
import type { DurableBlock } from "../avail/offers.js";
import type { WaitOptions } from "../async/signal.js";
import { throwIfAborted, unlessAborted } from "../async/signal.js";
import { Underway } from "../async/underway.js";
import type { RetainedRange, RetainedRecord } from "../log/retained-range.js";
import { checkArguments } from "../node/arguments.js";
import type { KeeperEvents } from "../node/events.js";
import type { Keeper, TakeReason } from "../node/keeper.js";
import type { Recovery } from "../node/start.js";
import type { Status } from "../node/status.js";
import type { Raise } from "../persist/guards/heights.js";
import type { MaySign, Place } from "../persist/guards/may-sign.js";
import { PersisterError } from "../types/errors.js";
import type { LaneId } from "../types/lane.js";
import type { CommitQC, LaneQC, PruneAnchor, SignedBlock } from "../wire/messages.js";
import { Connection, type World } from "./connection.js";
import { EventStream } from "./calls/events.js";
import { found } from "./calls/found.js";
import { drained } from "./calls/closing.js";
import { targetOf } from "./link/target.js";
import { checkConnect, type ConnectChoices } from "./options.js";
import * as pushes from "./calls/pushes.js";
import * as reads from "./calls/reads.js";
import { maySign, raiseGuard, reserved, takeReservations } from "./calls/signing.js";
import { durableBlocks, durableCommitQCs } from "./calls/subscriptions.js";
import { synced } from "./calls/syncing.js";
import { waitForAnchor, waitForBlock, waitForCommitQC } from "./calls/waiting.js";

const realWorld: World = { nowMs: () => performance.now(), fraction: Math.random };

/** The durable memory of one validator, behind a service. `Keeper` says what its methods do. */
export class LanekeeperClient implements Keeper {
  readonly #connection: Connection;
  readonly #events: EventStream;
  readonly #writer: string | undefined;
  /** Votes, notes and drops on their way to the store. */
  readonly #underway = new Underway();
  #isClosing = false;
  #closing: Promise<void> | undefined;

  private constructor(connection: Connection, writer: string | undefined) {
    this.#connection = connection;
    this.#writer = writer;
    this.#events = new EventStream(connection);
  }

  /**
   * Connects to the service at `address`, `unix:PATH` or `HOST:PORT`, and acquires its store if the client
   * is to write. Resolved when the service has answered.
   *
   * @example
   * await using keeper = await LanekeeperClient.connect("unix:state/lanekeeper.sock", {
   *   writer: "validator-3@host-a",
   * });
   *
   * @throws {PersisterError} WRITER_PRESENT, UNAUTHENTICATED, UNREACHABLE, NOT_READY; the refusal of a store
   * that could not be opened; ABORTED, USAGE.
   */
  static async connect(address: string, choices: ConnectChoices = {}): Promise<LanekeeperClient> {
    return await LanekeeperClient.connectIn(realWorld, address, choices);
  }

  /** `connect` with given time and chance. @internal */
  static async connectIn(
    world: World,
    address: string,
    choices: ConnectChoices,
  ): Promise<LanekeeperClient> {
    const settings = checkConnect(choices);
    throwIfAborted(settings.signal, "the connect");
    const connection = new Connection(targetOf(address, settings), settings, world);
    try {
      connection.memory.recovered(await found(connection, { signal: settings.signal }));
    } catch (cause) {
      await connection.close(new PersisterError("CLOSED", "the client was closed"));
      throw cause;
    }
    return new LanekeeperClient(connection, settings.writer);
  }

  /** The store as it was found when this client connected, and how the service's last open went. */
  get recovery(): Recovery {
    return this.#connection.memory.recovery;
  }

  /** The fence of this writer: higher than that of every writer before; `undefined` for a reader. */
  get fence(): bigint | undefined {
    return this.#writer === undefined ? undefined : this.#connection.fence;
  }

  async pushBlock(block: SignedBlock | Uint8Array, options?: WaitOptions): Promise<PushResult> {
    checkArguments("pushBlock", block, options);
    this.#refuseUnlessWriting();
    return await pushes.pushBlock(this.#connection, block, options);
  }

  async nextBlock(lane: LaneId): ReturnType<Keeper["nextBlock"]> {
    checkArguments("nextBlock", lane);
    return await reads.nextBlock(this.#connection, lane);
  }

  async pushCommitQC(qc: CommitQC | Uint8Array, options?: WaitOptions): Promise<void> {
    checkArguments("pushCommitQC", qc, options);
    this.#refuseUnlessWriting();
    await pushes.pushCommitQC(this.#connection, qc, options);
  }

  async pushAnchor(anchor: PruneAnchor): Promise<void> {
    checkArguments("pushAnchor", anchor);
    this.#refuseUnlessWriting();
    await pushes.pushAnchor(this.#connection, anchor);
  }

  async pushLaneQC(qc: LaneQC): Promise<void> {
    checkArguments("pushLaneQC", qc);
    this.#refuseUnlessWriting();
    await this.#underway.add(pushes.pushLaneQC(this.#connection, qc));
  }

  async writeVoteState(message: Uint8Array, roadIndex: bigint): Promise<void> {
    checkArguments("writeVoteState", message, roadIndex);
    this.#refuseUnlessWriting();
    await this.#underway.add(pushes.writeVoteState(this.#connection, message, roadIndex));
  }

  async release(lane: LaneId, number: bigint, why: string): Promise<void> {
    checkArguments("release", lane, number, why);
    const reason = { who: this.#refuseUnlessWriting(), why };
    await this.#underway.add(pushes.release(this.#connection, { lane, number, reason }));
  }

  async releases(): ReturnType<Keeper["releases"]> {
    return await reads.releases(this.#connection);
  }

  async maySign(place: Place): Promise<MaySign> {
    checkArguments("maySign", place);
    return await maySign(this.#connection, place);
  }

  async reserved(place: Place, options?: WaitOptions): Promise<void> {
    checkArguments("reserved", place, options);
    await reserved(this.#connection, place, options);
  }

  async takeReservations(why: TakeReason, options?: WaitOptions): Promise<void> {
    checkArguments("takeReservations", why, options);
    const who = this.#refuseUnlessWriting();
    await takeReservations(this.#connection, { ...why, who }, options);
  }

  async raiseGuard(raise: Raise, why: Parameters<Keeper["raiseGuard"]>[1]): Promise<void> {
    checkArguments("raiseGuard", raise, why);
    await this.#underway.add(
      raiseGuard(this.#connection, raise, { ...why, who: this.#refuseUnlessWriting() }),
    );
  }

  async dropLanesExcept(
    keep: ReadonlySet<LaneId>,
    options?: { readonly dropAll?: boolean | undefined },
  ): Promise<void> {
    checkArguments("dropLanesExcept", keep, options);
    const who = this.#refuseUnlessWriting();
    await this.#underway.add(
      pushes.dropLanesExcept(this.#connection, keep, { who, dropAll: options?.dropAll }),
    );
  }

  async waitForBlock(
    lane: LaneId,
    number: bigint,
    options?: WaitOptions,
  ): Promise<"durable" | "pruned"> {
    checkArguments("waitForBlock", lane, number, options);
    return await waitForBlock(this.#connection, { lane, number }, options);
  }

  async waitForCommitQC(index: bigint, options?: WaitOptions): Promise<"durable" | "pruned"> {
    checkArguments("waitForCommitQC", index, options);
    return await waitForCommitQC(this.#connection, index, options);
  }

  async waitForAnchor(index: bigint, options?: WaitOptions): Promise<void> {
    checkArguments("waitForAnchor", index, options);
    await waitForAnchor(this.#connection, index, options);
  }

  /** As `Keeper.sync`, of what this client has given; at once for a client that only reads. */
  async sync(options?: WaitOptions): Promise<void> {
    checkArguments("sync", options);
    throwIfAborted(options?.signal, "the sync");
    const all = Promise.all([synced(this.#connection, options), this.#underway.ended()]);
    await unlessAborted(all, options?.signal, "the sync");
  }

  durableBlocks(
    options: WaitOptions & { readonly from?: ReadonlyMap<LaneId, bigint> | undefined } = {},
  ): AsyncGenerator<DurableBlock> {
    checkArguments("durableBlocks", options);
    return durableBlocks(this.#connection, options.from ?? new Map(), options);
  }

  durableCommitQCs(
    options: WaitOptions & { readonly from?: bigint | undefined } = {},
  ): AsyncGenerator<{ readonly roadIndex: bigint; readonly bytes: Uint8Array }> {
    checkArguments("durableCommitQCs", options);
    return durableCommitQCs(this.#connection, options.from, options);
  }

  async readBlock(lane: LaneId, number: bigint): Promise<Uint8Array> {
    checkArguments("readBlock", lane, number);
    return await reads.readBlock(this.#connection, lane, number);
  }

  async readCommitQC(index: bigint): Promise<Uint8Array> {
    checkArguments("readCommitQC", index);
    return await reads.readCommitQC(this.#connection, index);
  }

  async readRetainedBlock(lane: LaneId, number: bigint): Promise<Uint8Array | undefined> {
    checkArguments("readRetainedBlock", lane, number);
    return await reads.readRetainedBlock(this.#connection, lane, number);
  }

  async readRetainedCommitQC(index: bigint): Promise<Uint8Array | undefined> {
    checkArguments("readRetainedCommitQC", index);
    return await reads.readRetainedCommitQC(this.#connection, index);
  }

  retainedBlocks(lane: LaneId, range: RetainedRange = {}): AsyncGenerator<RetainedRecord> {
    checkArguments("retainedBlocks", lane, range);
    return reads.retainedBlocks(this.#connection, lane, range);
  }

  retainedCommitQCs(range: RetainedRange = {}): AsyncGenerator<RetainedRecord> {
    checkArguments("retainedCommitQCs", range);
    return reads.retainedCommitQCs(this.#connection, range);
  }

  on<Kind extends keyof KeeperEvents>(
    kind: Kind,
    listener: (facts: KeeperEvents[Kind]) => unknown,
  ): () => void {
    checkArguments("on", kind, listener);
    return this.#events.on(kind, listener);
  }

  /** The newest status that the service sent, with what this client has heard of since: cursors, verdicts. */
  status(): Status {
    const { status, recovery } = this.#connection.memory;
    return status.now(recovery, { listenerFailures: this.#events.failures });
  }

  get closed(): boolean {
    return this.#isClosing;
  }

  /**
   * Refuses new work, waits until everything that was admitted is durable, and lets go of the store: another
   * writer may come. Idempotent.
   *
   * @throws {PersisterError} as `Keeper.close`; UNREACHABLE where the service stays away.
   */
  close(): Promise<void> {
    this.#isClosing = true;
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    const error = await drained(this.#connection);
    await this.#connection.close(new PersisterError("CLOSED", "the client was closed"));
    this.#events.closed(error);
    if (error) throw error;
  }

  /** Returns the writer's name. */
  #refuseUnlessWriting(): string {
    if (this.#isClosing) throw new PersisterError("CLOSED", "the client is closing");
    if (this.#writer !== undefined) return this.#writer;
    throw new PersisterError("USAGE", "this client only reads: give connect() the option writer");
  }
}
