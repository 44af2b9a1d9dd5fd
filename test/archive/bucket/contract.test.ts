import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Bucket } from "../../../src/archive/bucket/bucket.js";
import { probe } from "../../../src/archive/bucket/probe.js";
import { type BucketHome, homes } from "./homes.js";
import { endMoto, motoHomes } from "./moto.js";

const bytes = (text: string): Uint8Array => Buffer.from(text);

afterAll(endMoto);

describe.for([...homes, ...motoHomes])("a bucket in %s", ([, make]) => {
  let home: BucketHome;
  let bucket: Bucket;

  beforeEach(async () => {
    home = await make();
    bucket = home.bucket;
  });
  afterEach(() => home.end());

  test("an object that is not there is undefined", async () => {
    expect(await bucket.get("none/here")).toBeUndefined();
  });

  test("an object comes back byte for byte, also an empty one and one of 8 MiB", async () => {
    const large = Buffer.alloc(8 * 1024 * 1024, "lane");
    for (const [name, put] of [
      ["small", bytes("a block")],
      ["a/folder/empty", bytes("")],
      ["a/folder/large", large],
    ] as const) {
      expect(await bucket.putIfAbsent(name, put)).toMatchObject({ stored: true });
      const got = await bucket.get(name);
      expect(Buffer.compare(got?.bytes ?? bytes("?"), put), name).toBe(0);
    }
  });

  test("an object comes back in memory that the caller gives", async () => {
    const whole = Buffer.alloc(2 * 1024 * 1024 + 7, "lane");
    await bucket.putIfAbsent("x", whole);
    const given = Buffer.alloc(3 * 1024 * 1024, 1);
    const asked: number[] = [];
    const room = (length: number): Buffer => {
      asked.push(length);
      return given;
    };
    const held = await bucket.get("x", { room });
    expect(asked).toEqual([whole.length]);
    expect(held?.bytes.buffer).toBe(given.buffer);
    expect(whole.equals(held?.bytes ?? given)).toBe(true);
    expect(await bucket.get("nothing", { room })).toBeUndefined();
    expect(given[whole.length]).toBe(1);
  });

  test("an object is compared byte for byte, also an empty one and one of 8 MiB", async () => {
    const large = Buffer.alloc(8 * 1024 * 1024 - 5, "lane");
    for (const whole of [bytes("a block"), bytes(""), large]) {
      const name = `x${whole.length}`;
      expect(await bucket.compare(name, whole)).toBe("absent");
      await bucket.putIfAbsent(name, whole);
      expect(await bucket.compare(name, whole)).toBe("same");
      expect(await bucket.compare(name, Buffer.concat([whole, bytes("a")]))).toBe("other");
      if (whole.length === 0) continue;
      expect(await bucket.compare(name, whole.subarray(0, -1))).toBe("other");
      expect(await bucket.compare(name, whole.subarray(1))).toBe("other");
      for (const at of [0, whole.length >> 1, whole.length - 1]) {
        const harmed = Buffer.from(whole);
        harmed[at] = harmed.readUInt8(at) ^ 1;
        expect(await bucket.compare(name, harmed)).toBe("other");
      }
      // The bucket goes on behind a reply that was not read to its end.
      expect(await bucket.compare(name, whole)).toBe("same");
    }
  });

  test("a put never replaces: the object that is there comes back with the refusal", async () => {
    await bucket.putIfAbsent("x", bytes("first"));
    const second = await bucket.putIfAbsent("x", bytes("second"));
    expect(second).toMatchObject({ stored: false, held: { bytes: bytes("first") } });
    expect((await bucket.get("x"))?.bytes).toEqual(bytes("first"));
  });

  test("a put of the bytes that are held counts as stored, since its answer may have been lost", async () => {
    const first = await bucket.putIfAbsent("x", bytes("same"));
    expect(await bucket.putIfAbsent("x", bytes("same"))).toEqual(first);
  });

  test("of many creates at once one wins", async () => {
    const puts = Array.from({ length: 12 }, (_, at) => bucket.putIfAbsent("x", bytes(`${at}`)));
    const results = await Promise.all(puts);
    const won = results.flatMap(({ stored }, at) => (stored ? [at] : []));
    expect(won).toHaveLength(1);
    expect((await bucket.get("x"))?.bytes).toEqual(bytes(`${won[0]}`));
  });

  test("an object is replaced only while it is the one with the tag", async () => {
    const first = await bucket.putIfAbsent("x", bytes("1"));
    if (!first.stored) throw new Error("the first put wins");
    const second = await bucket.putIfMatch("x", bytes("2"), first.tag);
    expect(second).toMatchObject({ stored: true });
    expect(await bucket.putIfMatch("x", bytes("3"), first.tag)).toMatchObject({
      stored: false,
      held: { bytes: bytes("2"), tag: second.stored ? second.tag : "" },
    });
  });

  test("nothing is replaced where nothing is", async () => {
    expect(await bucket.putIfMatch("none", bytes("1"), '"a tag"')).toEqual({
      stored: false,
      held: undefined,
    });
    expect(await bucket.get("none")).toBeUndefined();
  });

  test("of many replacements of one tag one wins", async () => {
    const first = await bucket.putIfAbsent("x", bytes("first"));
    const tag = first.stored ? first.tag : "";
    const puts = Array.from({ length: 12 }, (_, at) => bucket.putIfMatch("x", bytes(`${at}`), tag));
    const won = (await Promise.all(puts)).filter(({ stored }) => stored);
    expect(won).toHaveLength(1);
  });

  test("a list is in the order of names, in pages, from behind a name on", async () => {
    const names = ["a-b/1", "a.b/1", "a/1", "a/2/1", "a/2/2", "a/3", "a0", "b/1"];
    for (const name of names.toReversed()) await bucket.putIfAbsent(name, bytes(name));
    const listed = async (...args: Parameters<Bucket["list"]>): Promise<readonly string[]> => {
      const found: string[] = [];
      for await (const { name, bytes: size } of bucket.list(...args)) {
        expect(size).toBe(name.length);
        found.push(name);
      }
      return found;
    };
    expect(await listed("")).toEqual(names);
    expect(await listed("a/")).toEqual(["a/1", "a/2/1", "a/2/2", "a/3"]);
    expect(await listed("a/2")).toEqual(["a/2/1", "a/2/2"]);
    expect(await listed("a/", { after: "a/2/1" })).toEqual(["a/2/2", "a/3"]);
    expect(await listed("c")).toEqual([]);
  });

  test("a name that is no bucket's is refused", async () => {
    for (const name of ["", "/a", "a/", "a//b", "../a", "a/.b", "A", "a b", "x".repeat(901)]) {
      await expect(bucket.get(name), name).rejects.toMatchObject({ code: "USAGE" });
      await expect(bucket.putIfAbsent(name, bytes(""))).rejects.toMatchObject({ code: "USAGE" });
    }
  });

  test("a signal ends a call", async () => {
    const options = { signal: AbortSignal.abort() };
    await expect(bucket.get("x", options)).rejects.toMatchObject({ code: "ABORTED" });
    await expect(bucket.compare("x", bytes("1"), options)).rejects.toMatchObject({
      code: "ABORTED",
    });
    const put = bucket.putIfAbsent("x", bytes("1"), options);
    await expect(put).rejects.toMatchObject({ code: "ABORTED" });
    expect(await bucket.get("x")).toBeUndefined();
  });

  test("the probe finds that conditions are kept", async () => {
    await probe(bucket, "create and replace");
    await probe(bucket, "create");
  });
});
