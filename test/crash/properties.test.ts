import * as fc from "fast-check";
import { expect, test } from "vitest";
import { SimulatedDisk } from "../../src/disk/simulated.js";
import { ReferenceModel } from "../model/reference-model.js";
import { type Command, commands, Hand } from "./commands.js";
import { drained } from "./explorer.js";
import { namedOn } from "./named.js";
import { initOn, openMemory, openOn, recoveredOf, Session } from "./session.js";

const SEED = Number(process.env["LANEKEEPER_SEED"] ?? 20_261);
const RUNS = 200;

/** The store and the model through one drawn history; every fault that was found. */
class History {
  readonly faults: string[] = [];
  readonly #model = new ReferenceModel();
  #disk: SimulatedDisk;
  #opens = 0;
  #hand: Hand | undefined;
  #newestVote = 0n;

  constructor(disk: SimulatedDisk) {
    this.#disk = disk;
  }

  async open(): Promise<void> {
    const named = namedOn(this.#disk);
    const keeper = await openOn(this.#disk, ++this.#opens);
    const recovered = await recoveredOf(keeper);
    this.faults.push(...this.#model.judge(recovered, named));
    this.#model.published(recovered);
    this.#hand = new Hand(new Session(keeper, this.#model), this.#newestVote);
  }

  async do(command: Command): Promise<void> {
    if (command.do === "reopen") await this.close();
    else if (command.do === "kill") await this.#crash(this.#disk.kill());
    else if (command.do === "power cut") {
      const cuts = [...this.#disk.powerCuts(command.seed, 12)];
      await this.#crash(cuts[command.pick % cuts.length]!);
    } else {
      this.faults.push(...((await this.#hand?.do(command)) ?? []));
      return;
    }
    await this.open();
  }

  async close(): Promise<void> {
    const hand = this.#hand!;
    await hand.session.close();
    this.faults.push(...hand.session.failures.map((failure) => `failed: ${String(failure)}`));
    this.#newestVote = hand.newestVote;
    this.#disk = this.#disk.kill();
  }

  async #crash(left: SimulatedDisk): Promise<void> {
    this.#disk.crash();
    await drained();
    this.#newestVote = this.#hand?.newestVote ?? 0n;
    this.#disk = left;
  }
}

const report = { numRuns: RUNS, seed: SEED, endOnFailure: true } as const;

test(`any history of commands, kills and power cuts recovers as the model says (seed ${SEED})`, async () => {
  console.log(`property seed: ${SEED}`);
  const begun = new SimulatedDisk();
  await initOn(begun, SEED);
  await fc.assert(
    fc.asyncProperty(commands, async (drawn) => {
      const history = new History(begun.kill());
      await history.open();
      for (const command of drawn) await history.do(command);
      await history.close();
      await history.open();
      expect(history.faults).toEqual([]);
    }),
    report,
  );
});

test(`the store in memory obeys the same commands (seed ${SEED})`, async () => {
  await fc.assert(
    fc.asyncProperty(commands, async (drawn) => {
      const model = new ReferenceModel();
      const session = new Session(await openMemory(), model);
      const hand = new Hand(session, 0n);
      const faults: string[] = [];
      for (const command of drawn) faults.push(...(await hand.do(command)));
      // The QC of an anchor that leapt past the road is in the log once a later one is.
      await session.settled();
      await hand.do({ do: "qc" });
      await session.settled();
      faults.push(...model.judge(await hand.held()), ...session.failures.map(String));
      expect(faults).toEqual([]);
      expect(session.keeper.status().durable).toBe(false);
      await session.close();
    }),
    report,
  );
});
