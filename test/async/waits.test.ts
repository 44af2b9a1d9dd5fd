/**
 * Waiting for a change: who is woken, in which order, and what ends a wait.
 */
import { expect, test } from "vitest";
import { Waits } from "../../src/async/waits.js";
import { PersisterError } from "../../src/types/errors.js";
import { refusal } from "../node/kit.js";

test("who waits is resumed by the change that it waits for, and by no other", async () => {
  const waits = new Waits<string>();
  let value = 0;
  let looks = 0;
  const wait = waits.waitFor(["lane"], () => {
    looks += 1;
    return value >= 2 ? value : undefined;
  });
  value = 1;
  waits.wake("lane");
  await settle();
  value = 2;
  waits.wake("lane");
  expect(await wait).toBe(2);
  waits.wake("lane");
  await settle();
  expect(looks).toBe(3);
});

test("changes of one step are looked at once, by those who came first first", async () => {
  const waits = new Waits<string>();
  const order: string[] = [];
  let isOpen = false;
  const wait = (name: string): Promise<boolean> =>
    waits.waitFor(["lane"], () => {
      if (isOpen) order.push(name);
      return isOpen ? true : undefined;
    });
  const all = ["a", "b", "c"].map(wait);
  isOpen = true;
  for (let times = 0; times < 3; times++) waits.wake("lane");
  await Promise.all(all);
  expect(order).toEqual(["a", "b", "c"]);
});

test("what one waiter takes is not there for the next", async () => {
  const waits = new Waits<string>();
  let tokens = 0;
  const take = (): Promise<number> =>
    waits.waitFor(["lane"], () => (tokens > 0 ? tokens-- : undefined));
  const first = take();
  let secondTook = false;
  const second = take().then(() => {
    secondTook = true;
  });
  tokens = 1;
  waits.wake("lane");
  await first;
  await settle();
  expect(secondTook).toBe(false);
  tokens = 1;
  waits.wake("lane");
  await second;
});

test("a look that throws ends its own wait alone", async () => {
  const waits = new Waits<string>();
  let isBroken = false;
  const broken = waits.waitFor(["lane"], () => {
    if (isBroken) throw new PersisterError("CONFLICT", "told to the one who asked");
    return undefined;
  });
  const other = waits.waitFor(["lane"], () => (isBroken ? "went on" : undefined));
  isBroken = true;
  waits.wake("lane");
  await refusal(broken, "CONFLICT");
  expect(await other).toBe("went on");
});

test("a signal ends the wait, and nothing is looked for on its behalf any more", async () => {
  const waits = new Waits<string>();
  const abort = new AbortController();
  let looks = 0;
  const wait = waits.waitFor(
    ["lane"],
    () => {
      looks += 1;
      return undefined;
    },
    { signal: abort.signal },
  );
  abort.abort();
  await refusal(wait, "ABORTED");
  waits.wake("lane");
  await settle();
  expect(looks).toBe(1);
});

test("the first failure ends every wait, now and later, but not where there is an answer", async () => {
  const waits = new Waits<string>();
  const wait = waits.waitFor(["lane"], () => undefined);
  waits.fail(new PersisterError("POISONED", "first"));
  waits.fail(new PersisterError("CLOSED", "second"));
  expect((await refusal(wait, "POISONED")).message).toBe("first");
  await refusal(
    waits.waitFor(["lane"], () => undefined),
    "POISONED",
  );
  expect(await waits.waitFor(["lane"], () => "answer")).toBe("answer");
});

test("a change wakes those who wait under its topic, and nobody else", async () => {
  const waits = new Waits<string>();
  const looks = { lane: 0, road: 0, both: 0 };
  const looker = (who: keyof typeof looks) => (): true | undefined => {
    looks[who] += 1;
    return looks[who] > 2 ? true : undefined;
  };
  const lane = waits.waitFor(["lane"], looker("lane"));
  const both = waits.waitFor(["lane", "road"], looker("both"));
  const road = waits.waitFor(["road"], looker("road"));
  waits.wake("lane");
  await settle();
  expect(looks).toEqual({ lane: 2, both: 2, road: 1 });
  waits.wake("road");
  await both;
  await settle();
  expect(looks).toEqual({ lane: 2, both: 3, road: 2 });
  waits.wakeAll();
  await Promise.all([lane, road]);
  expect(waits.count).toBe(0);
});

test("a wait that is made while the others look is looked at after the next change", async () => {
  const waits = new Waits<string>();
  let inner: Promise<string> | undefined;
  let isOpen = false;
  const outer = waits.waitFor(["lane"], () => {
    inner ??= isOpen ? waits.waitFor(["lane"], () => (isOpen ? "inner" : undefined)) : undefined;
    return isOpen ? "outer" : undefined;
  });
  isOpen = true;
  waits.wake("lane");
  expect(await outer).toBe("outer");
  expect(await inner).toBe("inner");
});

function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
