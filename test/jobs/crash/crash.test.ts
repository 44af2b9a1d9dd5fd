/**
 * Jobs on a disk that stops at every step: what a kill and power cuts leave of the journal, together with
 * what LevelDB may keep of the batches that were not settled, is opened. Each job must hold what was
 * acknowledged, in the order of its writes, and nothing that was never written.
 */
import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { type JobStore, key } from "../../../src/jobs/index.js";
import { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import { campaignSize, IS_SHORT, SCALE } from "../../scale.js";
import { codeOf, numbered, shown, value } from "../kit.js";
import { LossyHomes } from "./lossy-homes.js";
import { openOn as openStoreOn } from "./simulated-store.js";

const CHOICES = { segmentBytes: 48 * 1024, checkpointBytes: 400 } as const;
const IDS = ["a", "b", "c"] as const;
const KEYS = 6;
const COMMANDS = 70;
/** Power cuts that are tried at each moment. */
const CUTS_MAX = 2;
/** Of the moments that are tried, a recovery of one in so many is tried at each of its own steps. */
const RECOVERIES = IS_SHORT ? 21 : 23;
/** One moment in so many is tried. */
const EVERY = Math.max(1, Math.round(1 / SCALE));

async function openOn(disk: SimulatedDisk, homes: LossyHomes): Promise<JobStore> {
  return await openStoreOn(disk, homes, CHOICES);
}

/** Numbers below a bound, the same for the same seed. */
function drawer(seed: string): (below: number) => number {
  let draws = 0;
  return (below) => {
    draws += 1;
    return createHash("sha256").update(`${seed} ${draws}`).digest().readUInt32LE(0) % below;
  };
}

/** The writes to one job, in the order of the calls. */
class Ledger {
  /** The rows after each write that was begun; the first are none. */
  readonly states: string[] = [""];
  /** The last state that was acknowledged. */
  acked = 0;
  readonly #rows = new Map<number, Uint8Array>();

  put(at: number, to: Uint8Array): void {
    this.#rows.set(at, to);
  }

  remove(at: number): void {
    this.#rows.delete(at);
  }

  clear(): void {
    this.#rows.clear();
  }

  /** A write was begun; returns its state. */
  begun(): number {
    const rows = [...this.#rows].sort(([a], [b]) => a - b);
    this.states.push(
      shown(rows.map(([at, to]) => ({ key: numbered(at).bytes, value: to }))).join(),
    );
    return this.states.length - 1;
  }

  acknowledge(state: number): void {
    this.acked = Math.max(this.acked, state);
  }
}

interface Expected {
  readonly from: number;
  readonly next: number;
}

/** The machine as it stopped, and what each job may hold then. */
interface Moment {
  readonly disk: SimulatedDisk;
  readonly homes: LossyHomes;
  readonly expected: ReadonlyMap<string, Expected>;
}

/** A life of a store, drawn by a seed, with every moment of it. */
async function live(seed: string) {
  const draw = drawer(seed);
  const ledgers = new Map(IDS.map((id) => [id as string, new Ledger()]));
  const moments: Moment[] = [];
  const homes = new LossyHomes();
  let steps = 0;
  const look = (): void => {
    steps += 1;
    if (steps % EVERY !== 0) return;
    const expected = new Map(
      [...ledgers].map(([id, { acked, states }]) => [id, { from: acked, next: states.length }]),
    );
    moments.push({ disk: disk.kill(), homes: homes.copy(), expected });
  };
  const disk: SimulatedDisk = new SimulatedDisk({ onStep: look });
  let store = await openOn(disk, homes);
  const underWay: Promise<void>[] = [];
  for (let at = 0; at < COMMANDS; at++) {
    const id = IDS[draw(IDS.length)] as string;
    const ledger = ledgers.get(id) as Ledger;
    const job = await store.openJob(id);
    const number = draw(KEYS);
    const durable = draw(3) > 0;
    let write: Promise<void> | undefined;
    switch (draw(9)) {
      case 0:
        ledger.remove(number);
        write = job.delete("c", numbered(number), { durable });
        break;
      case 1:
        ledger.clear();
        write = job.deletePrefix("c", key(), { durable });
        break;
      case 2: {
        ledger.clear();
        ledger.put(number, value(at));
        write = job.batch(
          [
            { kind: "deletePrefix", category: "c", prefix: key() },
            { kind: "put", category: "c", key: numbered(number), value: value(at) },
          ],
          { durable },
        );
        break;
      }
      case 3:
        await Promise.all(underWay.splice(0));
        await store.closeJob(id);
        ledger.acknowledge(ledger.states.length - 1);
        continue;
      case 4:
        if (draw(3) > 0) continue;
        await Promise.all(underWay.splice(0));
        ledger.clear();
        write = store.dropJob(id);
        ledger.begun();
        await write;
        ledger.acknowledge(ledger.states.length - 1);
        continue;
      case 5:
        await job.get("c", numbered(number));
        continue;
      case 6:
        if (draw(4) > 0) continue;
        await Promise.all(underWay.splice(0));
        await store.close();
        for (const each of ledgers.values()) each.acknowledge(each.states.length - 1);
        store = await openOn(disk, homes);
        continue;
      case 7: {
        // A burst, so that writes arrive while a checkpoint settles.
        for (let more = 0; more < 12; more++) {
          ledger.put(more % KEYS, value(at * 100 + more));
          const state = ledger.begun();
          const put = job.put("c", numbered(more % KEYS), value(at * 100 + more), {
            durable: true,
          });
          underWay.push(put.then(() => ledger.acknowledge(state)));
          for (let turn = draw(6); turn > 0; turn--) await Promise.resolve();
        }
        continue;
      }
      default:
        ledger.put(number, value(at));
        write = job.put("c", numbered(number), value(at), { durable });
    }
    const state = ledger.begun();
    const told = write.then(() => {
      if (durable) ledger.acknowledge(state);
    });
    // Most go on side by side, so that checkpoints fall between a write and its batch.
    underWay.push(told);
    if (draw(5) === 0) await Promise.all(underWay.splice(0));
  }
  await Promise.all(underWay);
  await store.close();
  return { ledgers, moments };
}

/** Jobs that hold neither the acknowledged state nor a later one. */
async function faultsOf(
  store: JobStore,
  ledgers: ReadonlyMap<string, Ledger>,
  { expected }: Moment,
): Promise<string[]> {
  const faults: string[] = [];
  for (const [id, ledger] of ledgers) {
    const { from, next } = expected.get(id) as Expected;
    const found = shown(await (await store.openJob(id)).scan("c").all()).join();
    const may = ledger.states.slice(from, next);
    if (!may.includes(found)) faults.push(`${id} holds "${found}", and may: ${may.join(" | ")}`);
  }
  return faults;
}

test("a crash at any step leaves each job what was acknowledged, in the order of its writes", async () => {
  let states = 0;
  for (const seed of ["one", "two"]) {
    const { ledgers, moments } = await live(seed);
    for (const [at, moment] of moments.entries()) {
      const draw = drawer(`${seed} crash ${at}`);
      for (const left of [moment.disk.kill(), ...moment.disk.powerCuts(at, CUTS_MAX)]) {
        if (draw(4) > 0) continue;
        states += 1;
        const homes = moment.homes.crashed(() => draw(2) === 0);
        const store = await openOn(left, homes);
        expect(await faultsOf(store, ledgers, moment)).toEqual([]);
        const job = await store.openJob("a");
        await job.put("c", numbered(99), value(99), { durable: true });
        await store.close();
        const again = await openOn(left, homes);
        expect(await (await again.openJob("a")).get("c", numbered(99))).toEqual(value(99));
        await again.close();
      }
    }
  }
  console.log(`crash states of jobs: ${states}`);
  expect(states).toBeGreaterThan(campaignSize(150));
});

test("a crash at any step of a recovery leaves what the next recovery needs", async () => {
  let states = 0;
  const { ledgers, moments } = await live("four");
  for (const [at, moment] of moments.entries()) {
    if (at % RECOVERIES !== 0) continue;
    const draw = drawer(`recovery ${at}`);
    const [left] = moment.disk.powerCuts(at, 1);
    const during: { readonly disk: SimulatedDisk; readonly homes: LossyHomes }[] = [];
    const homes = moment.homes.crashed(() => draw(2) === 0);
    const watched: SimulatedDisk = (left ?? moment.disk).kill({
      onStep: () => during.push({ disk: watched.kill(), homes: homes.copy() }),
    });
    const recovering = await openOn(watched, homes);
    for (const id of IDS) await recovering.openJob(id);
    await recovering.close();
    for (const step of during) {
      if (draw(6) > 0) continue;
      states += 1;
      const store = await openOn(
        step.disk,
        step.homes.crashed(() => draw(2) === 0),
      );
      expect(await faultsOf(store, ledgers, moment)).toEqual([]);
      await store.close();
    }
  }
  console.log(`crash states of recoveries of jobs: ${states}`);
  expect(states).toBeGreaterThan(campaignSize(40));
});

test("a job that LevelDB fails stops alone, keeps its writes, and holds back no checkpoint", async () => {
  const disk = new SimulatedDisk();
  const homes = new LossyHomes();
  const store = await openOn(disk, homes);
  const [bad, good] = [await store.openJob("bad"), await store.openJob("good")];
  await bad.put("c", numbered(1), value(1), { durable: true });
  homes.fail("bad", new Error("the disk said no"));
  await bad.put("c", numbered(2), value(2), { durable: true });
  expect(await codeOf(() => bad.get("c", numbered(1)))).toBe("JOB_FAILED");
  expect(await codeOf(() => bad.put("c", numbered(3), value(3)))).toBe("JOB_FAILED");
  expect(bad.running).toBe(false);
  for (let at = 0; at < 200; at++) {
    await good.put("c", numbered(at % 3), value(at), { durable: true });
  }
  const [first, second] = (await store.status()).jobs;
  expect(first).toMatchObject({ id: "bad", state: "failed" });
  expect(second).toMatchObject({ id: "good", state: "open" });
  expect((await store.status()).checkpointFailure).toBeUndefined();
  expect(await codeOf(() => store.close())).toBe("JOB_FAILED");

  const again = await openOn(
    disk,
    homes.crashed(() => false),
  );
  const rows = await (await again.openJob("bad")).scan("c").all();
  expect(rows.map((row) => row.value)).toEqual([value(1), value(2)]);
  await again.close();
});
