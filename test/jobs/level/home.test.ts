/** LevelDB's folder of a job, on a real disk whose calls are watched. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Disk } from "../../../src/disk/disk.js";
import { realSurroundings } from "../../../src/disk/surroundings.js";
import { JobStore } from "../../../src/jobs/index.js";
import { FolderHomes } from "../../../src/jobs/level/home.js";
import { folder, numbered, value } from "../kit.js";

const listed = (path: string): string => readdirSync(path).sort().join();

/** A store, and the names that each folder had when it was flushed last. */
async function watchedStore(root: string) {
  const surroundings = realSurroundings();
  const { disk } = surroundings;
  const flushed = new Map<string, string>();
  const watched = new Proxy(disk, {
    get(target, name: keyof Disk) {
      if (name === "syncDirectory") {
        return async (path: string) => {
          const names = listed(path);
          await target.syncDirectory(path);
          flushed.set(path, names);
        };
      }
      const member: unknown = target[name];
      return typeof member === "function" ? (member.bind(target) as unknown) : member;
    },
  });
  const homes = new FolderHomes(watched, root);
  const store = await JobStore.openOn(surroundings, root, homes, { checkpointBytes: 20_000 });
  return { store, flushed };
}

function lifeIn(root: string): string {
  const [life = ""] = readdirSync(join(root, "job"));
  return join(root, "job", life);
}

test("the names in a job's folder are durable before its files go on record", async () => {
  const root = folder();
  const { store, flushed } = await watchedStore(root);
  const job = await store.openJob("job");
  for (let at = 0; at < 1000; at++) await job.put("c", numbered(at), value(at), { durable: true });
  const life = lifeIn(root);
  expect(flushed.get(life)).toContain("CURRENT");
  await store.closeJob("job");
  // A file that was removed may not come back behind a power cut: it would be one too many.
  expect(flushed.get(life)).toBe(listed(life));
  await store.close();
});
