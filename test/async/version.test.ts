/**
 * Waiting for a change: who is woken, in which order, and what ends a wait.
 */
import { expect, test } from "vitest";
import { Version } from "../../src/async/version.js";
import { PersisterError } from "../../src/types/errors.js";
import { refusal } from "../node/kit.js";

test("who waits is resumed by the change that it waits for, and by no other", async () => {
  const version = new Version();
  let value = 0;
  let looks = 0;
  const wait = version.waitFor(() => {
    looks += 1;
    return value >= 2 ? value : undefined;
  });
  value = 1;
  version.bump();
  await settle();
  value = 2;
  version.bump();
  expect(await wait).toBe(2);
  version.bump();
  await settle();
  expect(looks).toBe(3);
});

test("changes of one step are looked at once, by those who came first first", async () => {
  const version = new Version();
  const order: string[] = [];
  let isOpen = false;
  const wait = (name: string): Promise<boolean> =>
    version.waitFor(() => {
      if (isOpen) order.push(name);
      return isOpen ? true : undefined;
    });
  const waits = ["a", "b", "c"].map(wait);
  isOpen = true;
  for (let times = 0; times < 3; times++) version.bump();
  await Promise.all(waits);
  expect(order).toEqual(["a", "b", "c"]);
});

test("what one waiter takes is not there for the next", async () => {
  const version = new Version();
  let tokens = 0;
  const take = (): Promise<number> => version.waitFor(() => (tokens > 0 ? tokens-- : undefined));
  const first = take();
  let secondTook = false;
  const second = take().then(() => {
    secondTook = true;
  });
  tokens = 1;
  version.bump();
  await first;
  await settle();
  expect(secondTook).toBe(false);
  tokens = 1;
  version.bump();
  await second;
});

test("a look that throws ends its own wait alone", async () => {
  const version = new Version();
  let isBroken = false;
  const broken = version.waitFor(() => {
    if (isBroken) throw new PersisterError("CONFLICT", "told to the one who asked");
    return undefined;
  });
  const other = version.waitFor(() => (isBroken ? "went on" : undefined));
  isBroken = true;
  version.bump();
  await refusal(broken, "CONFLICT");
  expect(await other).toBe("went on");
});

test("a signal ends the wait, and nothing is looked for on its behalf any more", async () => {
  const version = new Version();
  const abort = new AbortController();
  let looks = 0;
  const wait = version.waitFor(
    () => {
      looks += 1;
      return undefined;
    },
    { signal: abort.signal },
  );
  abort.abort();
  await refusal(wait, "ABORTED");
  version.bump();
  await settle();
  expect(looks).toBe(1);
});

test("the first failure ends every wait, now and later, but not where there is an answer", async () => {
  const version = new Version();
  const wait = version.waitFor(() => undefined);
  version.fail(new PersisterError("POISONED", "first"));
  version.fail(new PersisterError("CLOSED", "second"));
  expect((await refusal(wait, "POISONED")).message).toBe("first");
  await refusal(
    version.waitFor(() => undefined),
    "POISONED",
  );
  expect(await version.waitFor(() => "answer")).toBe("answer");
});

function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
