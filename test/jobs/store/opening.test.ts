/** The open of a store of jobs can be called off, as that of its journal, and tells how far it is. */
import { expect, test } from "vitest";
import type { OpenProgress } from "../../../src/async/opening.js";
import { JobStore } from "../../../src/jobs/index.js";
import { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import { LossyHomes } from "../crash/lossy-homes.js";
import { openOn } from "../crash/simulated-store.js";
import { codeOf, fill, folder, openStore } from "../kit.js";

const steps = ["own", "judge", "write again", "begin"] as const;

/** A store with a job, as a kill leaves it. */
async function killed(): Promise<readonly [SimulatedDisk, LossyHomes]> {
  const [disk, homes] = [new SimulatedDisk(), new LossyHomes()];
  const store = await openOn(disk, homes, {});
  await fill(await store.openJob("job"));
  await store.flush("job");
  const left = [disk.kill(), homes.copy()] as const;
  await store.close();
  return left;
}

const [disk, homes] = await killed();

/** Whether the store opens, with all of its rows. */
async function isWhole(left: SimulatedDisk): Promise<boolean> {
  await using store = await openOn(left, homes.copy(), {});
  const rows = await (await store.openJob("job")).scan("c").all();
  return rows.length === 5;
}

test("called off at any step of the disk it leaves nothing open, and a store that opens with everything", async () => {
  let count = 0;
  await (await openOn(disk.kill({ onStep: () => (count += 1) }), homes.copy(), {})).close();
  let aborts = 0;
  for (let at = 1; at <= count; at += 1) {
    const off = new AbortController();
    let done = 0;
    const tried = disk.kill({ onStep: () => void ((done += 1) === at && off.abort()) });
    const opening = openOn(tried, homes.copy(), { signal: off.signal });
    const store = await opening.catch((cause: unknown) => cause);
    if (store instanceof JobStore) await store.close();
    else {
      expect(store).toMatchObject({ code: "ABORTED" });
      aborts += 1;
    }
    expect(await isWhole(tried)).toBe(true);
  }
  expect(aborts).toBeGreaterThan(0);
});

test("its progress is that of its journal, and the listener may call it off at each step", async () => {
  const heard: OpenProgress[] = [];
  const tried = disk.kill();
  await (
    await openOn(tried, homes.copy(), { onProgress: (each) => void heard.push(each) })
  ).close();
  expect([...new Set(heard.map(({ step }) => step))]).toEqual(steps);
  expect(heard.some(({ step, doneBytes }) => step === "judge" && doneBytes > 0)).toBe(true);
  for (const at of steps) {
    const off = new AbortController();
    const onProgress = ({ step }: OpenProgress): void => void (step === at && off.abort());
    const choices = { signal: off.signal, onProgress };
    expect(await codeOf(() => openOn(tried, homes.copy(), choices))).toBe("ABORTED");
    const throws = ({ step }: OpenProgress): void => {
      if (step === at) throw new Error("the bar broke");
    };
    const thrown = () => openOn(tried, homes.copy(), { onProgress: throws });
    expect(await codeOf(thrown)).toBe("CALLBACK_FAILED");
  }
  expect(await isWhole(tried)).toBe(true);
});

test("a signal that has ended, and one that ends while a key is awaited, is ABORTED; one that is none is USAGE", async () => {
  const root = folder();
  expect(await codeOf(() => openStore(root, { signal: AbortSignal.abort() }))).toBe("ABORTED");
  for (const tried of [disk.kill(), new SimulatedDisk()]) {
    const off = new AbortController();
    const keys = { write: () => new Promise<never>(() => undefined) };
    const asked = codeOf(() => openOn(tried, homes.copy(), { signal: off.signal, keys }));
    setImmediate(() => off.abort());
    expect(await asked).toBe("ABORTED");
  }
  expect(await codeOf(() => openStore(root, { signal: 1 as never }))).toBe("USAGE");
  expect(await codeOf(() => openStore(root, { onProgress: "loud" as never }))).toBe("USAGE");
});

test("a signal that ends later on means nothing to the store that is open, with jobs or without", async () => {
  const off = new AbortController();
  const heard: OpenProgress[] = [];
  const onProgress = (each: OpenProgress): void => void heard.push(each);
  const root = folder();
  const store = await openStore(root, { signal: off.signal, onProgress });
  off.abort();
  await fill(await store.openJob("job"));
  await store.flush("job");
  expect(heard).toEqual([]);
});
