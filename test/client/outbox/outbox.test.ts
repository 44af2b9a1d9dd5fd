/**
 * The outbox against a service that is a few lines long, over drawn histories of pushes, verdicts, cursors
 * and lost streams.
 */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { Item } from "../../../src/client/outbox/item.js";
import { Outbox } from "../../../src/client/outbox/outbox.js";
import { Picture } from "../../../src/client/picture/picture.js";
import { PersistResponseOutcome as Outcome } from "../../../src/rpc/api/keeper.js";
import { failureOf, laneBytes } from "../../../src/rpc/failures.js";
import { Failure } from "../../../src/rpc/api/types.js";
import { PersisterError } from "../../../src/types/errors.js";
import { laneId } from "../../../src/types/lane.js";
import { property } from "../../harness/property.js";

const lane = laneId("ab".repeat(40));
const LANE_BLOCKS = 30n;
const RUNS = Number(process.env["LANEKEEPER_RUNS"] ?? 200);

/** One lane of a service: blocks [0, next), of which [0, durable) survive a kill. */
class Model {
  readonly picture = new Picture();
  readonly outbox = new Outbox(this.picture);
  readonly pushed: bigint[] = [];
  readonly answered = new Set<bigint>();
  /** On the stream, and not looked at yet. */
  onStream: Item[] = [];
  next = 0n;
  durable = 0n;
  first = 0n;

  push(): void {
    const number = BigInt(this.pushed.length);
    this.pushed.push(number);
    const place = { kind: "block", lane, number } as const;
    this.outbox.add(place, new Uint8Array([Number(number) % 256])).then(
      () => this.answered.add(number),
      () => expect.unreachable("a block that follows its lane is admitted"),
    );
  }

  send(): void {
    this.onStream.push(...this.outbox.take());
  }

  /** The service looks at the next item. Its answer may be lost with the stream. */
  look(isLost: boolean): void {
    const item = this.onStream.shift();
    if (!item || !("lane" in item.place)) return;
    const { number } = item.place;
    const isFull = number >= this.first + LANE_BLOCKS;
    if (number === this.next && !isFull) this.next += 1n;
    if (isLost) return;
    const isGap = number > this.next;
    if (isFull) this.#refuse(item, "LANE_FULL");
    else if (isGap) this.#refuse(item, "OUT_OF_SEQUENCE");
    else if (number < this.first) this.#refuse(item, "OUT_OF_SEQUENCE");
    else {
      const outcome = number === this.next - 1n ? Outcome.ADMITTED : Outcome.DUPLICATE;
      this.outbox.decide(item.id, { outcome, failure: undefined });
    }
    this.outbox.settle();
  }

  flush(): void {
    this.durable = this.next;
    this.tell();
  }

  anchor(): void {
    this.first = this.durable > 3n ? this.durable - 3n : this.first;
    this.tell();
  }

  tell(): void {
    this.picture.move(this.#cursors());
    this.outbox.settle();
  }

  /** The service is killed: what was not durable is gone, and so is what was on the stream. */
  kill(): void {
    this.onStream = [];
    this.next = this.durable;
    this.picture.beginWith(
      this.durable === 0n ? { ...this.#cursors(), lanes: [] } : this.#cursors(),
    );
    this.outbox.begin();
  }

  #cursors() {
    return {
      lanes: [{ lane: laneBytes(lane), first: this.first, durableNext: this.durable }],
      road: undefined,
      anchorRoadIndex: undefined,
      droppedLanes: [],
    };
  }

  #refuse({ id }: Item, code: "LANE_FULL" | "OUT_OF_SEQUENCE"): void {
    const told = failureOf(new PersisterError(code, "refused"));
    const failure = Failure.decode(Failure.encode(told));
    this.outbox.decide(id, { outcome: Outcome.REFUSED, failure });
  }
}

const step = fc.constantFrom("push", "send", "look", "lose", "flush", "anchor", "kill");

property([fc.array(step, { maxLength: 120 })], { numRuns: RUNS })(
  "whatever is lost, every block becomes durable in the end, and its push resolves once",
  async (steps) => {
    const model = new Model();
    for (const each of steps) {
      if (each === "look" || each === "lose") model.look(each === "lose");
      else model[each]();
      // An answer is lost with its stream alone.
      if (each === "lose") model.kill();
    }
    for (let round = 0; round < 400 && !model.outbox.isEmpty; round++) {
      model.send();
      while (model.onStream.length > 0) model.look(false);
      model.flush();
      model.anchor();
    }
    // The promise of a push resolves some steps behind its verdict.
    await new Promise((resolve) => setImmediate(resolve));
    expect(model.outbox.isEmpty).toBe(true);
    expect(model.durable).toBe(BigInt(model.pushed.length));
    expect(model.answered.size).toBe(model.pushed.length);
  },
);

test("blocks of 60 KiB that fifteen lanes push in one step go in one message, and a large one goes all the same", () => {
  const outbox = new Outbox(new Picture());
  const pushed = (lanes: number, bytes: number): void => {
    for (let at = 0; at < lanes; at++) {
      const lane = laneId(at.toString(16).padStart(2, "0").repeat(40));
      outbox.add({ kind: "block", lane, number: 0n }, new Uint8Array(bytes)).catch(() => undefined);
    }
  };
  pushed(15, 60 * 1024);
  expect(outbox.take()).toHaveLength(15);
  pushed(2, 2_000_000);
  expect([outbox.take().length, outbox.take().length, outbox.take().length]).toEqual([1, 1, 0]);
});
