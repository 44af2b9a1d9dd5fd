/** LevelDB's folder of a job, on a real disk whose calls are watched. */
import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Disk } from "../../../src/disk/disk.js";
import { realSurroundings } from "../../../src/disk/surroundings.js";
import { FolderHomes } from "../../../src/jobs/level/home.js";
import { folder } from "../kit.js";

const listed = (path: string): string => readdirSync(path).sort().join();

/** Homes on a disk, and the names that each folder had when it was flushed last. */
function watchedHomes(root: string) {
  const { disk } = realSurroundings();
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
  return { homes: new FolderHomes(watched, root), flushed };
}

test("a manifest is told of when its name is durable, and files when those that went cannot come back", async () => {
  const root = folder();
  const { homes, flushed } = watchedHomes(root);
  const home = homes.of("job", 1n);
  const life = join(root, "job", "1");
  const database = await home.make();
  const old = join(life, "000099.ldb");
  writeFileSync(old, "a table that LevelDB has no use for any more");
  await home.manifest();
  expect(flushed.get(life)).toBe(listed(life));
  expect(flushed.get(life)).toContain("CURRENT");
  await database.close();
  rmSync(old);
  await home.files();
  expect(flushed.get(life)).toBe(listed(life));
});
