/**
 * A node that is killed: waits for a word, opens its jobs, and writes numbers that rise, over and over,
 * until it is ended. Says on standard output which number was acknowledged, the moment that it was.
 */
import { writeSync } from "node:fs";
import {
  decodeParts,
  int,
  type Job,
  JobStore,
  key,
  payload,
  uint64,
} from "../../../src/jobs/index.js";
import type { KeyChoices } from "../../../src/keys/source.js";

const STDOUT = 1;
const KEYS = 50n;
/** Writes between two closes of a job. */
const WRITES = 400n;

function say(words: string): void {
  writeSync(STDOUT, `${words}\n`);
}

/** The number behind the last one that a job holds. */
async function nextOf(job: Job): Promise<bigint> {
  let next = 0n;
  for await (const { value } of job.scan("numbers")) {
    const [number] = decodeParts(value, ["uint64"]);
    if (number >= next) next = number + 1n;
  }
  return next;
}

async function live(root: string, keys: KeyChoices | undefined): Promise<never> {
  const store = await JobStore.open(root, { checkpointBytes: 20_000, keys });
  for (;;) {
    const job = await store.openJob("job");
    const first = await nextOf(job);
    say(`open ${first}`);
    for (let number = first; number < first + WRITES; number += 4n) {
      const puts = [0n, 1n, 2n, 3n].map(async (more) => {
        const each = number + more;
        await job.put("numbers", key(int(each % KEYS)), payload(uint64(each)), { durable: true });
        say(`put ${each}`);
      });
      await Promise.all(puts);
    }
    await store.closeJob("job");
    say("closed");
  }
}

/** The key that writes, then one that reads, in hex. */
const [root = "", ...hex] = process.argv.slice(2);
const [write, ...read] = hex.map((each) => Buffer.from(each, "hex"));
say("ready");
process.stdin.once("data", () => {
  live(root, write && { write, read }).catch((cause: unknown) => {
    say(`refused ${String(cause)}`);
    process.exit(1);
  });
});
