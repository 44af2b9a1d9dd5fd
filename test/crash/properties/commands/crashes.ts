/** Commands that only a store on a disk knows: ends of a life, failed flushes, a full disk. */
import * as fc from "fast-check";
import type { Fault } from "../../../../src/testing/simulated-disk.js";
import { type DiskCommand, onDisk, type Weighted } from "./command.js";
import type { Stop } from "../stage.js";

/** A kill, or one of the power cuts that are possible: most often one that is drawn. */
const cut = fc.option(fc.record({ seed: fc.nat(), pick: fc.nat({ max: 5 }) }), {
  freq: 3,
  nil: undefined,
});

/** Now, or before one of the next steps of the disk: within a command that follows. */
const stop: fc.Arbitrary<Stop> = fc
  .record({
    steps: fc.oneof(fc.constant(0), fc.nat({ max: 12 }), fc.nat({ max: 60 })),
    cut,
    flip: fc.option(fc.nat({ max: 600 }), { freq: 2, nil: undefined }),
  })
  .map(({ steps, cut, flip }) => ({
    steps,
    ...(cut ? { cut } : {}),
    ...(flip === undefined ? {} : { flip }),
  }));

const stops = fc.array(stop, { minLength: 1, maxLength: 3 }).map((plan): DiskCommand => {
  const words = plan.map(({ steps, cut, flip }) => {
    const kind = cut ? `power cut ${cut.pick} of seed ${cut.seed}` : "kill";
    const when = steps === 0 ? kind : `${kind} in ${steps} steps`;
    return flip === undefined ? when : `${when} (and a flipped bit, ${flip} back)`;
  });
  return onDisk(words.join(", then "), (stage) => stage.stop(plan));
});

const RETAIN_BYTES = [0, 60_000, 200_000] as const;
export const retainBytes: fc.Arbitrary<number> = fc.constantFrom(...RETAIN_BYTES);

const reopen = fc
  .record({ times: fc.integer({ min: 1, max: 3 }), retain: fc.option(retainBytes, { freq: 2 }) })
  .map(({ times, retain }): DiskCommand => {
    const words = `reopen ${times} times${retain === null ? "" : `, retaining ${retain} bytes`}`;
    return onDisk(words, async (stage) => {
      if (retain !== null) stage.retainBytes = retain;
      for (let each = 0; each < times; each++) await stage.reopen();
    });
  });

const openTwice = onDisk("open it a second time", (stage) => stage.openTwice());

const writtenFiles = [
  ".seg",
  "mark",
  "prune_anchor_a.pb",
  "prune_anchor_b.pb",
  "consensus_a.pb",
  "consensus_b.pb",
] as const;
const fault: fc.Arbitrary<Fault> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      operation: fc.constant("write" as const),
      path: fc.constantFrom(...writtenFiles),
      nth: fc.integer({ min: 1, max: 3 }),
      effect: fc.constantFrom("nothing" as const, "visible-not-durable" as const, "torn" as const),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      operation: fc.constant("syncDirectory" as const),
      path: fc.constant("journal"),
      nth: fc.integer({ min: 1, max: 2 }),
    }),
  },
);
const failure = fault.map((fault): DiskCommand => {
  const { operation, nth, path, effect = "nothing" } = fault;
  const words = `${operation} ${nth} of ${path} from now fails (${effect})`;
  return onDisk(words, (stage) => stage.fail(fault));
});

/** As little as a slot less, or nothing at all. */
const fill = fc.constantFrom(0, 10_000, 30_000).map((slack): DiskCommand => {
  return onDisk(`the disk has ${slack} bytes left`, (stage) => stage.fill(slack));
});
const free = onDisk("the disk has room again", (stage) => stage.free());

const hold = fc.constantFrom(".seg", "mark", ".pb").map((file): DiskCommand => {
  return onDisk(`flushes of ${file} do not end`, (stage) => stage.hold(file));
});
const release = onDisk("flushes end", (stage) => stage.release());

export const crashCommands: readonly Weighted<DiskCommand>[] = [
  { weight: 4, arbitrary: stops },
  { weight: 2, arbitrary: reopen },
  { weight: 1, arbitrary: fc.constant(openTwice) },
  { weight: 1, arbitrary: failure },
  { weight: 1, arbitrary: fill },
  { weight: 1, arbitrary: fc.constant(free) },
  { weight: 2, arbitrary: hold },
  { weight: 1, arbitrary: fc.constant(release) },
];
