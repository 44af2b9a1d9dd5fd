import { setImmediate } from "node:timers";
import { setImmediate as nextTurn } from "node:timers/promises";
import { MemoryLevel } from "memory-level";
import { expect, test } from "vitest";
import { type Arrived, LevelQueue } from "../../../src/jobs/writes/level-queue.js";
import { JobValues } from "../../../src/jobs/level/values.js";
import { numbered, value } from "../kit.js";

async function openValues(): Promise<JobValues> {
  const database = new MemoryLevel<Uint8Array, Uint8Array>({
    keyEncoding: "view",
    valueEncoding: "view",
    storeEncoding: "view",
  });
  await database.open();
  return new JobValues("job", database);
}

/** The end of all that was begun: a database in memory waits for nothing but its turn. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) await nextTurn();
}

function write(at: number, bytes = 10): Arrived {
  return {
    operations: [{ kind: "put", category: "c", key: numbered(at).bytes, value: value(at) }],
    bytes,
    held: { lsn: BigInt(at), bytes },
    seen: undefined,
  };
}

/** A queue whose time is over when the test says so, and the batches that its values were given. */
interface Watched {
  readonly queue: LevelQueue;
  readonly values: JobValues;
  /** Writes in each batch. */
  readonly batches: number[];
  /** Tasks whose time is not over. */
  readonly later: (() => void)[];
  /** A writer waits for room. */
  isAwaited: boolean;
  readonly arrive: (...writes: readonly Arrived[]) => void;
}

async function watched(): Promise<Watched> {
  const values = await openValues();
  const [batches, later]: [number[], (() => void)[]] = [[], []];
  const apply = values.apply.bind(values);
  values.apply = async (operations) => {
    batches.push(operations.length);
    await apply(operations);
  };
  const queue = new LevelQueue({
    id: "job",
    values,
    later: (task) => later.push(task),
    isAwaited: () => made.isAwaited,
    onLeft: () => {},
    onFailed: () => {},
  });
  const arrive = (...writes: readonly Arrived[]): void => {
    for (const each of writes) {
      queue.expect();
      queue.arrive(each);
    }
  };
  const made = { queue, values, batches, later, isAwaited: false, arrive };
  return made;
}

test("writes that nobody waits for go together when their time is over", async () => {
  const { queue, values, batches, later, arrive } = await watched();
  arrive(write(1), write(2), write(3));
  expect([batches, later.length]).toEqual([[], 1]);
  later[0]?.();
  expect(batches).toEqual([3]);
  arrive(write(4));
  expect(later).toHaveLength(1);
  await turns();
  expect(later).toHaveLength(2);
  expect(batches).toEqual([3]);
  later[1]?.();
  await queue.applied();
  expect(batches).toEqual([3, 1]);
  for (const at of [1, 2, 3, 4]) {
    expect(await values.get("c", numbered(at).bytes)).toEqual(value(at));
  }
});

test("a read has what was gathered go, and what arrives while it waits", async () => {
  const { queue, batches, later, arrive } = await watched();
  arrive(write(1), write(2));
  queue.expect();
  const read = queue.applied();
  expect(batches).toEqual([2]);
  queue.arrive(write(3));
  await read;
  expect([batches, later.length]).toEqual([[2, 1], 1]);
});

test("a writer that waits for room has writes go as they arrive", async () => {
  const made = await watched();
  made.arrive(write(1));
  made.queue.hurry();
  expect(made.batches).toEqual([1]);
  made.isAwaited = true;
  made.arrive(write(2));
  await turns();
  expect(made.batches).toEqual([1, 1]);
});

test("many bytes go without a wait", async () => {
  const { queue, batches, arrive } = await watched();
  arrive(write(1), write(2, 60 * 1024));
  expect(batches).toEqual([]);
  arrive(write(3, 8 * 1024));
  expect(batches).toEqual([3]);
  await queue.applied();
});

test("a task between two batches does not wait for those that are gathered", async () => {
  const { queue, batches, arrive } = await watched();
  arrive(write(1));
  expect(await queue.between(() => Promise.resolve("done"))).toBe("done");
  await queue.applied();
  expect(batches).toEqual([1]);
});

const STEPS = [...Array.from({ length: 12 }).keys()];
const CASES = STEPS.flatMap((steps) => [
  { steps, isAwaited: true },
  { steps, isAwaited: false },
]);

test.each(CASES)(
  "a write that arrives $steps steps behind the end of a batch is applied, awaited: $isAwaited",
  async ({ steps, isAwaited }) => {
    const values = await openValues();
    let left = 0;
    const queue = new LevelQueue({
      id: "job",
      values,
      later: (task) => void setImmediate(task),
      isAwaited: () => isAwaited,
      onFailed: () => {},
      onLeft: () => {
        left += 1;
        if (left > 1) return;
        queue.expect();
        const arriveIn = (more: number): void => {
          if (more === 0) queue.arrive(write(2));
          else queueMicrotask(() => arriveIn(more - 1));
        };
        arriveIn(steps);
      },
    });
    queue.expect();
    queue.arrive(write(1));
    await queue.applied();
    await expect.poll(() => left).toBe(2);
    expect(await values.get("c", numbered(2).bytes)).toEqual(value(2));
  },
);
