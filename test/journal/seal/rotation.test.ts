/** Rotation of keys: what is moved, what is overwritten, and what a crash at any step leaves. */
import { expect, describe, test } from "vitest";
import type { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import {
  all,
  bornJournal,
  type JournalChoices,
  newestSegment,
  openJournal,
  type OpenJournal,
  text,
} from "../kit.js";
import { campaignSize, SCALE } from "../../scale.js";
import { filesWith, key, ring } from "./kit.js";

const secret = (number: bigint): string => `the secret payload ${number}`;
const secrets = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, index) => secret(BigInt(from + index)));

async function opened(disk: SimulatedDisk, letters: string, more: JournalChoices = {}) {
  return await openJournal(disk, letters === "" ? more : { ...more, ring: ring(letters) });
}

async function append({ log }: OpenJournal, from: bigint, to: bigint, name = "log"): Promise<void> {
  for (let number = from; number < to; number++) {
    await log(name).append({ number, payload: text(secret(number)) });
  }
}

/** Whether any file has bytes of an older kind: its key id stands in a head, or a secret in plain form. */
function contents({ journal }: OpenJournal): string[] {
  return journal.rekeyer.uses.map(({ content }) => content).sort();
}

/** Bytes of every slot, to look for blocks that were there before. */
function blocksOf(disk: SimulatedDisk): Set<string> {
  const blocks = new Set<string>();
  for (const { path } of disk.files()) {
    if (!path.endsWith(".seg")) continue;
    const bytes = Buffer.from(disk.readNow(path));
    for (let at = 0; at < bytes.length; at += 4096) {
      const block = bytes.subarray(at, at + 4096);
      if (block.some((byte) => byte !== 0)) blocks.add(block.toString("latin1"));
    }
  }
  return blocks;
}

describe("a rotation", () => {
  test("seals with the new key from the next segment on; that is durable when it resolves", async () => {
    const disk = await bornJournal();
    const journal = await opened(disk, "a");
    await append(journal, 0n, 3n);
    await journal.journal.rekeyer.rotate(key("b"));
    const left = disk.kill();
    expect(Buffer.from(newestSegment(left).head.seal?.keyId ?? []).toString("hex")).toBe(
      key("b").id,
    );
    await append(journal, 3n, 5n);
    expect(await all(journal.log())).toEqual(secrets(0, 5));
    await journal.journal.close();
  });

  test("E9 moves everything off the old key, overwrites its slots, and then needs it no more", async () => {
    const disk = await bornJournal();
    const first = await opened(disk, "a");
    await append(first, 0n, 3n);
    await append(first, 7n, 7n, "other");
    const before = blocksOf(disk);
    await first.journal.rekeyer.rotate(key("b"));
    await first.journal.rekeyer.finished();
    expect(contents(first)).toEqual([key("b").id]);
    const after = blocksOf(disk);
    expect([...before].filter((block) => after.has(block))).toEqual([]);
    expect(await all(first.log())).toEqual(secrets(0, 3));
    await first.journal.close();
    const again = await opened(disk, "b");
    expect(await all(again.log())).toEqual(secrets(0, 3));
    await again.journal.close();
  });

  test("a plain store is sealed as a whole once it has a key", async () => {
    const disk = await bornJournal();
    const plain = await opened(disk, "");
    await append(plain, 0n, 3n);
    await plain.journal.close();
    expect(filesWith(disk, "secret")).not.toEqual([]);
    const sealed = await opened(disk, "a");
    await sealed.journal.rekeyer.finished();
    expect(filesWith(disk, "secret")).toEqual([]);
    expect(contents(sealed)).toEqual([key("a").id]);
    expect(await all(sealed.log())).toEqual(secrets(0, 3));
    await sealed.journal.close();
  });

  test.each([
    ["plain", ""],
    ["of another key", "a"],
  ])("a surplus slot whose bytes are %s is overwritten before it is given back", async (_, old) => {
    const born = await bornJournal();
    const before = await opened(born, old, { whenIdle: () => {} });
    for (let number = 0n; number < 24n; number++) {
      await before.log().append({ number, payload: text(secret(number).padEnd(11_000, "x")) });
    }
    await before.log().truncateBefore(23n);
    await before.journal.close();
    const removed: string[] = [];
    const disk: SimulatedDisk = born.kill({
      onStep: ({ change, path }) => {
        if (change !== "remove") return;
        removed.push(disk.readNow(path).some((byte) => byte !== 0) ? `${path} as it was` : "zeros");
      },
    });
    const after = await opened(disk, `b${old}`);
    await after.journal.rekeyer.finished();
    for (let number = 24n; removed.length === 0 && number < 1500n; number++) {
      await after.log().append({ number, payload: text("y") });
      await after.log().truncateBefore(number);
    }
    await after.journal.close();
    expect(new Set(removed)).toEqual(new Set(["zeros"]));
  });

  test("retained records move as well, and are read as before", async () => {
    const disk = await bornJournal();
    const choices = { retainBytes: 400_000 };
    const first = await opened(disk, "a", choices);
    await append(first, 0n, 6n);
    await first.log().truncateBefore(4n);
    await first.journal.close();
    const second = await opened(disk, "a", choices);
    second.log();
    await second.journal.rekeyer.rotate(key("b"));
    await second.journal.rekeyer.finished();
    expect(contents(second)).toEqual([key("b").id]);
    for (let number = 0n; number < 4n; number++) {
      expect(await second.logs.readRetained("log", number)).toEqual(Buffer.from(secret(number)));
    }
    await second.journal.close();
    const third = await opened(disk, "b", choices);
    third.log();
    for (let number = 0n; number < 4n; number++) {
      expect(await third.logs.readRetained("log", number)).toEqual(Buffer.from(secret(number)));
    }
    expect(await all(third.log())).toEqual(secrets(4, 6));
    await third.journal.close();
  });

  test("retained records whose key is not given stay where they are, and are told", async () => {
    const disk = await bornJournal();
    const choices = { retainBytes: 400_000 };
    const first = await opened(disk, "a", choices);
    await append(first, 0n, 4n);
    await first.log().truncateBefore(4n);
    await first.journal.close();
    const second = await opened(disk, "ba", { ...choices, pace: () => {} });
    await second.journal.close();
    const third = await opened(disk, "b", choices);
    await expect(third.journal.rekeyer.finished()).rejects.toMatchObject({ code: "KEY_MISSING" });
    expect(contents(third)).toContain(key("a").id);
    await third.journal.close();
  });

  test("E9 any number of rotations, one after the other and all at once", async () => {
    const disk = await bornJournal();
    const journal = await opened(disk, "a");
    await append(journal, 0n, 2n);
    for (const letter of ["b", "c", "a"]) {
      await journal.journal.rekeyer.rotate(key(letter));
      await append(journal, journal.log().next, journal.log().next + 2n);
    }
    const rotations = ["d", "e", "f"].map((letter) => journal.journal.rekeyer.rotate(key(letter)));
    await append(journal, 8n, 9n);
    await Promise.all(rotations);
    await journal.journal.rekeyer.finished();
    expect(contents(journal)).toEqual([key("f").id]);
    expect(await all(journal.log())).toEqual(secrets(0, 9));
    await journal.journal.close();
    const again = await opened(disk, "f");
    expect(await all(again.log())).toEqual(secrets(0, 9));
    await again.journal.close();
  });

  test("a store that writes plain has no key to rotate", async () => {
    const { journal } = await opened(await bornJournal(), "");
    await expect(journal.rekeyer.rotate(key("b"))).rejects.toMatchObject({ code: "USAGE" });
    await journal.close();
  });

  test("those who wait for it are told when the store closes", async () => {
    const journal = await opened(await bornJournal(), "a");
    await append(journal, 0n, 2n);
    await journal.journal.rekeyer.rotate(key("b"));
    const finished = journal.journal.rekeyer.finished();
    const outcome = expect(finished).rejects.toMatchObject({ code: "CLOSED" });
    const closed = journal.journal.close();
    await Promise.race([outcome, finished]).catch(() => {});
    await closed;
  });
});

/** A journal with plain bytes in its slots, live and retained records under `a`, and every step of `work`. */
async function steps(work: (journal: OpenJournal) => Promise<void>): Promise<SimulatedDisk[]> {
  const born = await bornJournal();
  const journal = await opened(born, "a", RETAINING);
  await append(journal, 0n, 6n);
  await journal.log().truncateBefore(3n);
  await journal.journal.close();
  const moments: SimulatedDisk[] = [];
  const look = (): void => void moments.push(watched.kill());
  const watched: SimulatedDisk = born.kill({ onStep: look });
  const again = await opened(watched, "a", RETAINING);
  again.log();
  await work(again);
  await again.journal.close();
  look();
  return moments;
}

const RETAINING = { retainBytes: 400_000 };

test("E10 a crash at each step of two rotations in a row loses nothing, and the rest is done behind it", async () => {
  const moments = await steps(async ({ journal }) => {
    await journal.rekeyer.rotate(key("b"));
    await journal.rekeyer.rotate(key("c"));
    await journal.rekeyer.finished();
  });
  const cuts = campaignSize(6);
  let states = 0;
  const stride = SCALE < 1 ? 6 : 1;
  for (const [index, moment] of moments.entries()) {
    if (index % stride !== 0) continue;
    for (const state of [moment.kill(), ...moment.powerCuts(index, cuts)]) {
      states += 1;
      const left = await opened(state, "cba", RETAINING);
      expect(await all(left.log())).toEqual(secrets(3, 6));
      await left.journal.rekeyer.finished();
      expect(contents(left)).toEqual([key("c").id]);
      await left.journal.close();
      const last = await opened(state, "c", RETAINING);
      expect(await all(last.log())).toEqual(secrets(3, 6));
      expect(await last.logs.readRetained("log", 2n)).toEqual(Buffer.from(secret(2n)));
      await last.journal.close();
    }
  }
  console.log(`crash states of two rotations: ${states}, at ${moments.length} steps`);
  expect(states).toBeGreaterThan(moments.length / stride);
});

test("until the end both keys are needed, and what is missing is named", async () => {
  const moments = await steps(async ({ journal }) => {
    await journal.rekeyer.rotate(key("b"));
    await journal.rekeyer.finished();
  });
  const opens = new Set<string>();
  for (const moment of moments.filter((_, index) => SCALE === 1 || index % 4 === 0)) {
    for (const letters of ["a", "b"]) {
      const state = moment.kill();
      const outcome = await opened(state, letters).then(
        async (left) => {
          expect(await all(left.log())).toEqual(secrets(3, 6));
          await left.journal.close();
          return letters;
        },
        (cause: unknown) => (cause as { readonly code: string }).code,
      );
      opens.add(outcome);
    }
  }
  expect([...opens].sort()).toEqual(["KEY_MISSING", "a", "b"]);
});
