/** The loop of an archiver, on a clock of its own: what wakes it, and what it waits for. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, test } from "vitest";
import { Archiver } from "../../../src/archive/writing/archiver.js";
import type { ArchiverParts } from "../../../src/archive/writing/archiver-parts.js";
import { PersisterError } from "../../../src/types/errors.js";
import { refusal, turns } from "../../node/kit.js";
import {
  chain,
  isObject,
  lane,
  ModelSource,
  OBJECT_BYTES,
  plain,
  verified,
  writeAll,
  writerOf,
} from "../kit.js";
import { archiveDefaults } from "../../../src/archive/writing/options.js";
import { ModelBucket } from "../model-bucket.js";

const down = new PersisterError("BUCKET_FAILED", "the bucket does not answer");
const HOUR_MS = 3_600_000;

/**
 * Time stands still but for its readings: each is a little later than the one before. A timer calls a little
 * early, as those of Node may.
 */
class Clock {
  nowMs = 0;
  stepMs = 0;
  readonly #timers = new Map<() => void, number>();

  read(): number {
    this.nowMs += this.stepMs;
    return this.nowMs;
  }

  after(ms: number, task: () => void): () => void {
    this.#timers.set(task, this.nowMs + ms);
    return () => void this.#timers.delete(task);
  }

  /** Goes on from timer to timer, until `isDone` or the end of `ms`. Time passes only while the archiver rests. */
  async pass(ms: number, isDone: () => boolean = () => false): Promise<void> {
    const endMs = this.nowMs + ms;
    for (; !isDone(); await nextTurn()) {
      const [first] = [...this.#timers].sort(([, a], [, b]) => a - b);
      if (!first) continue;
      const [task, dueMs] = first;
      this.nowMs = Math.max(this.nowMs, Math.min(endMs, dueMs - 0.3));
      if (dueMs > endMs) return;
      this.#timers.delete(task);
      task();
    }
  }
}

interface Setting {
  readonly clock: Clock;
  readonly bucket: ModelBucket;
  readonly source: ModelSource;
  readonly archiver: Archiver;
}

function archiverOf(of: {
  readonly source: ModelSource;
  readonly bucket?: ModelBucket;
  readonly stepMs?: number;
  readonly parts?: Partial<ArchiverParts>;
}): Setting {
  const { source, bucket = new ModelBucket(), parts } = of;
  const clock = new Clock();
  clock.stepMs = of.stepMs ?? 0;
  const archiver = new Archiver({
    source,
    bucket,
    ring: undefined,
    packing: () => plain,
    objectBytes: OBJECT_BYTES,
    ageMs: HOUR_MS,
    positions: new Map(),
    ready: () => Promise.resolve(),
    save: () => Promise.resolve(),
    probe: () => Promise.resolve(),
    isPressed: () => false,
    tell: { refused: () => {}, failing: () => {}, missed: () => {} },
    observe: undefined,
    nowMs: () => clock.read(),
    after: (ms, task) => clock.after(ms, task),
    random: () => 1,
    ...parts,
  });
  return { clock, bucket, source, archiver };
}

/** A drain of `lane`, and how it ended. */
function draining(archiver: Archiver): { ended: string | undefined } {
  const watch: { ended: string | undefined } = { ended: undefined };
  archiver.drain(new Set([lane])).then(
    () => (watch.ended = "archived"),
    (cause: unknown) => (watch.ended = cause instanceof PersisterError ? cause.code : "?"),
  );
  return watch;
}

test("a retry comes when its time is there, however little two readings of the clock differ", async () => {
  for (const stepMs of [0, 0.01, 0.1, 0.2, 0.29, 0.31]) {
    const { clock, bucket, archiver } = archiverOf({ source: new ModelSource(5n), stepMs });
    bucket.around = () => {
      throw down;
    };
    const drain = draining(archiver);
    await clock.pass(500);
    expect(archiver.failing).toBe(down);
    bucket.around = () => {};
    await clock.pass(10_000, () => drain.ended !== undefined);
    expect({ stepMs, ...drain }).toEqual({ stepMs, ended: "archived" });
    await archiver.close();
  }
});

test("a drain ends where another writer's object reaches beyond what was pruned", async () => {
  const bucket = new ModelBucket();
  const other = new ModelSource(8n);
  await writeAll(writerOf(bucket, other, lane), other);
  const { clock, archiver, source } = archiverOf({ source: new ModelSource(6n), bucket });
  const drain = draining(archiver);
  await clock.pass(10_000, () => drain.ended !== undefined);
  expect(drain.ended).toBe("archived");
  expect(archiver.positions.get(lane)).toBe(6n);
  // The rest of that object is compared once it is pruned, and the log goes on behind it.
  source.first = 12n;
  const again = draining(archiver);
  await clock.pass(10_000, () => again.ended !== undefined);
  expect(archiver.positions.get(lane)).toBe(12n);
  expect(await verified(bucket, lane)).toMatchObject({ first: 0n, next: 12n, holes: [] });
  expect(archiver.counts.missed).toBe(0n);
  await archiver.close();
});

test("a drain tells two truths in the part of another writer's object that was pruned", async () => {
  const bucket = new ModelBucket();
  const other = new ModelSource(8n);
  other.record = (_, number) => chain.block(lane, number, number === 5n ? 1 : 0).bytes;
  await writeAll(writerOf(bucket, other, lane), other);
  const { clock, archiver } = archiverOf({ source: new ModelSource(6n), bucket });
  const drain = draining(archiver);
  await clock.pass(10_000, () => drain.ended !== undefined);
  expect(drain.ended).toBe("ARCHIVE_CONFLICT");
  await archiver.close();
});

test("records below a gap are archived, and a drain waits for nothing that was never here", async () => {
  const source = new ModelSource(12n);
  source.gap = { from: 4n, next: 9n };
  const { clock, bucket, archiver } = archiverOf({ source, parts: { isPressed: () => true } });
  const drain = draining(archiver);
  await clock.pass(10_000, () => drain.ended !== undefined);
  expect(drain.ended).toBe("archived");
  expect(await verified(bucket, lane)).toMatchObject({
    first: 0n,
    next: 12n,
    holes: [{ first: 4n, next: 9n }],
  });
  // The anchor has gone beyond the end: nothing is there below the start.
  await clock.pass(10_000, () => archiver.pending.records === 0n);
  source.gap = { from: 12n, next: 20n };
  source.first = 20n;
  expect(archiver.pending.records).toBe(0n);
  const again = draining(archiver);
  await clock.pass(10_000, () => again.ended !== undefined);
  expect(again.ended).toBe("archived");
  await archiver.close();
});

test("a drain ends with its store: when that is poisoned, and behind that", async () => {
  const poisoned = new PersisterError("POISONED", "a flush failed");
  const parts = { save: () => Promise.reject(poisoned) };
  const { clock, archiver } = archiverOf({ source: new ModelSource(5n), parts });
  const drain = draining(archiver);
  await clock.pass(10_000, () => drain.ended !== undefined);
  expect(drain.ended).toBe("CLOSED");
  await refusal(archiver.drain(new Set([lane])), "CLOSED");
  await archiver.close();
});

test("a drain does not end before it is known what is retained", async () => {
  let known = (): void => {};
  const ready = new Promise<void>((resolve) => (known = resolve));
  const { clock, archiver } = archiverOf({
    source: new ModelSource(0n),
    parts: { ready: () => ready },
  });
  const drain = draining(archiver);
  await turns();
  expect(drain.ended).toBeUndefined();
  known();
  await clock.pass(10_000, () => drain.ended !== undefined);
  expect(drain.ended).toBe("archived");
  await archiver.close();
});

test("an archiver closes while it is not known yet what is retained", async () => {
  const never = new Promise<void>(() => {});
  const { archiver } = archiverOf({ source: new ModelSource(5n), parts: { ready: () => never } });
  const drain = draining(archiver);
  await archiver.close();
  await nextTurn();
  expect(drain.ended).toBe("CLOSED");
});

test("a position that could not be made durable is tried again, though nothing else happens", async () => {
  let full = true;
  const save = (): Promise<void> =>
    full ? Promise.reject(new PersisterError("DISK_FULL", "no room")) : Promise.resolve();
  const { clock, archiver } = archiverOf({ source: new ModelSource(5n), parts: { save } });
  const drain = draining(archiver);
  await clock.pass(30_000);
  expect(archiver.failing).toMatchObject({ code: "DISK_FULL" });
  full = false;
  await clock.pass(10_000, () => drain.ended !== undefined);
  expect(drain.ended).toBe("archived");
  await archiver.close();
});

test("an object is put when it is full, or when its oldest record has waited long enough: whichever is first", async () => {
  expect(archiveDefaults).toMatchObject({ objectBytes: 8 * 1024 * 1024, ageMs: 60_000 });
  const source = new ModelSource(2n);
  const { clock, bucket, archiver } = archiverOf({ source, parts: { ageMs: 60_000 } });
  const through = (): bigint => archiver.positions.get(lane) ?? 0n;
  await clock.pass(59_000);
  expect(bucket.names).toEqual([]);
  await clock.pass(2_000, () => through() === 2n);
  expect(through()).toBe(2n);
  // From now on the size of a record is known: six of them are more than an object.
  source.first = 8n;
  archiver.look();
  await clock.pass(1_000, () => through() > 2n);
  const full = through();
  expect(full).toBeGreaterThan(4n);
  expect(full).toBeLessThan(8n);
  // The rest fills no object.
  await clock.pass(50_000);
  expect(through()).toBe(full);
  await clock.pass(12_000, () => through() === 8n);
  expect(through()).toBe(8n);
  await archiver.close();
});

test("a log is archived at once when somebody waits for it, however long its bucket was down", async () => {
  const { clock, bucket, archiver } = archiverOf({
    source: new ModelSource(5n),
    parts: { ageMs: 10 },
  });
  bucket.around = () => {
    throw down;
  };
  await clock.pass(HOUR_MS);
  bucket.around = () => {};
  const drain = draining(archiver);
  await clock.pass(5_500, () => drain.ended !== undefined);
  expect(drain.ended).toBe("archived");
  await archiver.close();
});

test("a log is due at once when more is held back than may be, without a prune", async () => {
  let isPressed = false;
  const parts = { isPressed: () => isPressed };
  const { clock, archiver, bucket } = archiverOf({ source: new ModelSource(5n), parts });
  await clock.pass(10_000);
  expect(bucket.names).toEqual([]);
  isPressed = true;
  archiver.look();
  await clock.pass(10_000, () => archiver.pending.records === 0n);
  expect(archiver.pending.records).toBe(0n);
  await archiver.close();
});

test("behind an object the loop rests four times as long as that took, unless somebody waits", async () => {
  let isPressed = false;
  const source = new ModelSource(40n);
  const parts = { ageMs: 1, isPressed: () => isPressed };
  const { clock, bucket, archiver } = archiverOf({ source, parts });
  const putAtMs: number[] = [];
  bucket.around = ({ what, name, moment }) => {
    if (what !== "put" || moment === "behind" || !isObject(name)) return;
    clock.nowMs += 10;
    putAtMs.push(clock.nowMs);
  };
  await clock.pass(200);
  const rests = putAtMs.slice(1).map((ms, at) => ms - (putAtMs[at] ?? 0));
  expect(putAtMs.length).toBeGreaterThan(2);
  for (const ms of rests) expect(ms).toBeGreaterThanOrEqual(49);
  isPressed = true;
  const before = clock.nowMs;
  await clock.pass(10_000, () => archiver.pending.records === 0n);
  const objects = putAtMs.filter((ms) => ms > before).length;
  expect(clock.nowMs - before).toBeLessThanOrEqual(10 * objects + 20);
  await archiver.close();
});
