/**
 * A store of forty records whose disk fails at one call: what it must do then, and what a power cut
 * afterwards may leave.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { FaultEffect } from "../../../src/testing/simulated-disk.js";
import { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import { copyWorld, type World } from "../../../src/testing/simulated/world.js";
import type { Lanekeeper } from "../../../src/node/lanekeeper.js";
import { PersisterError } from "../../../src/types/errors.js";
import { ReferenceModel } from "../../model/reference-model.js";
import { type Call, FaultyDisk, type FaultPlan } from "./faulty-disk.js";
import type { Frame } from "../states/film.js";
import { SoloChain } from "../history/chain.js";
import { openOn, recoveredOf, Session, type Stand, standard } from "../history/session.js";

const ROUNDS = 10n;
/** Turns of the event loop after which a run that has not ended hangs. */
const TURNS_MAX = 3000;
const OPEN_SEED = 77;

/** The work of a run, and its place. */
export interface FaultRun {
  readonly stand: Stand;
  readonly work: (session: Session) => Promise<void>;
  /** The calls that are to fail; all, if it is left out. */
  readonly fails?: (call: Call) => boolean;
}

const errors: readonly FaultPlan["error"][] = ["EIO", "ENOSPC", "EROFS", "EMFILE"];
const modes: readonly FaultPlan["mode"][] = ["once", "from-then-on"];
const writeEffects: readonly FaultEffect[] = ["nothing", "visible-not-durable", "torn"];

/** The codes with which the calls of one run may be refused behind a failure. */
const codesBehindFailure: ReadonlySet<string> = new Set([
  "POISONED",
  "DISK_FULL",
  "READ_ONLY",
  "IO",
  "CLOSED",
  // Of what follows a block that was refused.
  "OUT_OF_SEQUENCE",
]);

/** One run, and what it showed. */
export interface Struck {
  readonly frame: Frame;
  readonly calls: readonly Call[];
  readonly faults: readonly string[];
}

/** Every call of a run that goes well, and each way in which each may fail. */
export async function faultPlans(from: World, run: FaultRun): Promise<readonly FaultPlan[]> {
  const { calls, faults } = await struckAt(from, run, undefined);
  if (faults.length > 0) throw new Error(`without any failure: ${faults.join("; ")}`);
  return calls.flatMap((call, at) => {
    if (run.fails && !run.fails(call)) return [];
    const { operation } = call;
    const flushes = operation === "write" || operation === "syncDirectory";
    const effects = flushes ? writeEffects : writeEffects.slice(0, 1);
    return effects.flatMap((effect, which) =>
      modes.flatMap((mode) =>
        [0, 2].map((turn) => {
          const error = errors[(at + which + turn) % errors.length]!;
          return { call: at + 1, mode, error, effect };
        }),
      ),
    );
  });
}

/** Opens the store on a copy of `from`, works on it and closes it; the call of `plan` fails. */
export async function struckAt(
  from: World,
  run: FaultRun,
  plan: FaultPlan | undefined,
): Promise<Struck> {
  const world = copyWorld(from);
  const disk = new FaultyDisk(SimulatedDisk.holding(world), world, plan);
  const model = new ReferenceModel();
  const faults: string[] = [];
  const running = live(disk, run, model, faults);
  let isOver = false;
  const ended = running
    .catch((cause: unknown) => faults.push(`thrown: ${String(cause)}`))
    .finally(() => {
      isOver = true;
    });
  for (let turn = 0; turn < TURNS_MAX && !isOver; turn++) await nextTurn();
  if (isOver) await ended;
  else faults.push("it hangs");
  const label = plan ? wordsOf(plan, disk.calls) : "no fault";
  const frame = { world: copyWorld(world), model, label };
  return { frame, calls: disk.calls, faults: [...faults, ...disk.faults] };
}

async function live(
  disk: FaultyDisk,
  { stand, work }: FaultRun,
  model: ReferenceModel,
  faults: string[],
): Promise<void> {
  let keeper: Lanekeeper;
  try {
    keeper = await openOn(disk, OPEN_SEED, stand);
    model.published(await recoveredOf(keeper));
  } catch (cause) {
    judgeCode(cause, "open", faults);
    return;
  }
  const session = new Session(keeper, model, stand);
  await work(session);
  const { poison } = keeper.status();
  if (disk.hasFailedWrite && !poison) faults.push("a write has failed, and nothing is poisoned");
  for (const failure of session.failures) judgeCode(failure, "the run", faults);
  const before = session.failures.length;
  if (poison) {
    await session.push(session.chain.lanes[0]!, ROUNDS);
    await session.settled();
    if (session.failures.length !== before + 1) faults.push("a block is taken behind a failure");
  }
  try {
    await keeper.close();
    if (poison) faults.push("close hides that the store is poisoned");
  } catch (cause) {
    if (poison && cause !== poison) faults.push(`close: ${String(cause)}, not the poison`);
    judgeCode(cause, "close", faults);
  }
}

/** Blocks of which six fill a segment. */
const stand: Stand = {
  ...standard,
  chain: new SoloChain({ lanes: 3, payloadBytes: () => 1500 }),
};

/** Four logs of ten records, votes and anchors beside them; segments are rotated and recycled. */
export const fortyRecords: FaultRun = {
  stand,
  work: async (session) => {
    for (let round = 0n; round < ROUNDS; round++) {
      await pushNext(session);
      if (round % 2n === 0n) session.vote(round);
      if (round % 3n === 2n) await session.anchor(round - 1n);
      if (round % 2n === 1n) await session.settled();
    }
    await session.settled();
  },
};

/** Without anchors, so that every slot that is made is written to; the making of slots fails. */
export const growing: FaultRun = {
  stand,
  work: async (session) => {
    for (let round = 0n; round < 2n * ROUNDS; round++) {
      await pushNext(session);
      await session.settled();
    }
  },
  fails: ({ operation }) => operation === "create" || operation === "syncDirectory",
};

/** The next of each lane and of the road: what was refused is offered again. */
async function pushNext(session: Session): Promise<void> {
  const { lanes, road } = session.keeper.status();
  for (const lane of session.chain.lanes) await session.push(lane, lanes.get(lane)?.next ?? 0n);
  await session.qc(road.next);
}

function judgeCode(cause: unknown, where: string, faults: string[]): void {
  if (cause instanceof PersisterError && codesBehindFailure.has(cause.code)) return;
  faults.push(`${where} fails with ${String(cause)}`);
}

function wordsOf({ call, mode, error, effect }: FaultPlan, calls: readonly Call[]): string {
  const { operation = "no", path = "call" } = calls[call - 1] ?? {};
  return `call ${call} (${operation} ${path}) fails ${mode} with ${error}, leaving ${effect}`;
}
