/**
 * Mutation runs: a decoder is shown mutants of valid messages, golden ones where there are any, and
 * judged on each. A mutant is made again from the seed and its number.
 *
 * `LANEKEEPER_MUTANTS` is the number for each decoder (100,000 at full size), `LANEKEEPER_SEED` the seed.
 */
import { createHash } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import { expect, it } from "vitest";
import { type Random, seededRandom } from "../../../src/testing/simulated/random.js";
import type { DecodeReason } from "../../../src/wire/codec/decode-error.js";
import { type Corpus, corpusOf } from "./messages/corpus.js";
import { judge } from "./judge.js";
import { type Donors, gentle, harsh, rough, type Spot, type TreeMutator } from "./mutators.js";
import type { MessageShape } from "./messages/schema.js";
import type { Subject } from "./messages/subjects.js";
import { type Field, readTree, TreeWriter } from "./messages/tree.js";
import { campaignSize } from "../../scale.js";

const MUTANTS = campaignSize(100_000, "LANEKEEPER_MUTANTS");
const SEED = Number(process.env["LANEKEEPER_SEED"] ?? 1);
/** The number of mutants of our own messages, beside those of the golden ones. */
const OWN_MUTANTS = Math.ceil(MUTANTS / 40);
/** Over ten times of what is seen on a machine with nothing else to do. */
const MS_PER_MUTANT_MAX = 2;
const MUTANTS_PER_TURN = 5_000;
const COMPLAINTS_MAX = 5;
/** At least so many of a hundred mutants must be accepted: a run of refusals shows little. */
const ACCEPTED_PERCENT_MIN = 10;

interface Stock {
  readonly golden: readonly Base[];
  readonly own: readonly Base[];
  readonly donors: Donors;
}

/** A message to be mutated, as a tree and with plain framing. */
interface Base {
  readonly fields: readonly Field[];
  readonly bytes: Uint8Array;
}

/** Writes every field once, so that mutants copy what was not changed in them. */
function remember(fields: readonly Field[]): void {
  for (const field of fields) {
    if (Array.isArray(field.body)) remember(field.body);
    field.size = 1 + (Array.isArray(field.body) ? sizeOf(field.body) : 0);
    field.written = writer.write([field]).slice();
  }
}

function stockOf(subject: Subject, corpus: Corpus): Stock {
  const baseOf = (message: Uint8Array): Base => {
    const fields = readTree(message, subject.shape);
    remember(fields);
    return { fields, bytes: writer.write(fields).slice() };
  };
  const golden = corpus.golden.map(baseOf);
  const own = corpus.own.map(baseOf);
  const donors = new Map<MessageShape, (readonly Field[])[]>();
  const gather = (fields: readonly Field[], shape: MessageShape): void => {
    donors.set(shape, [...(donors.get(shape) ?? []), fields]);
    for (const { number, body } of fields) {
      const inner = shape.fields[number]?.message;
      if (Array.isArray(body) && inner !== undefined) gather(body, inner);
    }
  };
  for (const { fields } of [...golden, ...own]) gather(fields, subject.shape);
  return { golden, own, donors };
}

function pick<T>(random: Random, list: readonly T[]): T {
  return list[random.below(list.length)]!;
}

/** How many fields a tree has, those of nested messages included. */
function sizeOf(fields: readonly Field[]): number {
  let size = 0;
  for (const { body, written, size: known } of fields) {
    if (written !== undefined) size += known;
    else size += 1 + (Array.isArray(body) ? sizeOf(body) : 0);
  }
  return size;
}

/** The field at `place` of `[0, sizeOf(siblings))`, after copying it and the fields around it. */
function spotAt(siblings: Field[], message: MessageShape, place: number): Spot {
  let rest = place;
  for (let index = 0; ; index++) {
    const { body, written, size: known } = siblings[index]!;
    const size = written !== undefined ? known - 1 : Array.isArray(body) ? sizeOf(body) : 0;
    if (rest > size) {
      rest -= size + 1;
      continue;
    }
    const field: Field = { ...siblings[index]!, written: undefined };
    siblings[index] = field;
    const shape = message.fields[field.number];
    if (rest === 0 || !Array.isArray(body)) return { siblings, index, field, message, shape };
    const inner = [...body];
    field.body = inner;
    // Under another number than its own a message's fields are as good as those around it.
    return spotAt(inner, shape?.message ?? message, rest - 1);
  }
}

const gentleNames = Object.keys(gentle);
const treeMutators: Readonly<Record<string, TreeMutator>> = { ...gentle, ...harsh };
const treeNames = Object.keys(treeMutators);
const roughNames = Object.keys(rough);
const writer = new TreeWriter();

interface Mutant {
  readonly bytes: Uint8Array;
  readonly applied: readonly string[];
}

/** A mutant of one of `bases` that differs from it. */
function mutantOf(bases: readonly Base[], donors: Donors, shape: MessageShape, random: Random) {
  const base = pick(random, bases);
  let mutant: Mutant;
  do mutant = changed(base, pick(random, bases), { donors, shape, random });
  while (Buffer.compare(mutant.bytes, base.bytes) === 0);
  return mutant;
}

interface Means {
  readonly donors: Donors;
  readonly shape: MessageShape;
  readonly random: Random;
}

/** One to four changes; a third of the mutants are treated gently, a third roughly in the end. */
function changed(base: Base, other: Base, { donors, shape, random }: Means): Mutant {
  const fields = [...base.fields];
  const applied: string[] = [];
  const mood = random.below(3);
  const names = mood === 0 ? gentleNames : treeNames;
  const changes = [1, 1, 1, 2, 2, 3, 4][random.below(7)]!;
  for (let change = mood === 2 ? 1 : 0; change < changes; change++) {
    const size = sizeOf(fields);
    if (size === 0) break;
    const name = pick(random, names);
    applied.push(name);
    treeMutators[name]!(spotAt(fields, shape, random.below(size)), random, donors);
  }
  const bytes = writer.write(fields);
  if (mood < 2) return { bytes, applied };
  const name = pick(random, roughNames);
  return { bytes: rough[name]!(bytes, random, other.bytes), applied: [...applied, name] };
}

interface Tally {
  accepted: number;
  reframed: number;
  readonly refused: Partial<Record<DecodeReason, number>>;
  readonly complaints: string[];
}

function showsTo(subject: Subject, bytes: Uint8Array, tally: Tally, what: () => string): void {
  const { outcome, complaint, isReframed } = judge(subject, bytes);
  if (outcome === "accepted") tally.accepted++;
  else tally.refused[outcome] = (tally.refused[outcome] ?? 0) + 1;
  if (isReframed) tally.reframed++;
  if (complaint === undefined) return;
  tally.complaints.push(`${complaint}\n  ${what()}\n  ${Buffer.from(bytes).toString("hex")}`);
}

async function run(subject: Subject, { golden, own, donors }: Stock): Promise<Tally> {
  const tally: Tally = { accepted: 0, reframed: 0, refused: {}, complaints: [] };
  const { stackTraceLimit } = Error;
  // Every refusal makes errors, whose stacks nobody reads.
  Error.stackTraceLimit = 0;
  const salt = createHash("sha256").update(`${SEED} ${subject.name}`).digest().readUInt32LE();
  for (let index = 0; index < MUTANTS + OWN_MUTANTS; index++) {
    if (index % MUTANTS_PER_TURN === 0) await setImmediate();
    const random = seededRandom(salt + Math.imul(index, 0x85eb_ca6b));
    const bases = index < MUTANTS && golden.length > 0 ? golden : own;
    const { bytes, applied } = mutantOf(bases, donors, subject.shape, random);
    showsTo(subject, bytes, tally, () => `mutant ${index} of seed ${SEED}: ${applied.join(", ")}`);
    if (tally.complaints.length >= COMPLAINTS_MAX) break;
  }
  Error.stackTraceLimit = stackTraceLimit;
  return tally;
}

function report({ name }: Subject, { golden, own }: Corpus, tally: Tally): string {
  const refused = Object.entries(tally.refused).sort(([a], [b]) => (a < b ? -1 : 1));
  const ofGolden = golden.length > 0 ? MUTANTS : 0;
  return [
    `${name}, seed ${SEED}: ${ofGolden} mutants of ${golden.length} golden messages`,
    `${MUTANTS + OWN_MUTANTS - ofGolden} of ${own.length} own ones`,
    `${tally.accepted} accepted`,
    `refused: ${refused.map(([reason, count]) => `${reason} ${count}`).join(", ")}`,
    `${tally.reframed} reframed for protobufjs`,
  ].join("; ");
}

/** A test for each decoder: valid messages are accepted, and mutants are judged rightly. */
export function mutationRuns(subjects: readonly Subject[]): void {
  it.for(subjects.map((subject) => [subject.name, subject] as const))(
    "%s",
    { timeout: Math.max(300_000, MUTANTS * MS_PER_MUTANT_MAX) },
    async ([, subject]) => {
      const corpus = corpusOf(subject.type);
      const untouched: Tally = { accepted: 0, reframed: 0, refused: {}, complaints: [] };
      const messages = [...corpus.golden, ...corpus.own];
      for (const bytes of messages) showsTo(subject, bytes, untouched, () => "as it was");
      expect(untouched.complaints.slice(0, COMPLAINTS_MAX)).toEqual([]);
      expect(untouched.accepted).toBe(messages.length);

      const tally = await run(subject, stockOf(subject, corpus));
      console.log(report(subject, corpus, tally));
      expect(tally.complaints).toEqual([]);
      const acceptedPercent = (100 * tally.accepted) / (MUTANTS + OWN_MUTANTS);
      expect(acceptedPercent).toBeGreaterThan(ACCEPTED_PERCENT_MIN);
      const { count = 0, malformed = 0, field_number = 0, missing = 0, length = 0 } = tally.refused;
      expect(Math.min(count, malformed, field_number, missing + length)).toBeGreaterThan(0);
    },
  );
}
