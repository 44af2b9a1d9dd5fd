/**
 * Every history of a small world: a state is expanded once, by every step that may come next, until no new state
 * comes.
 */
import type { ReservationRecord } from "../../src/reserve/record.js";
import { type Asked, type Budgets, firstWorld, stepsOf, type World } from "./small-world.js";

export interface Explored {
  readonly states: number;
  readonly depth: number;
  /** The steps to a place that both machines sign. */
  readonly violation: readonly string[] | undefined;
}

/** Expands all states of a series, those with fewer steps before them first. */
export function explore(asked: Asked, budgets: Budgets): Explored {
  const seen = new Set<string>();
  let states = 0;
  let level: readonly Reached[] = [{ world: firstWorld(asked, budgets), path: undefined }];
  for (let depth = 0; ; depth++) {
    const next: Reached[] = [];
    for (const { world, path } of level) {
      states += 1;
      for (const [name, take] of stepsOf(world, asked)) {
        const after = copyOf(world);
        take(after);
        const way = { name, before: path };
        const { violation } = after;
        if (violation !== undefined) {
          return { states, depth, violation: [...namesOf(way), violation] };
        }
        const key = keyOf(after);
        if (!seen.has(key)) next.push({ world: after, path: way });
        seen.add(key);
      }
    }
    if (next.length === 0) return { states, depth, violation: undefined };
    level = next;
  }
}

interface Reached {
  readonly world: World;
  readonly path: Path;
}

type Path = { readonly name: string; readonly before: Path } | undefined;

function namesOf(path: Path): string[] {
  return path ? [...namesOf(path.before), path.name] : [];
}

function copyOf(world: World): World {
  const { late, machines, signed } = world;
  const [a, b] = machines;
  const all = {
    late: [...late],
    machines: [copied(a), copied(b)] as const,
    signed: new Map(signed),
  };
  return { ...world, ...all };
}

function copied(machine: World["machines"][0]): World["machines"][0] {
  const { own, ends, givenBack, wanted } = machine.state;
  const maps = { ends: new Map(ends), givenBack: new Map(givenBack), wanted: new Map(wanted) };
  return { ...machine, state: { own, ...maps } };
}

/** Two worlds with one key go on in the same way: of the order of records only what is newest matters. */
function keyOf({ register, late, machines, signed, left }: World): string {
  const puts = late
    .filter(({ replaces }) => replaces === register)
    .map(({ record }) => textOf(record));
  const each = machines.map(({ state, put, ...rest }) => {
    const { own, ends, givenBack, wanted } = state;
    return [
      [own && textOf(own), own === register],
      [put && textOf(put.record), put?.replaces === register],
      [ends, givenBack, wanted].map(textOfMap),
      [rest.isTaking, rest.isClosing, rest.words, rest.blocks],
    ].join(";");
  });
  return [textOf(register), puts.sort(), each, textOfMap(signed), Object.values(left)].join("|");
}

function textOfMap(map: ReadonlyMap<unknown, unknown>): string {
  return [...map]
    .map(([key, value]) => `${String(key)}=${String(value)}`)
    .sort()
    .join(",");
}

const texts = new WeakMap<ReservationRecord, string>();

function textOf(record: ReservationRecord): string {
  const known = texts.get(record);
  if (known !== undefined) return known;
  const reaches = [...record.series.values()].map(
    ({ of, first: begin, next }) => `${of}${begin}-${next}`,
  );
  const text = `${record.holder}:${reaches.join()}`;
  texts.set(record, text);
  return text;
}
