/**
 * A promise that is begun ahead of its turn may be rejected before anybody waits for it. Node ends the
 * process then, and the harness fails the test. The caller is told instead.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { importWalManager } from "../../src/records/import.js";
import type { WalRecord } from "../../src/walmanager/wal-log.js";
import { fresh, NOTE, PUT, put, refusal } from "./kit.js";

test("a reader that is slower than a truncation is told where it stands, and the process lives", async () => {
  const { journal } = await fresh();
  for (let batch = 0; batch < 9; batch++) {
    await journal.appendBatch(Array.from({ length: 100 }, () => put("x")));
  }
  let read = 0n;
  const reader = async (): Promise<void> => {
    for await (const { lsn } of journal.replay()) {
      read = lsn;
      if (lsn === 10n) {
        await journal.checkpoint(800n);
        await journal.truncateBefore(800n);
      }
      // The next batch is read, and refused, while the reader is busy with the first record of this one.
      if (lsn % 256n === 1n) await sleep(5);
    }
  };
  await refusal(reader(), "OUT_OF_SEQUENCE");
  expect(read).toBeGreaterThan(256n);
});

test("an import whose source waits for its disk is told of a refused record, and the process lives", async () => {
  const { journal } = await fresh({ types: [PUT] });
  async function* source(): AsyncGenerator<WalRecord> {
    const rest = { tenantId: 0, vshard: 0, payload: Buffer.from("x") };
    yield { lsn: 1n, type: NOTE, ...rest };
    await sleep(5);
    yield { lsn: 2n, type: PUT, ...rest };
  }
  await refusal(importWalManager(source(), journal), "USAGE");
});
