/**
 * Two machines and a register, as small as they can be, around the real decisions (`run.ts`, `bounds.ts`); one
 * series is looked at. A look at the record, and the decision that follows from it, are one step: a record that
 * is stale by the time of its put loses it, whenever it was read.
 */
import { begun, takenOver } from "../../src/reserve/bounds.js";
import { isOfBlocks, type ReservationRecord, type SeriesName } from "../../src/reserve/record.js";
import { begunRun, type Ends, Run, type RunState } from "../../src/reserve/run.js";

const NAMES = ["a", "b"] as const;
const TAKEN = { reason: "explored", atMs: 0 };

/** How often each of these may come in one history. */
export interface Budgets {
  readonly takes: number;
  readonly deaths: number;
  readonly closes: number;
  /** Puts whose callers hear nothing. */
  readonly faults: number;
}

/** A put that is under way, or that may yet be done although its caller has given up. */
interface Put {
  readonly replaces: ReservationRecord;
  readonly record: ReservationRecord;
}

interface Machine {
  state: RunState;
  readonly isRemote: boolean;
  isTaking: boolean;
  isClosing: boolean;
  put: Put | undefined;
  /** The words that it was given and has not used. */
  words: readonly bigint[];
  /** The end of the blocks in its store. */
  blocks: bigint;
}

export interface World {
  register: ReservationRecord;
  readonly late: Put[];
  readonly machines: readonly [Machine, Machine];
  /** The machine that has signed at each place. */
  readonly signed: Map<bigint, string>;
  left: Budgets;
  violation: string | undefined;
}

export type Step = readonly [name: string, take: (world: World) => void];

/** The places of a series that are asked for: those below `places`. */
export interface Asked {
  readonly series: SeriesName;
  readonly places: bigint;
  /** The validator asks from another process, which does not die with the store's. */
  readonly isRemote: boolean;
}

/** Machine a has made the record. */
export function firstWorld({ series, isRemote }: Asked, left: Budgets): World {
  const record = begun({ chainId: "a-chain", validator: "00" }, "a", TAKEN);
  const machines = [freshMachine(series, isRemote), freshMachine(series, isRemote)] as const;
  const world: World = {
    register: record,
    late: [],
    machines,
    signed: new Map(),
    left,
    violation: undefined,
  };
  runOf(machines[0], 0).stored(record);
  return world;
}

function freshMachine(series: SeriesName, isRemote: boolean): Machine {
  const state = freshRun(series, new Map());
  const flags = { isTaking: false, isClosing: false };
  return { state, isRemote, ...flags, put: undefined, words: [], blocks: 0n };
}

/** Each run wants places of the series from its begin on. */
function freshRun(series: SeriesName, ends: Ends): RunState {
  const state = begunRun(ends);
  state.wanted.set(series, 0n);
  return state;
}

function runOf(machine: Machine, at: number): Run {
  const facts = {
    machine: NAMES[at] ?? "",
    places: 1n,
    isRemote: machine.isRemote,
    heldNext: () => machine.blocks,
    signedNext: () => machine.blocks,
  };
  return new Run(facts, machine.state);
}

/** Every step that may come next. */
export function stepsOf(world: World, asked: Asked): Step[] {
  const own = NAMES.flatMap((name, at) => {
    return stepsOfMachine(world, asked, at).map(([step, take]): Step => [`${name} ${step}`, take]);
  });
  const late = world.late.map(
    (put, at): Step => [
      "a late put is done",
      (after) => {
        after.late.splice(at, 1);
        isStored(after, put);
      },
    ],
  );
  return [...own, ...late];
}

/** The steps of one machine that may come next. */
function stepsOfMachine(world: World, asked: Asked, at: number): readonly Step[] {
  const { series } = asked;
  const machine = machineAt(world, at);
  const { left } = world;
  const step = (name: string, take: (mine: Machine, run: Run, after: World) => void): Step => [
    name,
    (after) => take(machineAt(after, at), runOf(machineAt(after, at), at), after),
  ];
  const always = [
    step("signs", (mine, _, after) => sign(mine, at, after)),
    step("hears of a block", (mine) => void (mine.blocks += 1n)),
    step("dies", (mine, _, after) => die(mine, series, after)),
  ].filter((_, which) => {
    const hears = machine.blocks < machineAt(world, 1 - at).blocks;
    return [machine.words.length > 0, hears, left.deaths > 0][which];
  });
  if (machine.put) return [...always, ...fatesOf(machine.put, { at, series, left })];
  if (machine.isClosing) {
    return [
      ...always,
      step("gives back", (mine, run, after) => giveBack(mine, run, { series, after })),
    ];
  }
  const asks = placesAsked(machine, asked).map((place) =>
    step(`asks for ${place}`, (mine, run, after) => ask({ mine, run, at, series, place, after })),
  );
  const turns = [
    step("takes", (mine, _, after) => spend(after, "takes", () => (mine.isTaking = true))),
    step("closes", (mine, _, after) => spend(after, "closes", () => (mine.isClosing = true))),
  ].filter((_, which) => [left.takes > 0 && !machine.isTaking, left.closes > 0][which]);
  const decides = step("decides", (mine, run, after) => decide(mine, run, { at, after }));
  return [...always, ...asks, decides, ...turns];
}

/** Blocks are asked for one behind the other; votes in any order. */
function placesAsked({ blocks, words }: Machine, { series, places }: Asked): readonly bigint[] {
  if (!isOfBlocks(series)) return Array.from({ length: Number(places) }, (_, at) => BigInt(at));
  const place = blocks + BigInt(words.length);
  return place < places ? [place] : [];
}

interface Asking {
  readonly mine: Machine;
  readonly run: Run;
  readonly at: number;
  readonly series: SeriesName;
  readonly place: bigint;
  readonly after: World;
}

function ask({ mine, run, at, series, place, after }: Asking): void {
  const { first: begin, next } = run.placesOf(series);
  if (place < begin || place >= next) {
    run.want(series, place);
    return;
  }
  run.give(series, place);
  // The word for a vote outlives its process: from here on it counts as signed.
  if (isOfBlocks(series)) mine.words = [...mine.words, place];
  else signAt(place, at, after);
}

/** A word for a block that the store holds meanwhile is of no use any more. */
function sign(mine: Machine, at: number, after: World): void {
  const [place, ...rest] = mine.words;
  mine.words = rest;
  if (place === undefined || place !== mine.blocks) return;
  mine.blocks += 1n;
  signAt(place, at, after);
}

function signAt(place: bigint, at: number, after: World): void {
  const name = NAMES[at] ?? "";
  const before = after.signed.get(place) ?? name;
  if (before !== name) after.violation = `${before} and ${name} sign at ${place}`;
  after.signed.set(place, name);
}

function decide(
  mine: Machine,
  run: Run,
  { at, after }: { readonly at: number; readonly after: World },
): void {
  const newest = after.register;
  const name = NAMES[at] ?? "";
  const base = mine.isTaking ? takenOver(newest, name, { taken: TAKEN, ended: undefined }) : newest;
  const record = run.decide(newest, base);
  mine.put = record && { replaces: newest, record };
}

function giveBack(
  mine: Machine,
  run: Run,
  { series, after }: { readonly series: SeriesName; readonly after: World },
): void {
  const newest = after.register;
  const record = run.decideAtEnd(newest);
  if (record) mine.put = { replaces: newest, record };
  else reopen(mine, series);
}

interface PutFacts {
  readonly at: number;
  readonly series: SeriesName;
  readonly left: Budgets;
}

function fatesOf(put: Put, { at, series, left }: PutFacts): Step[] {
  const answered: Step = [
    "hears of its put",
    (after) => {
      const mine = machineAt(after, at);
      mine.put = undefined;
      if (!isStored(after, put)) return;
      runOf(mine, at).stored(put.record);
      if (put.record.holder === NAMES[at]) mine.isTaking = false;
      if (mine.isClosing) reopen(mine, series);
    },
  ];
  if (left.faults === 0) return [answered];
  const failed = (name: string, outcome: (after: World) => void): Step => [
    name,
    (after) => {
      const mine = machineAt(after, at);
      mine.put = undefined;
      spend(after, "faults", () => outcome(after));
      if (mine.isClosing) reopen(mine, series);
    },
  ];
  return [
    answered,
    failed("has its put done without an answer", (after) => void isStored(after, put)),
    failed("loses its put", () => {}),
    failed("has its put delayed", (after) => void after.late.push(put)),
  ];
}

function isStored(after: World, { replaces, record }: Put): boolean {
  if (after.register !== replaces) return false;
  after.register = record;
  return true;
}

/** The same process opens the store anew: words that it was given before may still be used. */
function reopen(mine: Machine, series: SeriesName): void {
  mine.state = freshRun(series, mine.state.ends);
  Object.assign(mine, { isTaking: false, isClosing: false });
}

/**
 * A new process opens the store; the put of the old one is done later, or never. The words end with it where the
 * validator lives in it.
 */
function die(mine: Machine, series: SeriesName, after: World): void {
  const { put } = mine;
  spend(after, "deaths", () => put && after.late.push(put));
  mine.state = freshRun(series, new Map());
  Object.assign(mine, { isTaking: false, isClosing: false, put: undefined });
  if (!mine.isRemote) mine.words = [];
}

function spend(world: World, what: keyof Budgets, run: () => unknown): void {
  world.left = { ...world.left, [what]: world.left[what] - 1 };
  run();
}

function machineAt({ machines }: World, at: number): Machine {
  return at === 0 ? machines[0] : machines[1];
}
