/** Rotation of the keys of jobs: what is moved, what holds it up, and what a crash at any step leaves. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, describe, test } from "vitest";
import { JobStore } from "../../../src/jobs/index.js";
import { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import { campaignSize, SCALE } from "../../scale.js";
import { codeOf, folder, openStore } from "../kit.js";
import { LossyHomes } from "../crash/lossy-homes.js";
import { openOn, ROOT, surroundings } from "../crash/simulated-store.js";
import {
  at,
  contents,
  filesWith,
  hidden,
  hide,
  keyBytes,
  keyId,
  keysOf,
  secret,
  upTo,
} from "./kit.js";

describe("a rotation", () => {
  test("seals with the new key from its end on, and the older one is needed until all is moved", async () => {
    const root = folder();
    const store = await openStore(root, { keys: keysOf("a") });
    const job = await store.openJob("job");
    await hide(job, 0, 30);
    await hide(await store.openJob("closed"), 0, 30);
    await store.closeJob("closed");
    await store.rotateKey(keyBytes("b"));
    await hide(job, 30, 40);
    expect((await store.status()).jobs.find(({ id }) => id === "job")?.keys).toContain(keyId("b"));
    await store.waitForRotation();
    expect(contents(store)).toEqual([keyId("b")]);
    expect(await hidden(job)).toEqual(upTo(40));
    await store.close();
    expect(await codeOf(() => openStore(root, { keys: keysOf("a") }))).toBe("KEY_MISSING");
    const again = await openStore(root, { keys: keysOf("b") });
    expect(await hidden(await again.openJob("job"))).toEqual(upTo(40));
    expect(await hidden(await again.openJob("closed"))).toEqual(upTo(30));
    expect(filesWith(root, "secret value")).toEqual([]);
  });

  test("leaves no byte of a value that it sealed anew", async () => {
    const root = folder();
    const plain = await openStore(root);
    const job = await plain.openJob("job");
    await hide(job, 0, 50);
    await job.delete("hidden", Uint8Array.of(0, 7));
    await plain.close();
    const store = await openStore(root, { keys: keysOf("a") });
    await store.openJob("job");
    await store.waitForRotation();
    expect(filesWith(root, "the secret value 7")).toEqual([]);
    expect(filesWith(root, "secret value")).toEqual([]);
  });

  test("waits for a scan that sees what was there before", async () => {
    const root = folder();
    const plain = await openStore(root);
    await hide(await plain.openJob("job"), 0, 1500);
    await plain.close();
    const store = await openStore(root, { keys: keysOf("a") });
    const job = await store.openJob("job");
    const scan = job.scan("hidden")[Symbol.asyncIterator]();
    await scan.next();
    let isMoved = false;
    const moved = store.waitForRotation().then(() => (isMoved = true));
    await new Promise((resolve) => setTimeout(resolve, 800));
    expect(isMoved).toBe(false);
    expect(contents(store)).toContain("plain");
    await scan.return?.();
    await moved;
    expect(contents(store)).toEqual([keyId("a")]);
    expect(filesWith(root, "secret value")).toEqual([]);
  });

  test("takes jobs along that are opened beside it, and other rotations", async () => {
    const store = await openStore(folder(), { keys: keysOf("a") });
    for (const letter of ["b", "c", "d", "e"]) {
      const rotated = [letter, `${letter}2`].map((each) => store.rotateKey(keyBytes(each)));
      const job = await store.openJob(`job-${letter}`);
      await hide(job, 0, 3);
      await Promise.all(rotated);
      await hide(job, 3, 6);
      await store.waitForRotation();
      expect(await hidden(job)).toEqual(upTo(6));
      expect(contents(store)).toHaveLength(1);
    }
    await store.close();
  });

  test("takes back no write that comes beside it", async () => {
    const store = await openStore(folder(), { keys: keysOf("a") });
    const job = await store.openJob("job");
    const ROWS = 3000;
    await hide(job, 0, ROWS);
    let writes = 0;
    for (const letter of ["b", "c", "d"]) {
      let isMoved = false;
      const rotated = store.rotateKey(keyBytes(letter)).then(async () => {
        await store.waitForRotation();
        isMoved = true;
      });
      // Each row is written once: a value that came back would stay.
      for (; !isMoved && writes < ROWS; writes++) {
        const put = job.put("hidden", at((writes * 7919) % ROWS), at(writes), { durable: true });
        // The queue stays short: as long as it is, so long a step of the rotation waits.
        if (writes % 4 === 0) await put;
      }
      await rotated;
      expect(contents(store)).toEqual([keyId(letter)]);
    }
    for (let write = 0; write < writes; write++) {
      const value = await job.get("hidden", at((write * 7919) % ROWS));
      if (Buffer.compare(value ?? at(0), at(write)) !== 0) expect.fail(`write ${write} is gone`);
    }
    expect(await job.count("hidden")).toBe(ROWS);
  });

  test("takes back no write that is on its way into LevelDB while a page is sealed anew", async () => {
    const [disk, homes] = [new SimulatedDisk(), new LossyHomes()];
    const plain = await openOn(disk, homes, {});
    await hide(await plain.openJob("job"), 0, 4);
    await plain.close();
    // The rotation takes a step where the test says so.
    const rests: (() => void)[] = [];
    const slow = { ...surroundings(disk), pace: (task: () => void) => void rests.push(task) };
    const turns = async (): Promise<void> => {
      for (let turn = 0; turn < 50; turn += 1) await nextTurn();
    };
    const step = async (): Promise<void> => {
      for (const goOn of rests.splice(0)) goOn();
      await turns();
    };
    await using store = await JobStore.openOn(slow, ROOT, homes, { keys: keysOf("a") });
    const job = await store.openJob("job");
    await step();
    const goOn = homes.stop("job", { all: true });
    await job.put("hidden", at(0), secret(9), { durable: true });
    await turns();
    await step();
    goOn();
    let isMoved = false;
    const moved = store.waitForRotation().then(() => (isMoved = true));
    while (!isMoved) await step();
    await moved;
    expect(contents(store)).toEqual([keyId("a")]);
    expect(await job.get("hidden", at(0))).toEqual(secret(9));
  });

  test("gives way to a caller who opens, closes or drops the job", async () => {
    const root = folder();
    const plain = await openStore(root);
    for (const id of ["one", "two", "three"]) await hide(await plain.openJob(id), 0, 200);
    await plain.close();
    const store = await openStore(root, { keys: keysOf("a") });
    const moved = store.waitForRotation();
    expect(await hidden(await store.openJob("one"))).toEqual(upTo(200));
    await store.closeJob("one");
    await store.dropJob("two");
    expect(await hidden(await store.openJob("three"))).toEqual(upTo(200));
    expect((await store.verify("one")).rows).toBe(200);
    await moved;
    expect(contents(store)).toEqual([keyId("a")]);
    expect(filesWith(root, "secret value")).toEqual([]);
  });

  test("two at once, and one that goes back, end with the last", async () => {
    const store = await openStore(folder(), { keys: keysOf("a") });
    const job = await store.openJob("job");
    await hide(job, 0, 20);
    await Promise.all(["b", "c", "a"].map((letter) => store.rotateKey(keyBytes(letter))));
    await store.waitForRotation();
    expect(contents(store)).toEqual([keyId("a")]);
    expect(await hidden(job)).toEqual(upTo(20));
  });

  test("a job whose key is not given is refused alone, and told; it is moved once the key is there", async () => {
    const root = folder();
    const first = await openStore(root, { keys: keysOf("a") });
    const job = await first.openJob("old");
    await hide(job, 0, 1500);
    await first.openJob("new");
    const scan = job.scan("hidden")[Symbol.asyncIterator]();
    await scan.next();
    await first.rotateKey(keyBytes("b"));
    // The scan holds the job up, and the journal goes on.
    await expect.poll(() => contents(first)).toEqual([keyId("a"), keyId("b")].sort());
    const isMoved = (): boolean =>
      first.keys.every(({ content, bytes }) => content === keyId("b") || bytes === 0);
    await expect.poll(isMoved).toBe(true);
    await scan.return?.();
    await first.close();

    const second = await openStore(root, { keys: keysOf("b") });
    await second.openJob("new");
    await expect(second.openJob("old")).rejects.toMatchObject({ code: "KEY_MISSING" });
    await expect(second.waitForRotation()).rejects.toThrow(keyId("a"));
    await second.close();
    const third = await openStore(root, { keys: keysOf("ba") });
    await third.waitForRotation();
    expect(contents(third)).toEqual([keyId("b")]);
    expect(await hidden(await third.openJob("old"))).toEqual(upTo(1500));
  });

  test("those who wait are told when the store closes, or their signal ends", async () => {
    const root = folder();
    const plain = await openStore(root);
    await hide(await plain.openJob("job"), 0, 20);
    await plain.close();
    const store = await openStore(root, { keys: keysOf("a") });
    expect(await codeOf(() => store.waitForRotation({ signal: AbortSignal.abort() }))).toBe(
      "ABORTED",
    );
    const waits = codeOf(() => store.waitForRotation());
    await store.close();
    expect(["CLOSED", "nothing was thrown"]).toContain(await waits);
    expect(await codeOf(() => store.waitForRotation())).toBe("CLOSED");
    expect(await codeOf(() => store.rotateKey(keyBytes("b")))).toBe("CLOSED");
  });
});

const CHOICES = { segmentBytes: 48 * 1024, checkpointBytes: 400 } as const;

interface Moment {
  readonly disk: SimulatedDisk;
  readonly homes: LossyHomes;
  /** Secrets that were acknowledged. */
  readonly acked: number;
}

async function open(disk: SimulatedDisk, homes: LossyHomes, letters: string): Promise<JobStore> {
  return await openOn(disk, homes, { ...CHOICES, keys: keysOf(letters) });
}

/** A store with plain values, one job open and one closed, and each step of two rotations in a row. */
async function twoRotations(): Promise<readonly Moment[]> {
  const [disk, homes] = [new SimulatedDisk(), new LossyHomes()];
  const plain = await openOn(disk, homes, CHOICES);
  for (const id of ["one", "two"]) await hide(await plain.openJob(id), 0, 4);
  await plain.close();
  const moments: Moment[] = [];
  let acked = 4;
  const look = (): void => void moments.push({ disk: watched.kill(), homes: homes.copy(), acked });
  const watched: SimulatedDisk = disk.kill({ onStep: look });
  homes.onBatch = look;
  const store = await open(watched, homes, "a");
  const job = await store.openJob("one");
  const more = async (): Promise<void> => {
    await job.put("hidden", at(acked), secret(acked), { durable: true });
    acked += 1;
  };
  await more();
  await store.rotateKey(keyBytes("b"));
  await more();
  await store.rotateKey(keyBytes("c"));
  await more();
  await store.waitForRotation();
  await store.close();
  return moments;
}

test("E19 a crash at each step of two rotations in a row loses nothing, and the rest is done behind it", async () => {
  const moments = await twoRotations();
  const stride = SCALE < 1 ? Math.round(3 / SCALE) : 1;
  let states = 0;
  for (const [index, { disk, homes, acked }] of moments.entries()) {
    if (index % stride !== 0) continue;
    for (const cut of [disk.kill(), ...disk.powerCuts(index, 1)]) {
      states += 1;
      let draws = index + states;
      const left = homes.crashed(() => draws++ % 3 > 0);
      const store = await open(cut, left, "cba");
      const found = await hidden(await store.openJob("one"));
      expect([upTo(acked), upTo(acked + 1)]).toContainEqual(found);
      await store.waitForRotation();
      expect(contents(store)).toEqual([keyId("c")]);
      await store.close();
      const again = await open(cut, left, "c");
      expect(await hidden(await again.openJob("one"))).toEqual(found);
      expect(await hidden(await again.openJob("two"))).toEqual(upTo(4));
      await again.close();
    }
  }
  console.log(`crash states of two rotations of jobs: ${states}, at ${moments.length} steps`);
  expect(states).toBeGreaterThan(campaignSize(80));
});
