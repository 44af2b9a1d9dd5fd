/** The failures of the header of `src/client/client.ts`, one by one. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { LanekeeperClient } from "../../src/client/client.js";
import type { ConnectChoices } from "../../src/client/options.js";
import { PersistResponseOutcome } from "../../src/rpc/api/keeper.js";
import { failureOf } from "../../src/rpc/failures.js";
import { PersisterError } from "../../src/types/errors.js";
import { eventually } from "../harness/eventually.js";
import { TestChain } from "../model/chain.js";
import { laneAt, refusal, turns, watched } from "../node/kit.js";
import { type Came, StandIn } from "./stand-in.js";

const chain = new TestChain();
const lane = laneAt(chain, 0);
let service: StandIn;
let clients: LanekeeperClient[] = [];

beforeEach(async () => {
  service = new StandIn();
  clients = [];
  await service.start();
});

afterEach(async () => {
  // A client that still has something to push would wait for the service.
  service.kill();
  service.refusals.set("acquireWriter", new PersisterError("POISONED", "the test is over"));
  await service.start();
  await Promise.allSettled(clients.map((client) => client.close()));
  await service[Symbol.asyncDispose]();
});

async function connected(choices: ConnectChoices = {}): Promise<LanekeeperClient> {
  const client = await LanekeeperClient.connect(service.address, {
    writer: "validator",
    ...choices,
  });
  clients.push(client);
  return client;
}

/** The item that came at `at`, counted from 0. */
async function came(at: number): Promise<Came> {
  const all = await service.until(at + 1);
  const found = all[at];
  if (!found) throw new Error(`item ${at} has not come`);
  return found;
}

const bytes = (number: bigint): Uint8Array => chain.block(lane, number).bytes;
const sent = ({ item }: Came): Uint8Array => Buffer.from((item.item?.value ?? []) as Uint8Array);
const sentBlock = (number: bigint): Uint8Array => Buffer.from(bytes(number));

async function admitted(client: LanekeeperClient, number: bigint, at: number): Promise<void> {
  const push = client.pushBlock(bytes(number));
  service.admit(await came(at));
  expect(await push).toEqual({ status: "admitted" });
}

test("killed before a block is durable: it is pushed again, and the wait resolves once it is", async () => {
  const client = await connected();
  await admitted(client, 0n, 0);
  const wait = client.waitForBlock(lane, 0n);
  const watch = watched(wait);
  service.kill();
  await service.start();
  const again = await came(1);
  expect(sent(again)).toEqual(sentBlock(0n));
  service.admit(again);
  await turns();
  expect(watch.settled).toBe(false);
  service.durable(lane, 1n);
  expect(await wait).toBe("durable");
});

test("killed after it is durable: nothing is pushed again, and the cursors end the wait", async () => {
  const client = await connected();
  await admitted(client, 0n, 0);
  const wait = client.waitForBlock(lane, 0n);
  service.kill();
  service.durable(lane, 1n);
  await service.start();
  expect(await wait).toBe("durable");
  await admitted(client, 1n, 1);
  expect(sent(await came(1))).toEqual(sentBlock(1n));
});

test("an answer is lost: the block is pushed again, and a duplicate is a success", async () => {
  const client = await connected();
  const push = client.pushBlock(bytes(0n));
  await came(0);
  service.kill();
  service.durable(lane, 1n);
  await service.start();
  const { item } = await came(1);
  const outcome = PersistResponseOutcome.DUPLICATE;
  service.answer({ verdicts: [{ id: item.id, outcome }] });
  expect(await push).toEqual({ status: "admitted" });
  expect(await client.waitForBlock(lane, 0n)).toBe("durable");
});

test("an answer is lost and an anchor passes the block: below the first is a success, too", async () => {
  const client = await connected();
  const push = client.pushBlock(bytes(0n));
  await came(0);
  service.kill();
  service.durable(lane, 5n, 3n);
  await service.start();
  service.refuse(await came(1), new PersisterError("OUT_OF_SEQUENCE", "5 is next"));
  expect(await push).toEqual({ status: "admitted" });
  expect(await client.waitForBlock(lane, 0n)).toBe("pruned");
});

test("what was not acknowledged is pushed again in its order, and what came meanwhile behind it", async () => {
  const client = await connected();
  await admitted(client, 0n, 0);
  await admitted(client, 1n, 1);
  const second = client.pushBlock(bytes(2n));
  await came(2);
  service.kill();
  const third = client.pushBlock(bytes(3n));
  service.durable(lane, 1n);
  await service.start();
  const all = (await service.until(6)).slice(3);
  expect(all.map(sent)).toEqual([1n, 2n, 3n].map(sentBlock));
  for (const each of all) service.admit(each);
  expect(await Promise.all([second, third])).toHaveLength(2);
});

test("a repeated block is refused: those who wait for it and for what stands on it are told", async () => {
  const client = await connected();
  await admitted(client, 0n, 0);
  const waits = [client.waitForBlock(lane, 0n), client.waitForBlock(lane, 1n)];
  const told = Promise.all(waits.map((wait) => refusal(wait, "INVALID")));
  service.kill();
  await service.start();
  service.refuse(await came(1), new PersisterError("INVALID", "its lane is not of the committee"));
  await told;
});

test("a sync waits across a restart for what was admitted, and for votes that were begun", async () => {
  const client = await connected();
  await client.sync();
  await admitted(client, 0n, 0);
  const write = client.writeVoteState(new Uint8Array([1]), 7n);
  await came(1);
  const sync = client.sync();
  const watch = watched(sync);
  service.kill();
  await service.start();
  service.admit(await came(2));
  const { item } = await came(3);
  service.durable(lane, 1n);
  await client.waitForBlock(lane, 0n);
  await turns();
  expect(watch.settled).toBe(false);
  service.answer({ verdicts: [{ id: item.id, outcome: PersistResponseOutcome.DURABLE }] });
  await Promise.all([sync, write]);
});

test("a sync is told why what was admitted is refused behind a restart, and names it", async () => {
  const client = await connected();
  await admitted(client, 0n, 0);
  const told = refusal(client.sync(), "INVALID");
  service.kill();
  await service.start();
  service.refuse(await came(1), new PersisterError("INVALID", "its lane is not of the committee"));
  expect((await told).message).toContain(`not durable: block 0 of lane ${lane}: its lane is not`);
  // Only what is admitted now is waited for: it is not.
  await client.sync();
});

test("a full disk ends a sync, which names what is queued", async () => {
  const client = await connected();
  await admitted(client, 0n, 0);
  const told = refusal(client.sync(), "DISK_FULL");
  service.tellStatus({ stalled: failureOf(new PersisterError("DISK_FULL", "no space is left")) });
  expect((await told).message).toContain(`not durable: block 0 of lane ${lane}`);
});

test("votes that were lost in flight are written again, and resolve only then", async () => {
  const client = await connected();
  const write = client.writeVoteState(new Uint8Array([1]), 7n);
  const watch = watched(write);
  await came(0);
  service.kill();
  await service.start();
  const { item } = await came(1);
  expect(item.item).toMatchObject({ case: "voteState", value: { roadIndex: 7n } });
  expect(watch.settled).toBe(false);
  const outcome = PersistResponseOutcome.DURABLE;
  service.answer({ verdicts: [{ id: item.id, outcome }] });
  await write;
});

test("a cancelled push that no connection had is taken back; another one is not pushed again", async () => {
  const client = await connected();
  const stop = new AbortController();
  const early = client.pushBlock(bytes(0n), { signal: stop.signal });
  await came(0);
  stop.abort();
  expect((await refusal(early, "ABORTED")).name).toBe("AbortError");
  service.kill();
  const signal = AbortSignal.timeout(5);
  await refusal(client.pushBlock(bytes(0n), { signal }), "ABORTED");
  await service.start();
  await admitted(client, 0n, 1);
  await turns();
  expect(service.came).toHaveLength(2);
});

test("another writer took over: everything fails with FENCED, and no connection is made any more", async () => {
  const client = await connected();
  await admitted(client, 0n, 0);
  const wait = refusal(client.waitForBlock(lane, 0n), "FENCED");
  const push = refusal(client.pushBlock(bytes(1n)), "FENCED");
  await came(1);
  service.fence += 1n;
  service.endStreams(new PersisterError("FENCED", "writer b was let in"));
  expect((await wait).message).toContain("writer b");
  await push;
  await refusal(client.pushBlock(bytes(2n)), "FENCED");
  await refusal(client.readBlock(lane, 0n), "FENCED");
  expect(service.acquired).toHaveLength(1);
});

test("a fence that was taken while the client was away is noticed when it is back", async () => {
  const client = await connected({ takeOver: true });
  await admitted(client, 0n, 0);
  const wait = refusal(client.waitForBlock(lane, 0n), "FENCED");
  service.kill();
  service.fence += 1n;
  await service.start();
  await wait;
  expect(service.acquired).toEqual([
    expect.objectContaining({ resumeFence: 0n, takeOver: true }),
    expect.objectContaining({ resumeFence: 1n, takeOver: false }),
  ]);
});

test("the store is refused: its error is the client's, and no attempt follows", async () => {
  service.refusals.set(
    "acquireWriter",
    new PersisterError("JOURNAL_CORRUPT", "a segment is damaged", { file: "journal/0001.seg" }),
  );
  const error = await refusal(connected(), "JOURNAL_CORRUPT");
  expect(error).toMatchObject({ file: "journal/0001.seg", message: "a segment is damaged" });
});

test("the store is poisoned: everything that waits gets it, and it is an event", async () => {
  const client = await connected();
  const heard = vi.fn();
  client.on("poisoned", heard);
  await admitted(client, 0n, 0);
  const wait = refusal(client.waitForBlock(lane, 0n), "POISONED");
  service.endStreams(new PersisterError("POISONED", "a flush failed", { file: "mark" }));
  expect(await wait).toMatchObject({ file: "mark" });
  await refusal(client.waitForCommitQC(0n), "POISONED");
  expect(heard).toHaveBeenCalledOnce();
});

test("a service that comes back with less than it had acknowledged is believed nothing any more", async () => {
  const client = await connected();
  await admitted(client, 0n, 0);
  service.durable(lane, 1n);
  expect(await client.waitForBlock(lane, 0n)).toBe("durable");
  const wait = refusal(client.waitForBlock(lane, 1n), "ACKNOWLEDGED_LOST");
  service.kill();
  service.durable(lane, 0n);
  await service.start();
  expect((await wait).lane).toBe(lane);
});

test("a service that comes back with another store is refused", async () => {
  const client = await connected();
  const wait = refusal(client.waitForBlock(lane, 0n), "STORE_STOLEN");
  service.kill();
  service.storeId = "bb";
  await service.start();
  await wait;
});

test("a service that stays away ends the client with UNREACHABLE, also one that never was there", async () => {
  const client = await connected({ reachMs: 50 });
  await admitted(client, 0n, 0);
  const wait = refusal(client.waitForBlock(lane, 0n), "UNREACHABLE");
  service.kill();
  await wait;
  expect((await refusal(client.close(), "UNREACHABLE")).message).toContain("block 0 of lane");
  await refusal(connected({ reachMs: 0 }), "UNREACHABLE");
});

test("an attempt to connect ends with its signal, and with the token that is wrong", async () => {
  service.kill();
  await refusal(connected({ signal: AbortSignal.timeout(20) }), "ABORTED");
  await service.start();
  service.refusals.set("acquireWriter", new PersisterError("UNAUTHENTICATED", "no token"));
  await refusal(connected(), "UNAUTHENTICATED");
});

test("a conflict has both blocks as evidence", async () => {
  const client = await connected();
  service.held = chain.block(lane, 0n, 1).bytes;
  const push = client.pushBlock(bytes(0n));
  const facts = { lane, blockNumber: 0n, held: service.held };
  service.refuse(await came(0), new PersisterError("CONFLICT", "other bytes are held", facts));
  const { held, offered, blockNumber } = await refusal(push, "CONFLICT");
  expect({ held, offered, blockNumber }).toEqual({
    held: Uint8Array.from(service.held),
    offered: Uint8Array.from(bytes(0n)),
    blockNumber: 0n,
  });
});

test("a full disk ends the waits for what is queued, and close names it", async () => {
  const client = await connected();
  await admitted(client, 0n, 0);
  const wait = refusal(client.waitForBlock(lane, 0n), "DISK_FULL");
  const stalled = failureOf(new PersisterError("DISK_FULL", "no space is left"));
  service.tellStatus({ stalled });
  await wait;
  expect(client.status().stalled).toMatchObject({ code: "DISK_FULL" });
});

test("a close does not name a block that has become durable since the disk was full", async () => {
  const client = await connected();
  await admitted(client, 0n, 0);
  service.tellStatus({ stalled: failureOf(new PersisterError("DISK_FULL", "no space is left")) });
  await eventually(() => expect(client.status().stalled).toBeDefined());
  const closing = client.close();
  const watch = watched(closing);
  // The service answers that the block is durable; its cursor, and the end of the stall, come later.
  await sleep(50);
  expect(watch.settled).toBe(false);
  service.durable(lane, 1n);
  await closing;
});

test("blocks are offered once each, across a restart, and those that became durable meanwhile", async () => {
  const client = await connected();
  service.durable(lane, 2n);
  await eventually(() => expect(client.status().lanes.get(lane)?.durable).toBe(2n));
  const numbers: bigint[] = [];
  const reading = (async () => {
    for await (const { number } of client.durableBlocks({ from: new Map([[lane, 0n]]) })) {
      numbers.push(number);
      if (number === 4n) return;
    }
  })();
  await eventually(() => expect(numbers).toEqual([0n, 1n]));
  service.kill();
  service.durable(lane, 5n);
  await service.start();
  await reading;
  expect(numbers).toEqual([0n, 1n, 2n, 3n, 4n]);
});

test("a block for which the lane has no room is held back, and an anchor passes it", async () => {
  service.durable(lane, 1n);
  const client = await connected();
  const far = client.pushBlock(bytes(30n));
  const watch = watched(far);
  const anchor = client.pushAnchor(chain.qc(0n).anchor);
  const first = await came(0);
  expect(first.item.item?.case).toBe("anchor");
  service.admit(first);
  await anchor;
  expect(watch.settled).toBe(false);
  service.durable(lane, 30n, 1n);
  service.admit(await came(1));
  expect(await far).toEqual({ status: "admitted" });
});

test("a client without a writer's name reads and waits, and is refused every push", async () => {
  service.durable(lane, 3n, 1n);
  const reader = await LanekeeperClient.connect(service.address);
  clients.push(reader);
  expect(await reader.waitForBlock(lane, 2n)).toBe("durable");
  expect(await reader.waitForBlock(lane, 0n)).toBe("pruned");
  await refusal(reader.pushBlock(bytes(3n)), "USAGE");
  expect(reader.fence).toBeUndefined();
  expect(service.acquired).toHaveLength(0);
});
