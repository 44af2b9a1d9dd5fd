/**
 * A property draws fast-check's model commands, each as often as its weight says. A history
 * writes more than it breaks, and breaks often enough.
 */
import * as fc from "fast-check";
import type { DiskCommand, StoreCommand, Weighted } from "./command.js";
import { crashCommands } from "./crashes.js";
import { refusedCommands } from "./refused.js";
import { writeCommands } from "./writes.js";

/** Commands of one history. */
export const COMMANDS = 60;

/** Histories of a store in memory. `replayPath` is fast-check's, of a run that is to be seen again. */
export function storeHistories(replayPath?: string): fc.Arbitrary<Iterable<StoreCommand>> {
  const drawn = [...writeCommands, ...refusedCommands];
  return histories<StoreCommand>(fc.oneof(...drawn), replayPath);
}

/** Histories of a store on a disk. */
export function diskHistories(replayPath?: string): fc.Arbitrary<Iterable<DiskCommand>> {
  const drawn: Weighted<DiskCommand>[] = [...writeCommands, ...refusedCommands, ...crashCommands];
  return histories<DiskCommand>(fc.oneof(...drawn), replayPath);
}

function histories<Command extends DiskCommand>(
  command: fc.Arbitrary<Command>,
  replayPath = "",
): fc.Arbitrary<Iterable<Command>> {
  const replay = replayPath === "" ? {} : { replayPath };
  const constraints = { maxCommands: COMMANDS, size: "max", ...replay } as const;
  return new Longest(fc.commands([command as fc.Arbitrary<DiskCommand>], constraints)) as never;
}

/** Draws again until a history is as long as it may be: a short one is how a long one begins. */
class Longest<T> extends fc.Arbitrary<Iterable<T>> {
  readonly #any: fc.Arbitrary<Iterable<T>>;

  constructor(any: fc.Arbitrary<Iterable<T>>) {
    super();
    this.#any = any;
  }

  override generate(random: fc.Random, bias: number | undefined): fc.Value<Iterable<T>> {
    for (;;) {
      const { value, context } = this.#any.generate(random, bias);
      if ([...value].length === COMMANDS) return new fc.Value(value, context);
    }
  }

  override canShrinkWithoutContext(value: unknown): value is Iterable<T> {
    return this.#any.canShrinkWithoutContext(value);
  }

  override shrink(value: Iterable<T>, context: unknown): fc.Stream<fc.Value<Iterable<T>>> {
    return this.#any.shrink(value, context);
  }
}
