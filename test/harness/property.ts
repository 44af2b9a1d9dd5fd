/**
 * A property as a test of its own. `test.prop` of @fast-check/vitest would do the same; to load that package takes two
 * seconds of each process, since it builds a function for each order of the words behind `test`.
 */
import * as fc from "fast-check";
import { test } from "vitest";

/** The property holds for whatever is drawn. A failure tells its seed, and the smallest draw that was found. */
export function property<Drawn extends [unknown, ...unknown[]]>(
  arbitraries: [...{ [At in keyof Drawn]: fc.Arbitrary<Drawn[At]> }],
  parameters?: fc.Parameters<NoInfer<Drawn>>,
): (name: string, holds: (...drawn: Drawn) => void | Promise<void>) => void {
  return (name, holds) => {
    test(name, async () => {
      const claim = async (...drawn: Drawn): Promise<void> => holds(...drawn);
      await fc.assert(fc.asyncProperty(...arbitraries, claim), parameters);
    });
  };
}
