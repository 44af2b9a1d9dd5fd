/** The open of a journal can be called off at any moment, as a kill could have ended it, and tells how far it is. */
import { describe, expect, test } from "vitest";
import type { OpenProgress } from "../../../src/async/opening.js";
import { Journal } from "../../../src/records/journal.js";
import type { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import { fresh, opened, put, refusal, replayed, SEGMENT_BYTES } from "../kit.js";

/** Records that fill more than one segment. */
const held = Array.from({ length: 60 }, (_, at) => `text ${at} `.padEnd(2000, "."));

/** A journal of several segments, as a kill leaves it. */
async function killed(): Promise<SimulatedDisk> {
  const { disk, journal } = await fresh();
  for (const text of held) await journal.append(put(text));
  const left = disk.kill();
  await journal.close();
  return left;
}

const disk = await killed();

/** Whether a journal holds all of its records, in their order. */
async function isWhole(journal: Journal): Promise<boolean> {
  const found = await replayed(journal);
  return found.join() === held.map((text, at) => `${at + 1} ${text}`).join();
}

test("called off at any step of the disk it leaves nothing open, and a journal that opens with everything", async () => {
  let steps = 0;
  await (await opened(disk.kill({ onStep: () => (steps += 1) }))).close();
  const outcomes = { aborted: 0, opened: 0 };
  for (let at = 1; at <= steps; at += 1) {
    const off = new AbortController();
    let count = 0;
    const tried = disk.kill({ onStep: () => void ((count += 1) === at && off.abort()) });
    const journal = await opened(tried, { signal: off.signal }).catch((cause: unknown) => cause);
    if (journal instanceof Journal) {
      outcomes.opened += 1;
      await journal.close();
    } else {
      expect(journal).toMatchObject({ code: "ABORTED", name: "AbortError" });
      outcomes.aborted += 1;
    }
    for (const left of [tried, ...tried.powerCuts(at, 1)]) {
      const again = await opened(left);
      expect(await isWhole(again)).toBe(true);
      await again.close();
    }
  }
  expect(outcomes.aborted).toBeGreaterThan(0);
});

test("a signal that has ended, and one that ends while a key is awaited, is ABORTED, and nothing is left open", async () => {
  const tried = disk.kill();
  await refusal(opened(tried, { signal: AbortSignal.abort() }), "ABORTED");
  const off = new AbortController();
  const keys = { write: () => new Promise<never>(() => undefined) };
  const asked = refusal(opened(tried, { signal: off.signal, keys }), "ABORTED");
  setImmediate(() => off.abort());
  await asked;
  const journal = await opened(tried);
  expect(await isWhole(journal)).toBe(true);
  await journal.close();
});

describe("its progress", () => {
  test("names each step in its order, and counts the bytes that are read", async () => {
    const heard: OpenProgress[] = [];
    const journal = await opened(disk.kill(), { onProgress: (each) => void heard.push(each) });
    const names = [...new Set(heard.map(({ step }) => step))];
    expect(names).toEqual(["own", "judge", "write again", "begin"]);
    const judged = heard.filter(({ step }) => step === "judge");
    expect(judged.at(-1)?.totalBytes).toBeGreaterThan(SEGMENT_BYTES);
    for (const step of names) {
      const last = heard.findLast((each) => each.step === step);
      expect(last?.doneBytes).toBe(last?.totalBytes);
    }
    await journal.close();
  });

  test("ends the open as CALLBACK_FAILED where its listener throws; what is no listener or signal is USAGE", async () => {
    const tried = disk.kill();
    for (const at of ["own", "judge", "write again", "begin"] as const) {
      const onProgress = ({ step }: OpenProgress): void => {
        if (step === at) throw new Error("the bar broke");
      };
      const error = await refusal(opened(tried, { onProgress }), "CALLBACK_FAILED");
      expect(error.message).toContain("onProgress threw: the bar broke");
    }
    await refusal(opened(tried, { onProgress: "loud" as never }), "USAGE");
    await refusal(opened(tried, { signal: 1 as never }), "USAGE");
    await (await opened(tried)).close();
  });
});
