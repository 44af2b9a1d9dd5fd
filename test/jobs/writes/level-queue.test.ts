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

function write(at: number): Arrived {
  return {
    operations: [{ kind: "put", category: "c", key: numbered(at).bytes, value: value(at) }],
    bytes: 10,
    held: { lsn: BigInt(at), bytes: 10 },
    seen: undefined,
  };
}

const STEPS = [...Array.from({ length: 12 }).keys()];

test.each(STEPS)(
  "a write that arrives %i steps behind the end of a batch is applied",
  async (steps) => {
    const values = await openValues();
    let left = 0;
    const queue = new LevelQueue({
      id: "job",
      values,
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
