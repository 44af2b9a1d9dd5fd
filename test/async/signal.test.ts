/** One signal for any number of waits: one listener, no warning, and an abort that costs a step a wait. */
import { getEventListeners } from "node:events";
import { expect, test } from "vitest";
import { ByteBudget } from "../../src/async/byte-budget.js";
import { throwIfAborted, whenAborted } from "../../src/async/signal.js";
import { Waits } from "../../src/async/waits.js";
import { refusal } from "../node/kit.js";

test("a thousand waits share one listener, and leave none behind", async () => {
  const waits = new Waits<string>();
  const budget = new ByteBudget(1);
  expect(budget.tryTake(1)).toBe(true);
  const abort = new AbortController();
  const { signal } = abort;
  const warnings: Error[] = [];
  const warn = (warning: Error): void => void warnings.push(warning);
  process.on("warning", warn);
  const all: Promise<unknown>[] = [];
  for (let each = 0; each < 500; each++) {
    all.push(
      refusal(
        waits.waitFor(["lane"], () => undefined, { signal }),
        "ABORTED",
      ),
    );
    all.push(refusal(budget.take(1, signal), "ABORTED"));
  }
  expect(getEventListeners(signal, "abort")).toHaveLength(1);
  abort.abort(new Error("the node stops"));
  await Promise.all(all);
  await new Promise((resolve) => setImmediate(resolve));
  process.off("warning", warn);
  expect(warnings).toEqual([]);
  expect(getEventListeners(signal, "abort")).toHaveLength(0);
  expect(waits.count).toBe(0);
  budget.giveBack(1);
  expect(budget.tryTake(1)).toBe(true);
});

test("waits that end well take their listener with them", async () => {
  const waits = new Waits<string>();
  const { signal } = new AbortController();
  let isOpen = false;
  const look = (): true | undefined => (isOpen ? true : undefined);
  const first = waits.waitFor(["lane"], look, { signal });
  const second = waits.waitFor(["lane"], look, { signal });
  isOpen = true;
  waits.wake("lane");
  await Promise.all([first, second]);
  expect(getEventListeners(signal, "abort")).toHaveLength(0);
});

test("an abort of many costs no more a wait than one of few", async () => {
  /** Of processor time: on a machine that does much else a call may wait in between. */
  const msOf = async (count: number): Promise<number> => {
    const budget = new ByteBudget(1);
    budget.tryTake(1);
    const abort = new AbortController();
    const takes = Array.from({ length: count }, () => budget.take(1, abort.signal));
    const ended = Promise.allSettled(takes);
    const began = process.cpuUsage();
    abort.abort();
    const { user, system } = process.cpuUsage(began);
    await ended;
    return (user + system) / 1000;
  };
  await msOf(1000);
  const few = await msOf(2000);
  const many = await msOf(40_000);
  // Twenty times as many. The square would be four hundred times as long.
  expect(many).toBeLessThan(Math.max(few, 2) * 120);
});

test("a wish that was taken back is not called, one that was not is called once", () => {
  const abort = new AbortController();
  const called: string[] = [];
  const takeBack = whenAborted(abort.signal, () => void called.push("taken back"));
  whenAborted(abort.signal, () => void called.push("stays"));
  takeBack();
  takeBack();
  abort.abort();
  expect(called).toEqual(["stays"]);
  expect(() => throwIfAborted(abort.signal, "the scan")).toThrow(/the scan was aborted/);
});
