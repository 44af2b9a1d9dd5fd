/**
 * The promises of every disk, run over each implementation. `make` gives a disk and the path of an
 * empty directory on it.
 */
import { describe, expect, test } from "vitest";
import type { Disk, DiskFile, WriteWay } from "../../src/disk/disk.js";

export interface DiskUnderTest {
  readonly disk: Disk;
  readonly directory: string;
}

const WAYS: readonly WriteWay[] = ["pool", "blocking"];

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const read = async (file: DiskFile, position = 0, length = 1000): Promise<string> => {
  return new TextDecoder().decode(await file.read(position, length));
};
const refusal = (code: string) => expect.objectContaining({ name: "PersisterError", code });

export function diskContract(name: string, make: () => Promise<DiskUnderTest>): void {
  const withFile = async () => {
    const { disk, directory } = await make();
    const path = `${directory}/one`;
    return { disk, directory, path, file: await disk.create(path) };
  };

  describe(`${name}: files`, () => {
    test("a new file is empty, and reads nothing", async () => {
      const { file } = await withFile();
      expect(await file.size()).toBe(0);
      expect(await file.read(0, 10)).toHaveLength(0);
      await file.close();
    });

    test("what was written is read back, in whole and in part", async () => {
      const { file } = await withFile();
      await file.writeDurable(0, [text("abc"), new Uint8Array(0), text("defg")]);
      expect(await read(file)).toBe("abcdefg");
      expect(await read(file, 2, 3)).toBe("cde");
      expect(await file.size()).toBe(7);
      await file.close();
    });

    test("a write in the middle changes its range alone", async () => {
      const { file } = await withFile();
      await file.writeDurable(0, [text("aaaaaa")]);
      await file.writeDurable(2, [text("bb")]);
      expect(await read(file)).toBe("aabbaa");
      await file.close();
    });

    test("a write past the end leaves zeros between", async () => {
      const { file } = await withFile();
      await file.writeDurable(4, [text("x")]);
      expect(await read(file)).toBe("\0\0\0\0x");
      await file.close();
    });

    test("a read is short at the end of the file only", async () => {
      const { file } = await withFile();
      await file.writeDurable(0, [new Uint8Array(100_000).fill(7)]);
      expect(await file.read(99_990, 100)).toHaveLength(10);
      expect(await file.read(0, 100_000)).toHaveLength(100_000);
      expect(await file.read(100_000, 1)).toHaveLength(0);
      await file.close();
    });

    test("5000 buffers in one call are all written, in order", async () => {
      const { file } = await withFile();
      const buffers = Array.from({ length: 5000 }, (_, index) => text(`${index},`));
      await file.writeDurable(0, buffers);
      const all = await read(file, 0, 100_000);
      expect(all).toBe(Array.from({ length: 5000 }, (_, index) => `${index},`).join(""));
      await file.close();
    });

    test("a blocking read gives what any other gives, and is short only at the end", async () => {
      const { file } = await withFile();
      await file.writeDurable(0, [text("abcdef")]);
      for (const [position, length] of [
        [0, 6],
        [2, 3],
        [4, 9],
        [9, 2],
      ] as const) {
        const other = await file.read(position, length);
        const bytes = await file.read(position, length, undefined, "blocking");
        expect(new TextDecoder().decode(bytes)).toBe(new TextDecoder().decode(other));
      }
      await file.close();
    });

    test("a blocking write is read back like any other", async () => {
      const { disk, path, file } = await withFile();
      await file.writeDurable(2, [text("ab"), text("c")], "blocking");
      const other = await disk.openToRead(path);
      expect(other && (await read(other))).toBe("\0\0abc");
      await file.close();
      await other?.close();
    });

    test("a write of nothing changes nothing", async () => {
      const { file } = await withFile();
      await file.writeDurable(100, []);
      await file.writeDurable(100, [new Uint8Array(0)]);
      expect(await file.size()).toBe(0);
      await file.close();
    });

    test("writes in parallel to several ranges all arrive", async () => {
      const { file } = await withFile();
      const parts = Array.from({ length: 20 }, (_, index) => index);
      await Promise.all(
        parts.map((index) => file.writeDurable(index * 4, [text(String(index).padEnd(4))])),
      );
      expect(await read(file)).toBe(parts.map((index) => String(index).padEnd(4)).join(""));
      await file.close();
    });

    test("two handles of one file see each other's writes", async () => {
      const { disk, path, file } = await withFile();
      const other = await disk.openToRead(path);
      await file.writeDurable(0, [text("seen")]);
      expect(other && (await read(other))).toBe("seen");
      await file.close();
      await other?.close();
    });

    test("a handle opened to read refuses to write", async () => {
      const { disk, path, file } = await withFile();
      await file.close();
      const reader = await disk.openToRead(path);
      for (const way of WAYS) {
        await expect(reader?.writeDurable(0, [text("x")], way)).rejects.toEqual(refusal("IO"));
      }
      await reader?.close();
    });

    test("a closed handle refuses everything, and closes again", async () => {
      const { file } = await withFile();
      await file.close();
      await file.close();
      const closed = refusal("CLOSED");
      await expect(file.read(0, 1)).rejects.toEqual(closed);
      for (const way of WAYS) {
        await expect(file.writeDurable(0, [text("x")], way)).rejects.toEqual(closed);
      }
      await expect(file.size()).rejects.toEqual(closed);
      await expect(file.identity()).rejects.toEqual(closed);
      await expect(file.lock()).rejects.toEqual(closed);
    });

    test("close waits for a write in flight", async () => {
      const { disk, path, file } = await withFile();
      const write = file.writeDurable(0, [text("late")]);
      await file.close();
      await write;
      const again = await disk.openToRead(path);
      expect(again && (await read(again))).toBe("late");
      await again?.close();
    });
  });

  describe(`${name}: names`, () => {
    test("a missing file is an answer, not an error", async () => {
      const { disk, directory } = await make();
      const path = `${directory}/none`;
      expect(await disk.openToRead(path)).toBeUndefined();
      expect(await disk.openToWrite(path)).toBeUndefined();
      expect(await disk.kind(path)).toBeUndefined();
      expect(await disk.identity(path)).toBeUndefined();
      expect(await disk.list(path)).toBeUndefined();
    });

    test("create and makeDirectory refuse a name that is taken", async () => {
      const { disk, directory, path, file } = await withFile();
      await file.close();
      await expect(disk.create(path)).rejects.toEqual(refusal("IO"));
      await expect(disk.makeDirectory(path)).rejects.toEqual(refusal("IO"));
      await disk.makeDirectory(`${directory}/sub`);
      await expect(disk.makeDirectory(`${directory}/sub`)).rejects.toEqual(refusal("IO"));
    });

    test("create and makeDirectory refuse a missing parent", async () => {
      const { disk, directory } = await make();
      await expect(disk.create(`${directory}/no/file`)).rejects.toEqual(refusal("IO"));
      await expect(disk.makeDirectory(`${directory}/no/sub`)).rejects.toEqual(refusal("IO"));
    });

    test("a directory is listed by name, with kinds", async () => {
      const { disk, directory } = await make();
      await disk.makeDirectory(`${directory}/b`);
      for (const name of ["c", "a"]) await (await disk.create(`${directory}/${name}`)).close();
      expect(await disk.list(directory)).toEqual([
        { name: "a", kind: "file" },
        { name: "b", kind: "directory" },
        { name: "c", kind: "file" },
      ]);
      expect(await disk.kind(`${directory}/b`)).toBe("directory");
      expect(await disk.kind(`${directory}/a`)).toBe("file");
    });

    test("a file cannot be listed, and a directory cannot be opened or removed as a file", async () => {
      const { disk, directory, path, file } = await withFile();
      await file.close();
      await expect(disk.list(path)).rejects.toEqual(refusal("IO"));
      await disk.makeDirectory(`${directory}/sub`);
      await expect(disk.openToRead(`${directory}/sub`)).rejects.toEqual(refusal("IO"));
      await expect(disk.openToWrite(`${directory}/sub`)).rejects.toEqual(refusal("IO"));
      await expect(disk.remove(`${directory}/sub`)).rejects.toThrow();
    });

    test("a removed file is gone by name, and lives on in its handle", async () => {
      const { disk, path, file } = await withFile();
      await file.writeDurable(0, [text("still")]);
      await disk.remove(path);
      expect(await disk.kind(path)).toBeUndefined();
      expect(await read(file)).toBe("still");
      await expect(disk.remove(path)).rejects.toEqual(refusal("IO"));
      await file.close();
    });

    test.each(WAYS)("identity tells a replaced file from the open one: %s", async (way) => {
      const { disk, path, file } = await withFile();
      expect(await disk.identity(path, way)).toBe(await file.identity());
      await disk.remove(path);
      expect(await disk.identity(path, way)).toBeUndefined();
      const other = await disk.create(path);
      expect(await disk.identity(path, way)).not.toBe(await file.identity());
      await file.close();
      await other.close();
    });

    test("a directory is flushed; a missing one and a file are refused", async () => {
      const { disk, directory, path, file } = await withFile();
      await disk.syncDirectory(directory);
      await expect(disk.syncDirectory(`${directory}/none`)).rejects.toEqual(refusal("IO"));
      await expect(disk.syncDirectory(path)).rejects.toEqual(refusal("IO"));
      await file.close();
    });

    test("errors name the file and keep their cause", async () => {
      const { disk, directory } = await make();
      const path = `${directory}/none`;
      await expect(disk.remove(path)).rejects.toMatchObject({
        file: path,
        message: expect.stringContaining(path),
        cause: expect.objectContaining({ code: "ENOENT" }),
      });
    });
  });

  describe(`${name}: the lock`, () => {
    test("a second lock of one file is refused, until the first handle is closed", async () => {
      const { disk, path, file } = await withFile();
      const second = await disk.openToWrite(path);
      await file.lock();
      await expect(second?.lock()).rejects.toMatchObject({
        code: "STORE_LOCKED",
        message: expect.stringContaining("data directory in use by another process"),
      });
      await file.close();
      await second?.lock();
      await second?.close();
    });

    test("closing another handle of the file does not drop the lock", async () => {
      const { disk, path, file } = await withFile();
      await file.lock();
      await (await disk.openToRead(path))?.close();
      const second = await disk.openToWrite(path);
      await expect(second?.lock()).rejects.toEqual(refusal("STORE_LOCKED"));
      await second?.close();
      await file.close();
    });
  });
}
