/** A journal whose payloads are sealed: what is on disk, what opens it, and what is told of the rest. */
import { expect, describe, test } from "vitest";
import { decodeHead } from "../../../src/journal/form/head.js";
import type { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import { PersisterError } from "../../../src/types/errors.js";
import {
  all,
  bornJournal,
  forgeHead,
  type JournalChoices,
  newestSegment,
  openJournal,
  type OpenJournal,
  retainedPaths,
  text,
} from "../kit.js";
import { filesWith, key, ring } from "./kit.js";

/** No secret stands in a file by chance. */
function secret(number: bigint): string {
  return `the secret payload ${number}`;
}

/** Time stands still: nothing is moved to another key meanwhile. */
async function opened(disk: SimulatedDisk, letters: string, more: JournalChoices = {}) {
  const choices = { pace: () => undefined, ...more };
  return await openJournal(disk, letters === "" ? choices : { ...choices, ring: ring(letters) });
}

async function append({ log }: OpenJournal, from: bigint, to: bigint, name = "log"): Promise<void> {
  for (let number = from; number < to; number++) {
    await log(name).append({ number, payload: text(secret(number)) });
  }
}

async function refusal(disk: SimulatedDisk, letters: string): Promise<PersisterError> {
  const before = disk.files().map(({ path }) => Buffer.from(disk.readNow(path)).toString("hex"));
  const cause: unknown = await opened(disk, letters).then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(cause instanceof PersisterError)) throw new Error("it opened", { cause });
  const after = disk.files().map(({ path }) => Buffer.from(disk.readNow(path)).toString("hex"));
  expect(after).toEqual(before);
  return cause;
}

const secrets = (count: number): string[] =>
  Array.from({ length: count }, (_, number) => secret(BigInt(number)));

/** A closed journal with records 0 to 3, the first two with key `a`, the others with `b`. */
async function ofTwoKeys(): Promise<SimulatedDisk> {
  const disk = await bornJournal();
  const first = await opened(disk, "a");
  await append(first, 0n, 2n);
  await first.journal.close();
  const second = await opened(disk, "ba");
  await append(second, 2n, 4n);
  await second.journal.close();
  return disk;
}

describe("with a key", () => {
  test("no payload is on disk in plain form; the next open reads all", async () => {
    const disk = await bornJournal();
    const first = await opened(disk, "a");
    await append(first, 0n, 5n);
    expect(await all(first.log())).toEqual(secrets(5));
    await first.journal.close();
    expect(filesWith(disk, "secret")).toEqual([]);
    const again = await opened(disk, "a");
    expect(await all(again.log())).toEqual(secrets(5));
    await again.journal.close();
  });

  test("recovery hands out plain payloads, each once", async () => {
    const disk = await ofTwoKeys();
    const seen: string[] = [];
    const again = await opened(disk, "ba", {
      visit: ({ payload }) => {
        seen.push(Buffer.from(payload).toString("latin1"));
        return undefined;
      },
    });
    expect(seen.sort()).toEqual(secrets(4));
    await again.journal.close();
  });

  test("the beginning of a large record is handed out only with all of it proven", async () => {
    const disk = await bornJournal();
    const large = Buffer.alloc(9000, "large");
    const { journal, log } = await opened(disk, "a");
    await log().append({ number: 0n, payload: large });
    expect(await journal.readBeginning("log", 0n)).toEqual(large);
    const pointer = journal.find("log", 0n);
    if (!pointer) throw new Error("it is live");
    // Far behind the first block, and the checksum of the record is of no help to a reader of its beginning.
    const { path } = newestSegment(disk);
    disk.damage(path, pointer.offset + 8000, Buffer.from([1, 2, 3]));
    await expect(journal.readBeginning("log", 0n)).rejects.toMatchObject({
      code: "JOURNAL_CORRUPT",
    });
    await journal.close();
  });

  test("the largest payload is as large as without, and one byte more is refused", async () => {
    const plain = await opened(await bornJournal(), "");
    const sealed = await opened(await bornJournal(), "a");
    const most = sealed.journal.payloadBytesMax;
    expect(most).toBe(plain.journal.payloadBytesMax);
    await sealed.log().append({ number: 0n, payload: Buffer.alloc(most, 1) });
    expect((await sealed.log().readBytes(0n)).length).toBe(most);
    const larger = sealed.log().append({ number: 1n, payload: Buffer.alloc(most + 1) });
    await expect(larger).rejects.toMatchObject({ code: "INVALID" });
    await plain.journal.close();
    await sealed.journal.close();
  });

  test("E5 each head names the key, and has a salt and a check of its own", async () => {
    const disk = await bornJournal();
    const checks = new Set<string>();
    for (let round = 0; round < 3; round++) {
      const { journal } = await opened(disk, "a");
      await journal.close();
      const { head } = newestSegment(disk);
      expect(Buffer.from(head.seal?.keyId ?? []).toString("hex")).toBe(key("a").id);
      checks.add(Buffer.from(head.seal?.check ?? []).toString("hex"));
    }
    expect(checks.size).toBe(3);
  });
});

describe("other keys", () => {
  test("E2 without any key open is refused, and names the key, the segment and its file", async () => {
    const disk = await ofTwoKeys();
    const { path: absolute, head } = newestSegment(disk);
    const path = absolute.slice(1);
    expect(await refusal(disk, "")).toMatchObject({
      code: "KEY_MISSING",
      file: path,
      message: `${path}: segment ${head.sequence} is sealed with key ${key("b").id}, and no key was given; nothing is damaged`,
    });
  });

  test("with the key of the newest segment alone, the older key is missed by its id", async () => {
    const error = await refusal(await ofTwoKeys(), "b");
    expect(error.code).toBe("KEY_MISSING");
    expect(error.message).toContain(`key ${key("a").id}, and given are ${key("b").id}`);
  });

  test("keys that are not needed do no harm", async () => {
    const { journal, log } = await opened(await ofTwoKeys(), "cdab");
    expect(await all(log())).toEqual(secrets(4));
    await journal.close();
  });

  test("E3 a key that bears the id and is not the one is KEY_WRONG, and no damage", async () => {
    const disk = await ofTwoKeys();
    forgeHead(disk, (head) => ({
      ...head,
      seal: head.seal && { ...head.seal, check: Buffer.alloc(16, 7) },
    }));
    expect(await refusal(disk, "ba")).toMatchObject({
      code: "KEY_WRONG",
      message: expect.stringContaining("nothing is damaged") as string,
    });
  });

  test("a sealed journal without records does not become plain by itself", async () => {
    const disk = await bornJournal();
    const { journal } = await opened(disk, "a");
    await journal.close();
    expect((await refusal(disk, "")).code).toBe("KEY_MISSING");
    expect((await refusal(disk, "b")).code).toBe("KEY_MISSING");
  });
});

describe("from plain to sealed, and back", () => {
  test("E8 a plain journal seals from its next segment on", async () => {
    const disk = await bornJournal();
    const plain = await opened(disk, "");
    await append(plain, 0n, 2n);
    await plain.journal.close();
    expect(newestSegment(disk).head.seal).toBeUndefined();
    const sealed = await opened(disk, "a");
    await append(sealed, 2n, 4n);
    await sealed.journal.close();
    expect(filesWith(disk, secret(0n))).toHaveLength(1);
    expect(filesWith(disk, secret(2n))).toEqual([]);
    const again = await opened(disk, "a");
    expect(await all(again.log())).toEqual(secrets(4));
    await again.journal.close();
  });

  test("E8 a sealed journal goes back to plain only where that is asked for, with the keys to read", async () => {
    const disk = await bornJournal();
    const sealed = await opened(disk, "a");
    await append(sealed, 0n, 2n);
    await sealed.journal.close();
    const plain = await opened(disk, "-a");
    await append(plain, 2n, 4n);
    expect(await all(plain.log())).toEqual(secrets(4));
    await plain.journal.close();
    expect(filesWith(disk, secret(2n))).toHaveLength(1);
    expect((await refusal(disk, "")).code).toBe("KEY_MISSING");
  });

  test("a plain store is written byte for byte as before", async () => {
    const disk = await bornJournal();
    const { journal } = await opened(disk, "");
    await journal.close();
    const { path } = newestSegment(disk);
    const bytes = Buffer.from(disk.readNow(path));
    expect(bytes.readUInt32LE(8)).toBe(2);
    expect(bytes.readUInt32LE(104)).toBe(0);
    expect(decodeHead(bytes.subarray(0, bytes.readUInt32LE(12))).status).toBe("head");
  });
});

describe("damage", () => {
  test("a payload and its checksums that were both made anew do not open", async () => {
    const disk = await bornJournal();
    const first = await opened(disk, "a");
    await append(first, 0n, 1n);
    await first.journal.close();
    const { forge } = await import("../kit.js");
    const again = await opened(disk, "a");
    await again.journal.close();
    forge(disk, [{ name: "log", number: 1n, payload: text("forged, and longer than a tag") }]);
    const error = await refusal(disk, "a");
    expect(error).toMatchObject({ code: "JOURNAL_CORRUPT", lane: "log", blockNumber: 1n });
    expect(error.message).toContain("tag does not verify");
  });
});

describe("retained records", () => {
  test("are sealed and read; without their key open goes on and says so", async () => {
    const disk = await bornJournal();
    const choices = { retainBytes: 400_000 };
    const first = await opened(disk, "a", choices);
    await append(first, 0n, 4n);
    await first.log().truncateBefore(4n);
    await first.journal.close();
    const second = await opened(disk, "ba", choices);
    second.log();
    expect(await second.logs.readRetained("log", 2n)).toEqual(Buffer.from(secret(2n)));
    await second.journal.close();
    const third = await opened(disk, "cba", choices);
    await third.journal.close();
    expect(retainedPaths(disk).length).toBeGreaterThan(0);
    const last = await opened(disk, "c", choices);
    last.log();
    expect(last.recovered.warnings.join()).toContain(key("a").id);
    await expect(last.logs.readRetained("log", 2n)).rejects.toMatchObject({ code: "KEY_MISSING" });
    await last.journal.close();
  });
});
