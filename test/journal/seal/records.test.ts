/** A journal of records with keys: every call gives what it gives without them. */
import { expect, test } from "vitest";
import { filesWith, keyBytes } from "./kit.js";
import { fresh, opened, put, textOf } from "../../records/kit.js";

const keys = { write: keyBytes("a") };

test("E1 records are sealed on disk; reading, replay, checkpoints and forgetting are as without keys", async () => {
  const { disk, journal } = await fresh({ keys });
  for (let count = 0; count < 20; count++) await journal.append(put(`the secret ${count}`));
  await journal.appendBatch([put("the secret 20"), put("the secret 21")]);
  expect(textOf(await journal.read(3n))).toBe("the secret 2");
  await journal.checkpoint(5n);
  await journal.truncateBefore(5n);
  await journal.forgetBefore(7n);
  await journal.close();
  expect(filesWith(disk, "secret")).toEqual([]);
  const again = await opened(disk, { keys });
  expect(again.firstLsn).toBe(7n);
  const texts: string[] = [];
  for await (const record of again.replay()) texts.push(textOf(record));
  expect(texts).toEqual(Array.from({ length: 16 }, (_, index) => `the secret ${index + 6}`));
  await again.rotateKey(keyBytes("b"));
  await again.waitForRotation();
  expect(again.keys).toHaveLength(1);
  await again.close();
  const last = await opened(disk, { keys: { write: keyBytes("b") } });
  expect(textOf(await last.read(7n))).toBe("the secret 6");
  await last.close();
  await expect(opened(disk)).rejects.toMatchObject({ code: "KEY_MISSING" });
});

test("the largest payload and the largest batch fit, with keys and without", async () => {
  for (const choices of [{ keys }, {}]) {
    const { journal } = await fresh(choices);
    const most = journal.payloadBytesMax;
    const payload = new Uint8Array(most);
    const lsn = await journal.append({ ...put(""), payload });
    expect((await journal.read(lsn)).payload).toHaveLength(most);
    const part = new Uint8Array(Math.floor((most - 2 * 76) / 3));
    const batch = Array.from({ length: 3 }, () => ({ ...put(""), payload: part }));
    await journal.appendBatch(batch);
    await journal.close();
  }
});
