import { describe, expect, test } from "vitest";
import { PersisterError } from "../../../src/types/errors.js";
import { ROAD } from "../../../src/persist/kinds.js";
import { CHAIN_ID, TestChain } from "../../model/chain.js";
import {
  chain,
  chainOf,
  isObject,
  lane,
  ModelSource,
  OBJECT_BYTES,
  recordOf,
  verified,
  writeAll,
  writerOf,
} from "../kit.js";
import { ModelBucket } from "../model-bucket.js";
import { conflictName, logFolder } from "../../../src/archive/form/names.js";

const folder = logFolder(CHAIN_ID, lane);
const crash = new PersisterError("BUCKET_FAILED", "the machine stopped here");

describe.for([lane, ROAD] as const)("the log %s", (log) => {
  test("is archived in objects of about the size asked for, without a gap", async () => {
    const bucket = new ModelBucket();
    const source = new ModelSource(25n);
    const writer = writerOf(bucket, source, log);
    const steps = await writeAll(writer, source);
    expect(steps.length).toBeGreaterThan(3);
    expect(writer.position).toMatchObject({ through: 25n, links: steps.length });
    expect(await verified(bucket, log)).toMatchObject({ first: 0n, next: 25n, holes: [] });
    for (const [name, bytes] of bucket.objects) {
      if (isObject(name)) expect(bytes.length, name).toBeLessThan(OBJECT_BYTES + 1000);
    }
  });

  test("goes on where the position says, and where it was lost", async () => {
    const bucket = new ModelBucket();
    const source = new ModelSource(10n);
    const first = writerOf(bucket, source, log);
    await writeAll(first, source);
    const before = bucket.names;
    source.first = 20n;
    for (const position of [first.position, undefined]) {
      const resumed = new ModelBucket(bucket.objects);
      const writer = writerOf(resumed, source, log, { position });
      await writeAll(writer, source);
      expect(resumed.names).toEqual(expect.arrayContaining([...before]));
      expect(await verified(resumed, log)).toMatchObject({ first: 0n, next: 20n, holes: [] });
    }
  });

  test("a crash before or behind any call of the bucket leaves a chain that goes on, whole", async () => {
    for (let at = 0; ; at++) {
      const bucket = new ModelBucket();
      const source = new ModelSource(12n);
      let calls = 0;
      bucket.around = () => {
        if (calls++ === at) throw crash;
      };
      const writer = writerOf(bucket, source, log);
      const failed = await writeAll(writer, source).then(
        () => false,
        () => true,
      );
      if (!failed) break;
      bucket.around = () => {};
      // Should nobody ever go on here: what has a link is proven, and an object without one counts for nothing.
      const { next, unlinked } = await verified(new ModelBucket(bucket.objects), log);
      const linked = (await chainOf(bucket, log).count()) - 1;
      expect(next, `call ${at}`).toBe((await chainOf(bucket, log).link(linked))?.next ?? 0n);
      expect(bucket.names.filter(isObject).slice(linked + 1), `call ${at}`).toEqual(unlinked);
      // The position was durable, or was not yet.
      for (const position of [writer.position, undefined]) {
        const later = new ModelBucket(bucket.objects);
        const again = writerOf(later, source, log, { position });
        await writeAll(again, source);
        expect(await verified(later, log), `call ${at}`).toMatchObject({
          first: 0n,
          next: 12n,
          holes: [],
        });
      }
    }
  });
});

test("two writers whose objects have other ranges make one chain, and each comes to its end", async () => {
  const bucket = new ModelBucket();
  const one = new ModelSource(7n);
  const other = new ModelSource(5n);
  const first = writerOf(bucket, one, lane);
  const second = writerOf(bucket, other, lane);
  for (let step = 0; step < 30; step++) {
    await first.step(one.state(lane), {});
    await second.step(other.state(lane), {});
    if (step % 3 === 0) one.first += 2n;
    other.first += 1n;
  }
  one.first = other.first = 60n;
  await writeAll(first, one);
  await writeAll(second, other);
  await writeAll(first, one);
  expect(first.position).toEqual(second.position);
  expect(await verified(bucket, lane)).toMatchObject({ first: 0n, next: 60n, holes: [] });
});

test("a writer that lost the race for a link goes behind it", async () => {
  const bucket = new ModelBucket();
  const source = new ModelSource(4n);
  const late = writerOf(bucket, source, lane);
  let raced = false;
  bucket.around = ({ what, name, moment }) => {
    if (raced || what !== "put" || moment !== "before" || !name.includes("/chain/")) return;
    raced = true;
    const winner = new ModelBucket(bucket.objects);
    winning = writeAll(writerOf(winner, new ModelSource(3n), lane), new ModelSource(3n)).then(
      () => {
        for (const [each, bytes] of winner.objects) bucket.objects.set(each, bytes);
      },
    );
    throw crash;
  };
  let winning: Promise<void> = Promise.resolve();
  await expect(late.step(source.state(lane), {})).rejects.toBe(crash);
  await winning;
  expect(await writeAll(late, source)).toEqual(["found", "put"]);
  expect(await verified(bucket, lane)).toMatchObject({ next: 4n, holes: [] });
});

test("a writer that is behind others waits until its own records have left the live window", async () => {
  const bucket = new ModelBucket();
  const ahead = new ModelSource(8n);
  await writeAll(writerOf(bucket, ahead, lane), ahead);
  const behind = new ModelSource(1n);
  const writer = writerOf(bucket, behind, lane);
  expect(await writeAll(writer, behind)).toEqual([]);
  behind.first = 8n;
  expect(new Set(await writeAll(writer, behind))).toEqual(new Set(["found"]));
  expect(writer.position?.through).toBe(8n);
});

test("another block in the archive is evidence: it is kept, told, and nothing goes on", async () => {
  const bucket = new ModelBucket();
  const honest = new ModelSource(12n);
  await writeAll(writerOf(bucket, honest, lane), honest);
  const forked = new ModelSource(12n);
  forked.record = (log, number) => {
    return number === 6n ? chain.block(lane, number, 1).bytes : recordOf(log, number);
  };
  const writer = writerOf(bucket, forked, lane);
  const before = bucket.names;
  await expect(writeAll(writer, forked)).rejects.toMatchObject({
    code: "ARCHIVE_CONFLICT",
    lane,
  });
  const [evidence = "", ...others] = bucket.names.filter((name) => !before.includes(name));
  expect(others).toEqual([]);
  expect(evidence).toMatch(/\/conflict\//);
  expect(writer.position?.through).toBeLessThanOrEqual(6n);
  expect(
    evidence.startsWith(
      conflictName(folder, { first: 0n, next: 7n }, Buffer.alloc(32)).slice(0, -90),
    ),
  ).toBe(true);
});

test("an object of the same name with other records is evidence, too, and is not linked", async () => {
  const source = new ModelSource(4n);
  const whole = new ModelBucket();
  await writeAll(writerOf(whole, source, lane), source);
  const [object = ""] = whole.names.filter(isObject);
  const squatted = new ModelBucket([[object, Buffer.from("of somebody else")]] as never);
  await expect(writeAll(writerOf(squatted, source, lane), source)).rejects.toMatchObject({
    code: "ARCHIVE_CONFLICT",
  });
  expect(squatted.names.some((name) => name.includes("/chain/"))).toBe(false);
});

test("an object of the same name is compared with what was built, also where the store gave that up since", async () => {
  const bucket = new ModelBucket();
  const forger = new ModelSource(6n);
  forger.record = (log, number) => {
    return number === 5n ? chain.block(lane, number, 1).bytes : recordOf(log, number);
  };
  await writeAll(writerOf(bucket, forger, lane), forger);
  for (const name of bucket.names) if (!isObject(name)) bucket.objects.delete(name);
  const source = new ModelSource(6n);
  const last = bucket.names.at(-1) ?? "";
  bucket.around = ({ name }) => {
    if (name === last) source.retainedFirst = 6n;
  };
  await expect(writeAll(writerOf(bucket, source, lane), source)).rejects.toMatchObject({
    code: "ARCHIVE_CONFLICT",
    file: last,
  });
});

test("an object of the same records in another packing is linked as it is", async () => {
  const source = new ModelSource(3n);
  const bucket = new ModelBucket();
  bucket.around = ({ what, name, moment }) => {
    if (what === "put" && moment === "before" && name.includes("/chain/")) throw crash;
  };
  const packing = { compression: "gzip", key: undefined } as const;
  await expect(writeAll(writerOf(bucket, source, lane, { packing }), source)).rejects.toBe(crash);
  bucket.around = () => {};
  expect(await writeAll(writerOf(bucket, source, lane), source)).toEqual(["put"]);
  expect(await verified(bucket, lane)).toMatchObject({ next: 3n, objects: 1 });
});

test("a QC of the same proposal with other signatures is no conflict, one of another proposal is", async () => {
  const bucket = new ModelBucket();
  const source = new ModelSource(6n);
  await writeAll(writerOf(bucket, source, ROAD), source);
  const other = new ModelSource(6n);
  other.record = (_, number) => chain.qc(number, number === 3n ? 1 : 0).bytes;
  await expect(writeAll(writerOf(bucket, other, ROAD), other)).rejects.toMatchObject({
    code: "ARCHIVE_CONFLICT",
    roadIndex: 0n,
  });
});

test("a bucket that says it stored and did not is noticed before anything counts", async () => {
  for (const kind of ["object", "link"] as const) {
    const bucket = new ModelBucket();
    const source = new ModelSource(4n);
    bucket.around = ({ what, name, moment }) => {
      const isMeant = name.includes("/chain/") === (kind === "link");
      if (what === "put" && moment === "behind" && isMeant) bucket.objects.delete(name);
    };
    const writer = writerOf(bucket, source, lane);
    await expect(writeAll(writer, source), kind).rejects.toMatchObject({ code: "BUCKET_UNSAFE" });
    expect(writer.position?.through).toBe(0n);
    bucket.around = () => {};
    await writeAll(writer, source);
    expect(await verified(bucket, lane)).toMatchObject({ next: 4n, holes: [] });
  }
});

test("records that were given up before they were archived are a hole that the links tell", async () => {
  const bucket = new ModelBucket();
  const source = new ModelSource(4n);
  const writer = writerOf(bucket, source, lane);
  await writeAll(writer, source);
  source.first = 20n;
  source.retainedFirst = 9n;
  const step = await writer.step(source.state(lane), {});
  expect(step).toMatchObject({ did: "put", hole: 5n });
  await writeAll(writer, source);
  expect(await verified(bucket, lane)).toMatchObject({
    first: 0n,
    next: 20n,
    holes: [{ first: 4n, next: 9n }],
  });
});

test("a link that was replaced behind the writer's back stops the log", async () => {
  const bucket = new ModelBucket();
  const source = new ModelSource(4n);
  const writer = writerOf(bucket, source, lane);
  await writeAll(writer, source);
  source.first = 9n;
  await writeAll(writer, source);
  const stale = writerOf(bucket, source, lane, {
    position: { through: 4n, links: 1, tip: "00".repeat(32) },
  });
  await expect(stale.step(source.state(lane), {})).rejects.toMatchObject({
    code: "ARCHIVE_CORRUPT",
  });
  expect(await chainOf(bucket, lane).count()).toBeGreaterThan(1);
});

test("the event loop has its turns while large records are taken, by the writer and by one that follows", async () => {
  const large = new TestChain(1, 64 * 1024);
  const [own = lane] = large.lanes;
  const blocks = Array.from({ length: 40 }, (_, at) => large.block(own, BigInt(at)).bytes);
  const source = new ModelSource(40n);
  let turns = 0;
  let isOver = false;
  const count = (): void => {
    turns += 1;
    if (!isOver) setImmediate(count);
  };
  const inTurn = new Map<number, number>();
  source.record = (_, number) => {
    const bytes = blocks[Number(number)] ?? expect.fail("the source has 40 blocks");
    inTurn.set(turns, (inTurn.get(turns) ?? 0) + bytes.length);
    return bytes;
  };
  count();
  try {
    const bucket = new ModelBucket();
    for (const did of ["put", "found"]) {
      const writer = writerOf(bucket, source, own, { objectBytes: 8 * 1024 * 1024 });
      expect(await writer.step(source.state(own), {})).toMatchObject({ did, records: 40 });
      expect(Math.max(...inTurn.values()), did).toBeLessThan(400 * 1024);
      inTurn.clear();
    }
  } finally {
    isOver = true;
  }
});
