/** Stores of jobs with keys: what lies on disk, who can read it, and what is refused. */
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { JobStore } from "../../../src/jobs/index.js";
import { codeOf, folder, memoryStore, openStore } from "../kit.js";
import { contents, filesWith, hidden, hide, keyBytes, keyId, keysOf, upTo } from "./kit.js";

describe("a store of jobs with a key", () => {
  test("has no value on disk in plain form, and keys of rows stay readable", async () => {
    const root = folder();
    const store = await openStore(root, { keys: keysOf("a") });
    const job = await store.openJob("job");
    await hide(job, 0, 40);
    await job.put("names", Buffer.from("a readable key"), Buffer.from("another secret"));
    expect(filesWith(root, "secret value")).toEqual([]);
    await store.close();
    expect(filesWith(root, "secret value")).toEqual([]);
    expect(filesWith(root, "a readable key")).not.toEqual([]);
    const again = await openStore(root, { keys: keysOf("a") });
    expect(await hidden(await again.openJob("job"))).toEqual(upTo(40));
    expect(contents(again)).toEqual([keyId("a")]);
  });

  test("tells per key where its bytes may lie", async () => {
    const store = await openStore(folder(), { keys: keysOf("a") });
    await store.openJob("one");
    await store.openJob("two");
    await store.waitForRotation();
    const { jobs, keys } = await store.status();
    expect(jobs.map((job) => job.keys)).toEqual([[keyId("a")], [keyId("a")]]);
    expect(keys).toMatchObject([{ content: keyId("a"), jobs: ["one", "two"] }]);
    expect(keys[0]?.segments).toBeGreaterThan(0);
  });

  test("does in memory what it does on disk", async () => {
    const store = await memoryStore({ keys: keysOf("a") });
    const job = await store.openJob("job");
    await hide(job, 0, 5);
    await store.rotateKey(keyBytes("b"));
    await hide(job, 5, 7);
    await store.waitForRotation();
    expect(contents(store)).toEqual([keyId("b")]);
    expect(await hidden(job)).toEqual(upTo(7));
  });

  test("a key that cannot be used is refused before there is a job", async () => {
    const root = join(folder(), "none");
    const keys = { write: { file: join(root, "no.key") } };
    expect(await codeOf(() => JobStore.open(root, { keys }))).toBe("KEY_REFUSED");
    expect(await codeOf(() => JobStore.open(root, { keys: { write: 7 as never } }))).toBe("USAGE");
  });
});

describe("without the right key", () => {
  async function sealed(): Promise<string> {
    const root = folder();
    const store = await openStore(root, { keys: keysOf("a") });
    await hide(await store.openJob("job"), 0, 5);
    await store.close();
    return root;
  }

  test("a store is refused, by the id of the key that is missing", async () => {
    const root = await sealed();
    for (const keys of [undefined, keysOf("b"), keysOf("-b")]) {
      const opened = JobStore.open(root, { keys });
      await expect(opened).rejects.toMatchObject({ code: "KEY_MISSING" });
      await expect(opened).rejects.toThrow(keyId("a"));
    }
    const store = await openStore(root, { keys: keysOf("a") });
    expect(await hidden(await store.openJob("job"))).toEqual(upTo(5));
  });
});

describe("a plain store that is opened with a key", () => {
  test("is sealed as a whole, jobs that nobody opens included", async () => {
    const root = folder();
    const plain = await openStore(root);
    await hide(await plain.openJob("open"), 0, 20);
    await hide(await plain.openJob("closed"), 0, 20);
    await plain.close();
    expect(filesWith(root, "secret value")).not.toEqual([]);
    const store = await openStore(root, { keys: keysOf("a") });
    const job = await store.openJob("open");
    expect(await hidden(job)).toEqual(upTo(20));
    await hide(job, 20, 22);
    await store.waitForRotation();
    expect(contents(store)).toEqual([keyId("a")]);
    expect(filesWith(root, "secret value")).toEqual([]);
    expect(await hidden(job)).toEqual(upTo(22));
    expect(await hidden(await store.openJob("closed"))).toEqual(upTo(20));
  });

  test("stays plain without one, and takes no key to rotate to", async () => {
    const root = folder();
    const store = await openStore(root);
    await hide(await store.openJob("job"), 0, 3);
    expect(contents(store)).toEqual(["plain"]);
    expect(await codeOf(() => store.rotateKey(keyBytes("a")))).toBe("USAGE");
    await store.waitForRotation();
    expect(filesWith(root, "secret value")).not.toEqual([]);
  });

  test("goes back where the user says so, and needs the key for what it had sealed", async () => {
    const root = folder();
    const store = await openStore(root, { keys: keysOf("a") });
    await hide(await store.openJob("job"), 0, 3);
    await store.close();
    const back = await openStore(root, { keys: keysOf("-a") });
    const job = await back.openJob("job");
    await hide(job, 3, 5);
    expect(await hidden(job)).toEqual(upTo(5));
    expect(contents(back)).toEqual([keyId("a"), "plain"].sort());
    await back.close();
    expect(filesWith(root, "the secret value 4")).not.toEqual([]);
    expect(filesWith(root, "the secret value 2")).toEqual([]);
  });
});
