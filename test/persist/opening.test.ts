/** An open can be called off at any moment, as a kill could have ended it, and tells how far it is. */
import { describe, expect, test } from "vitest";
import { Lanekeeper } from "../../src/node/lanekeeper.js";
import type { OpenChoices } from "../../src/node/options.js";
import type { Surroundings } from "../../src/node/surroundings.js";
import type { Register } from "../../src/reserve/chain.js";
import type { OpenProgress } from "../../src/async/opening.js";
import type { SimulatedDisk } from "../../src/testing/simulated-disk.js";
import { CHAIN_ID, TestChain } from "../model/chain.js";
import {
  born,
  contents,
  fingerprints,
  laneAt,
  opened,
  pushAnchor,
  pushBlocks,
  pushQCs,
  refusal,
  turns,
} from "../node/kit.js";
import { DIRECTORY, SEGMENT_BYTES, simulatedSurroundings } from "../node/surroundings.js";
import { ModelRegister } from "../reserve/model-register.js";

const chain = new TestChain(3, 3000);
const lane = laneAt(chain, 0);

type More = Pick<OpenChoices, "signal" | "onProgress" | "keys" | "reserve">;

async function open(
  disk: SimulatedDisk,
  more: More = {},
  own: Pick<Surroundings, "openRegister"> = {},
): Promise<Lanekeeper> {
  const choices = { chainId: CHAIN_ID, segmentBytes: SEGMENT_BYTES, epochOf: chain.epochOf };
  const surroundings = { ...simulatedSurroundings(disk, 7), ...own };
  return await Lanekeeper.openOn(surroundings, DIRECTORY, { ...choices, ...more });
}

/** A store of several segments, an anchor and votes, as a kill leaves it. */
async function killed(): Promise<SimulatedDisk> {
  const disk = await born();
  const keeper = await opened(disk, chain, { retainBytes: 1024 * 1024 });
  for (const each of chain.lanes) await pushBlocks(keeper, chain, each, { to: 25n });
  await pushQCs(keeper, chain, { to: 6n });
  await pushAnchor(keeper, chain.qc(4n).anchor);
  await keeper.writeVoteState(Buffer.from("7a0107", "hex"), 6n);
  await turns();
  const left = disk.kill();
  await keeper.close();
  return left;
}

const disk = await killed();
const found = await (async () => {
  await using keeper = await open(disk.kill());
  return await contents(keeper);
})();

describe("an open that is called off", () => {
  test("at any step of the disk leaves nothing open, and a store that opens with everything", async () => {
    let steps = 0;
    await using counted = await open(disk.kill({ onStep: () => (steps += 1) }));
    expect(counted.closed).toBe(false);
    const begun = steps;
    const outcomes = { aborted: 0, opened: 0 };
    for (let at = 1; at <= begun; at += 1) {
      const off = new AbortController();
      let count = 0;
      const onStep = (): void => {
        count += 1;
        if (count === at) off.abort();
      };
      const tried = disk.kill({ onStep });
      const keeper = await open(tried, { signal: off.signal }).catch((cause: unknown) => cause);
      if (keeper instanceof Lanekeeper) {
        outcomes.opened += 1;
        await keeper.close();
      } else {
        expect(keeper).toMatchObject({ code: "ABORTED", name: "AbortError" });
        outcomes.aborted += 1;
      }
      for (const left of [tried, ...tried.powerCuts(at, 2)]) {
        await using again = await open(left);
        expect(await contents(again)).toEqual(found);
        expect(again.recovery.abstainThrough).toBeUndefined();
        expect(again.recovery.pins).toEqual([]);
      }
    }
    expect(outcomes.aborted).toBeGreaterThan(begun / 2);
  });

  test("before anything is written changes no byte", async () => {
    const before = fingerprints(disk);
    for (const ends of ["own", "judge"] as const) {
      const tried = disk.kill();
      const off = new AbortController();
      let heardLater = 0;
      const onProgress = ({ step, doneBytes }: OpenProgress): void => {
        if (off.signal.aborted) heardLater += 1;
        if (step === ends && (step === "own" || doneBytes > 0)) off.abort();
      };
      await refusal(open(tried, { signal: off.signal, onProgress }), "ABORTED");
      expect(heardLater).toBe(0);
      expect(fingerprints(tried)).toEqual(before);
    }
    const aborted = AbortSignal.abort();
    await refusal(open(disk.kill(), { signal: aborted }), "ABORTED");
  });

  test("waits neither for keys nor for the store of the reservations, and leaves nothing open", async () => {
    const off = new AbortController();
    const never = new Promise<never>(() => undefined);
    const tried = disk.kill();
    const asked = refusal(
      open(tried, { signal: off.signal, keys: { write: () => never } }),
      "ABORTED",
    );
    const reserve = { at: "file:///register", validator: new Uint8Array(32) };
    const own = { openRegister: () => never };
    const told = refusal(open(tried, { signal: off.signal, reserve }, own), "ABORTED");
    await turns(400);
    off.abort();
    await Promise.all([asked, told]);
    await (await open(tried)).close();
  });

  test("while the store of the reservations is being opened closes it when it is there", async () => {
    const off = new AbortController();
    let isClosed = false;
    let arrive: (register: Register) => void = () => undefined;
    const arriving = new Promise<Register>((resolve) => (arrive = resolve));
    const tried = disk.kill();
    const opening = open(
      tried,
      {
        signal: off.signal,
        reserve: { at: "file:///register", validator: new Uint8Array(32) },
      },
      { openRegister: () => arriving },
    );
    const told = refusal(opening, "ABORTED");
    await turns(400);
    off.abort();
    await told;
    const register = new ModelRegister().for("all", { isHeld: false });
    arrive({ ...register, close: () => Promise.resolve(void (isClosed = true)) });
    await import("../../src/reserve/reservations.js");
    await turns(400);
    expect(isClosed).toBe(true);
    await (await open(tried)).close();
  });

  test("later on means nothing to the store that is open", async () => {
    const off = new AbortController();
    await using keeper = await open(disk.kill(), { signal: off.signal });
    off.abort();
    await pushBlocks(keeper, chain, lane, { from: 25n, to: 27n });
    await keeper.sync();
  });
});

describe("the progress of an open", () => {
  test("names each step in its order, and counts the bytes that are read", async () => {
    const heard: OpenProgress[] = [];
    await using keeper = await open(disk.kill(), { onProgress: (each) => void heard.push(each) });
    const names = [...new Set(heard.map(({ step }) => step))];
    expect(names).toEqual(["own", "judge", "write again", "begin", "map"]);
    expect(names).toEqual(keeper.recovery.steps.map(({ name }) => name));
    const judged = heard.filter(({ step }) => step === "judge");
    const last = judged.at(-1);
    expect(last?.totalBytes).toBeGreaterThan(SEGMENT_BYTES);
    expect(last?.doneBytes).toBe(last?.totalBytes);
    const done = judged.map(({ doneBytes }) => doneBytes);
    expect(done).toEqual(done.toSorted((a, b) => a - b));
    const again = heard.findLast(({ step }) => step === "write again");
    expect(again?.totalBytes).toBe(keeper.recovery.bytesWrittenAgain);
    expect(again?.doneBytes).toBe(again?.totalBytes);
  });

  test("a listener that throws ends the open as CALLBACK_FAILED, and nothing is left open", async () => {
    const tried = disk.kill();
    for (const at of ["own", "judge", "write again", "begin", "map"] as const) {
      const onProgress = ({ step }: OpenProgress): void => {
        if (step === at) throw new Error("the bar broke");
      };
      const error = await refusal(open(tried, { onProgress }), "CALLBACK_FAILED");
      expect(error.message).toContain("onProgress threw: the bar broke");
    }
    const onProgress: unknown = () => Promise.reject(new Error("nobody waits for it"));
    await using keeper = await open(tried, { onProgress: onProgress as () => void });
    expect(await contents(keeper)).toEqual(found);
  });

  test("a signal or a listener that is none is USAGE", async () => {
    await refusal(open(disk.kill(), { signal: 1 as never }), "USAGE");
    await refusal(open(disk.kill(), { onProgress: "loud" as never }), "USAGE");
  });
});
