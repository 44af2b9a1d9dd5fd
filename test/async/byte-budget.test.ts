import { expect, test } from "vitest";
import { ByteBudget } from "../../src/async/byte-budget.js";
import { refusal, settle } from "../records/kit.js";

/** Takes `bytes` and says so in `order`. */
function taker(budget: ByteBudget, order: string[]) {
  return (name: string, bytes: number, signal?: AbortSignal): Promise<void> =>
    budget.take(bytes, signal).then(() => {
      order.push(name);
    });
}

test("what fits goes at once, what does not waits until enough was given back", async () => {
  const budget = new ByteBudget(100);
  expect(budget.tryTake(60)).toBe(true);
  expect(budget.tryTake(41)).toBe(false);
  expect(budget.tryTake(40)).toBe(true);
  const order: string[] = [];
  const waiting = taker(budget, order)("late", 50);
  budget.giveBack(40);
  await settle();
  expect(order).toEqual([]);
  budget.giveBack(60);
  await waiting;
  expect(order).toEqual(["late"]);
});

test("nobody passes those who wait, however small", async () => {
  const budget = new ByteBudget(100);
  expect(budget.tryTake(100)).toBe(true);
  const order: string[] = [];
  const take = taker(budget, order);
  const all = [take("large", 80), take("small", 1), take("third", 60)];
  expect(budget.tryTake(0)).toBe(false);
  budget.giveBack(100);
  await settle();
  expect(order).toEqual(["large", "small"]);
  budget.giveBack(80);
  await Promise.all(all);
  expect(order).toEqual(["large", "small", "third"]);
});

test("more than the whole budget goes alone", async () => {
  const budget = new ByteBudget(10);
  expect(budget.tryTake(1)).toBe(true);
  expect(budget.tryTake(11)).toBe(false);
  const large = budget.take(11);
  budget.giveBack(1);
  await large;
  expect(budget.tryTake(1)).toBe(false);
  budget.giveBack(11);
  expect(budget.tryTake(1)).toBe(true);
});

test("whoever is aborted takes nothing, and holds nobody up", async () => {
  const budget = new ByteBudget(100);
  expect(budget.tryTake(90)).toBe(true);
  const abort = new AbortController();
  const order: string[] = [];
  const take = taker(budget, order);
  const aborted = refusal(take("aborted", 50, abort.signal), "ABORTED");
  const behind = take("behind", 10);
  await settle();
  expect(order).toEqual([]);
  abort.abort();
  await aborted;
  await behind;
  expect(order).toEqual(["behind"]);
  await refusal(budget.take(1, AbortSignal.abort()), "ABORTED");
  budget.giveBack(100);
  expect(budget.tryTake(100)).toBe(true);
});
