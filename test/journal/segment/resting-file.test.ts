/** A slot's file that was looked at and closed: it is opened once more at its first use, as the same file. */
import { describe, expect, test } from "vitest";
import type { Disk, DiskFile } from "../../../src/disk/disk.js";
import { MemoryDisk } from "../../../src/disk/memory.js";
import { RestingFile } from "../../../src/journal/segment/resting-file.js";
import { SimulatedDisk } from "../../../src/testing/simulated-disk.js";

const PATH = "slot";

/** A file that rests, and how many handles of it are open. */
async function resting() {
  const disk = new MemoryDisk();
  const made = await disk.create(PATH);
  await made.writeDurable(0, [Buffer.from("held")]);
  const identity = await made.identity();
  await made.close();
  const handles: DiskFile[] = [];
  const openToWrite: Disk["openToWrite"] = async (path) => {
    const file = await disk.openToWrite(path);
    if (file) handles.push(file);
    return file;
  };
  const counted: Disk = Object.assign(Object.create(disk), { openToWrite });
  return { disk, handles, file: new RestingFile(counted, PATH, identity), identity };
}

describe("a file that rests", () => {
  test("is opened at its first use, once for all who use it at the same time", async () => {
    const { file, handles, identity } = await resting();
    expect(await file.identity()).toBe(identity);
    expect(handles).toHaveLength(0);
    const [bytes, size] = await Promise.all([file.read(0, 4), file.size()]);
    await file.writeDurable(4, [Buffer.from(" on")]);
    expect([Buffer.from(bytes).toString(), size, await file.size()]).toEqual(["held", 4, 7]);
    expect(handles).toHaveLength(1);
    await file.close();
    await expect(handles[0]?.size()).rejects.toMatchObject({ code: "CLOSED" });
  });

  test("is closed without ever being opened, and used no more", async () => {
    const { file, handles } = await resting();
    await file.close();
    await expect(file.read(0, 4)).rejects.toMatchObject({ code: "CLOSED" });
    await expect(file.identity()).rejects.toMatchObject({ code: "CLOSED" });
    expect(handles).toHaveLength(0);
  });

  test("that was replaced takes no write and gives no byte, and no handle of it stays open", async () => {
    const { disk, file, handles, identity } = await resting();
    await disk.remove(PATH);
    const other = await disk.create(PATH);
    await expect(file.read(0, 4)).rejects.toMatchObject({ code: "STORE_STOLEN" });
    await expect(file.writeDurable(0, [Buffer.from("lost")])).rejects.toMatchObject({
      code: "STORE_STOLEN",
    });
    expect([await other.size(), await file.identity()]).toEqual([0, identity]);
    expect(handles).toHaveLength(2);
    for (const handle of handles)
      await expect(handle.size()).rejects.toMatchObject({ code: "CLOSED" });
  });

  test("that was removed is refused by name", async () => {
    const { disk, file } = await resting();
    await disk.remove(PATH);
    await expect(file.read(0, 4)).rejects.toThrow(/slot: the file was removed or renamed/);
  });

  test("keeps its identity in the look at its names when it was taken", async () => {
    const disk = new SimulatedDisk();
    const made = await disk.create(PATH);
    const file = new RestingFile(disk, PATH, await made.identity());
    await made.close();
    await disk.remove(PATH);
    await disk.create(PATH);
    expect(await file.identity()).not.toBe(await disk.identity(PATH));
  });
});
