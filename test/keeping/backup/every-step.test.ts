/**
 * A backup at every moment of a busy history: the store that it makes opens exactly at its cut, whatever the
 * running store did while it was copied.
 */
import pLimit from "p-limit";
import { describe, expect, test } from "vitest";
import { backUp } from "../../../src/keeping/backup/backup.js";
import type { StoreCut } from "../../../src/keeping/backup/cut.js";
import type { BackupManifest } from "../../../src/keeping/backup/manifest.js";
import type { KeySource } from "../../../src/keys/source.js";
import { Lanekeeper } from "../../../src/node/lanekeeper.js";
import { SimulatedDisk, type Step } from "../../../src/testing/simulated-disk.js";
import { seededRandom } from "../../../src/testing/simulated/random.js";
import { atRest } from "../../crash/states/film.js";
import { freezeTime } from "../../crash/history/frozen-time.js";
import {
  initOn,
  openOn,
  recoveredOf,
  Session,
  type Stand,
  standard,
  verifier,
} from "../../crash/history/session.js";
import { type Workload, workloads } from "../../crash/history/workloads.js";
import { sealedWorkloads } from "../../crash/history/workloads-sealed.js";
import { CHAIN_ID } from "../../model/chain.js";
import { ReferenceModel } from "../../model/reference-model.js";
import { DIRECTORY, simulatedSurroundings } from "../../node/surroundings.js";
import { ONE_IN } from "../../scale.js";
import { BACKUP, noPace, placed, verified } from "./kit.js";

/** A moment of the running store, which is copied some moments later. */
interface Taken {
  readonly cut: StoreCut;
  readonly model: ReferenceModel;
  readonly label: string;
}

/** A cut is copied so many moments later: by then its segments are not needed any more. */
const LATER = 12;

class Photographer {
  readonly faults: string[] = [];
  made = 0;
  readonly #stand: Stand;
  readonly #backups = new SimulatedDisk();
  readonly #waiting: Taken[] = [];
  readonly #oneAtATime = pLimit(1);
  #moments = 0;

  constructor(stand: Stand) {
    this.#stand = stand;
  }

  /** Cuts the store as it is now. */
  take(keeper: Lanekeeper, model: ReferenceModel, label: string): void {
    this.#moments += 1;
    if (this.#moments % ONE_IN !== 0) return;
    this.#waiting.push({ cut: keeper.cut(), model: model.clone(), label });
  }

  /** Copies the cuts that have waited for long enough. */
  async copy(): Promise<void> {
    while (this.#waiting.length > LATER) await this.#copyOne();
  }

  async copyAll(): Promise<void> {
    while (this.#waiting.length > 0) await this.#copyOne();
    await this.#oneAtATime(() => {});
  }

  /** The disk of the backups. */
  get backups(): SimulatedDisk {
    return this.#backups;
  }

  async #copyOne(): Promise<void> {
    const taken = this.#waiting.shift();
    if (taken) await this.#oneAtATime(() => this.#copyAndJudge(taken));
  }

  async #copyAndJudge(taken: Taken): Promise<void> {
    const { manifest } = await backUp({
      disk: this.#backups,
      directory: BACKUP,
      cut: () => taken.cut,
      pace: noPace(),
      nowMs: () => 0,
      keep: 3,
    });
    this.made += 1;
    const faults = await this.#judge(taken, manifest);
    this.faults.push(...faults.map((fault) => `${taken.label}: ${fault}`));
  }

  async #judge({ model }: Taken, manifest: BackupManifest): Promise<string[]> {
    const { chain, segmentBytes, retainBytes, keys } = this.#stand;
    const disk = await placed(this.#backups, manifest);
    const surroundings = simulatedSurroundings(disk, 9_000_000 + this.made);
    const options = { chainId: CHAIN_ID, segmentBytes, retainBytes, verifier, keys, moved: true };
    const keeper = await Lanekeeper.openOn(surroundings, DIRECTORY, {
      ...options,
      epochOf: chain.epochOf,
    });
    const recovered = await recoveredOf(keeper);
    const faults = model.clone().judge(recovered);
    for (const { name, first, next } of manifest.logs) {
      const log = name === "road" ? recovered.road : recovered.lanes.get(name);
      if (!log && next === first) continue;
      if (log?.next !== next || log.first !== first) {
        faults.push(`${name}: [${first}, ${next}) in the manifest, [${log?.first}, ${log?.next})`);
      }
    }
    await keeper.close();
    return faults;
  }
}

/** Plays a workload on a disk that ends one flush at a time, and photographs it at each rest. */
async function photographed(workload: Workload, stand: Stand, seed: number): Promise<Photographer> {
  const model = new ReferenceModel();
  const photographer = new Photographer(stand);
  let keeper: Lanekeeper | undefined;
  const take = (when: string): void => {
    if (keeper) photographer.take(keeper, model, when);
  };
  // Behind the step, as soon as something else than its caller may run.
  const onStep = ({ step }: Step): void => queueMicrotask(() => take(`at step ${step}`));
  const disk = new SimulatedDisk({ onStep });
  await initOn(disk, seed, stand);
  disk.hold();
  let opens = seed * 100;
  const open = async (): Promise<Session> => {
    opens += 1;
    const opened = await openOn(disk, opens, stand);
    model.published(await recoveredOf(opened));
    keeper = opened;
    const session = new Session(opened, model, stand);
    const close = session.close.bind(session);
    session.close = async () => {
      keeper = undefined;
      await photographer.copyAll();
      await close();
    };
    return session;
  };
  let isOver = false;
  const running = workload({ stand, seed, open }).finally(() => {
    isOver = true;
  });
  running.catch(() => {});
  const random = seededRandom(seed);
  while (!isOver) {
    await atRest();
    take(`at rest behind step ${disk.steps}`);
    await photographer.copy();
    const held = [...disk.held];
    const next = held[random.below(Math.max(1, held.length))];
    if (next) disk.finish(next.step);
  }
  await running;
  return photographer;
}

function keysOf({ keys }: Stand): readonly KeySource[] {
  const given = keys ? [keys.write, ...(keys.read ?? [])] : [];
  return given.filter((key) => key !== "plain");
}

describe("a backup of a running store", () => {
  freezeTime();

  const plain = Object.entries(workloads).map(([name, { workload }]) => {
    return [name, { workload, stand: standard }] as const;
  });
  test.each([...plain, ...Object.entries(sealedWorkloads)])(
    "opens exactly at its cut, taken at any moment: %s",
    async (name, { workload, stand }) => {
      const { faults, made, backups } = await photographed(workload, stand, 7);
      expect(faults).toEqual([]);
      expect(made, name).toBeGreaterThan(50 / ONE_IN);
      const { findings, store } = await verified(backups, keysOf(stand));
      // A vote that was in flight at the cut is told of.
      expect(findings.filter(({ severity }) => severity === "error")).toEqual([]);
      expect(store.verdict).toEqual({ opens: true });
    },
    600_000,
  );
});
