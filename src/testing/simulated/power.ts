/**
 * Every disk that a power cut may leave, in the strictest reading of POSIX: each pending write is
 * torn on its own, in any order, and each name stands at any of its pending states, whatever
 * happened to the file's bytes or to other names. A rename alone is whole: both of its names have changed, or none.
 *
 * Few combinations are enumerated exhaustively; of many, a sample is drawn by the seed. Two are
 * always among them, and first: nothing pending arrived; all of it did.
 */
import type { Content } from "./content.js";
import { type Random, seededRandom } from "./random.js";
import {
  allTears,
  applyTear,
  someTear,
  type Tear,
  type Tearable,
  tearable,
  tearCountMax,
} from "./tear.js";
import { copyWorld, type Node, type PendingEntry, ROOT_NODE, type World } from "./world.js";

/** One pending write of a file. */
interface WriteChoice {
  readonly node: number;
  readonly target: Tearable;
}

/** One name of a directory, and the changes of it that are pending. */
interface NameChoice {
  readonly node: number;
  readonly name: string;
  readonly changes: readonly PendingEntry[];
}

interface Choices {
  readonly writes: readonly WriteChoice[];
  readonly names: readonly NameChoice[];
}

/** One power cut: a tear for each write, and for each name how many of its changes arrived. */
interface Cut {
  readonly tears: readonly Tear[];
  readonly arrived: readonly number[];
}

/** At most `max` worlds (but never fewer than the two extremes) that a power cut of `world` leaves. */
export function* worldsAfterPowerCut(world: World, seed: number, max: number): Generator<World> {
  const choices = choicesOf(world);
  const { writes, names } = choices;
  const dropped: Cut = {
    tears: writes.map(() => ({ kind: "dropped" })),
    arrived: names.map(() => 0),
  };
  yield worldAfter(world, choices, dropped);
  if (writes.length === 0 && names.length === 0) return;
  const there: Cut = {
    tears: writes.map(() => ({ kind: "there" })),
    arrived: names.map(({ changes }) => changes.length),
  };
  yield worldAfter(world, choices, there);
  const seen = new Set([keyOf(dropped), keyOf(there)]);
  for (const cut of cutsOf(choices, seed, max)) {
    if (seen.size >= max) return;
    if (!keepsRenames(choices, cut)) continue;
    const key = keyOf(cut);
    if (seen.has(key)) continue;
    seen.add(key);
    yield worldAfter(world, choices, cut);
  }
}

/** Whether each rename has arrived with both of its names, or with none. */
function keepsRenames({ names }: Choices, { arrived }: Cut): boolean {
  const isThere = new Map<number, boolean>();
  for (const [index, { changes }] of names.entries()) {
    for (const [at, { order }] of changes.entries()) {
      const has = at < (arrived[index] ?? 0);
      if ((isThere.get(order) ?? has) !== has) return false;
      isThere.set(order, has);
    }
  }
  return true;
}

function choicesOf(world: World): Choices {
  const writes: WriteChoice[] = [];
  const names: NameChoice[] = [];
  const named = namedNodes(world);
  for (const [node, held] of world.nodes) {
    if (!named.has(node)) continue;
    if (held.kind === "file") {
      for (const write of held.pending) {
        const target = tearable(held.durable, write);
        // Without a differing sector it may still matter: it may restore what another one changes.
        if (target.length > 0 || held.pending.length > 1) writes.push({ node, target });
      }
    } else {
      for (const name of new Set(held.pending.map((change) => change.name))) {
        names.push({ node, name, changes: held.pending.filter((change) => change.name === name) });
      }
    }
  }
  return { writes, names };
}

/** The files and folders that any name, durable or pending, leads to. All others are gone for good. */
function namedNodes(world: World): ReadonlySet<number | undefined> {
  const named = new Set<number | undefined>([ROOT_NODE]);
  for (const node of world.nodes.values()) {
    if (node.kind === "file") continue;
    for (const target of node.durable.values()) named.add(target);
    for (const change of node.pending) named.add(change.node);
  }
  return named;
}

function* cutsOf(choices: Choices, seed: number, max: number): Generator<Cut> {
  const counts = [
    ...choices.writes.map(({ target }) => tearCountMax(target)),
    ...choices.names.map(({ changes }) => changes.length + 1),
  ];
  const combinations = counts.reduce((product, count) => product * count, 1);
  if (combinations <= max) yield* everyCut(choices, seed);
  else yield* sampledCuts(choices, seededRandom(seed), max);
}

function* everyCut({ writes, names }: Choices, seed: number): Generator<Cut> {
  const tears = writes.map(({ target }) => allTears(target, seed));
  const radices = [
    ...tears.map((list) => list.length),
    ...names.map(({ changes }) => changes.length + 1),
  ];
  const digits = radices.map(() => 0);
  do {
    yield {
      tears: tears.map((list, index) => list[digits[index] ?? 0] ?? { kind: "dropped" }),
      arrived: digits.slice(tears.length),
    };
  } while (countUp(digits, radices));
}

/** Counts `digits` up by one; false when they have come round to zero. */
function countUp(digits: number[], radices: readonly number[]): boolean {
  for (let index = 0; index < digits.length; index++) {
    const digit = (digits[index] ?? 0) + 1;
    digits[index] = digit === radices[index] ? 0 : digit;
    if (digits[index] !== 0) return true;
  }
  return false;
}

/** Twice `max` draws, since equal ones are dropped; half of them on an orderly file system. */
function* sampledCuts({ writes, names }: Choices, random: Random, max: number): Generator<Cut> {
  for (let draw = 0; draw < 2 * max; draw++) {
    const orderly = random.below(2) === 0;
    const whole = random.below(4) === 0;
    const simple: Tear = { kind: "dropped" };
    yield {
      tears: writes.map(({ target }) => {
        if (!whole && target.length > 0) return someTear(target, random);
        return random.below(2) === 0 ? simple : { kind: "there" };
      }),
      arrived: names.map(({ changes }) => {
        return orderly ? changes.length : random.below(changes.length + 1);
      }),
    };
  }
}

function worldAfter(world: World, { writes, names }: Choices, cut: Cut): World {
  const after = copyWorld(world);
  for (const node of after.nodes.values()) settle(node);
  writes.forEach(({ node, target }, index) => {
    const file = after.nodes.get(node);
    const tear = cut.tears[index];
    if (file?.kind !== "file" || tear === undefined) return;
    const next = applyTear(file.durable, durableOf(world.nodes.get(node)), target, tear);
    file.durable = next;
    file.visible = next;
  });
  names.forEach(({ node, name, changes }, index) => {
    const directory = after.nodes.get(node);
    const last = changes[(cut.arrived[index] ?? 0) - 1];
    if (directory?.kind !== "directory" || last === undefined) return;
    const entries = new Map(directory.durable);
    if (last.node === undefined) entries.delete(name);
    else entries.set(name, last.node);
    directory.durable = entries;
    directory.visible = entries;
  });
  return after;
}

/** Back to what is durable, with nothing pending. */
function settle(node: Node): void {
  if (node.kind === "file") node.visible = node.durable;
  else node.visible = node.durable;
  node.pending = [];
}

function durableOf(node: Node | undefined): Content {
  return node?.kind === "file" ? node.durable : { size: 0, pages: [] };
}

function keyOf(cut: Cut): string {
  return JSON.stringify(cut);
}
