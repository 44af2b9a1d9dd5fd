/**
 * Time stands still: whoever asks how long it has held the event loop is told that it has not, so that
 * a seed takes the same steps on every machine.
 */
import { afterAll, beforeAll } from "vitest";

/** For all tests of the file that calls it. Not by a spy: that would keep each of a billion calls. */
export function freezeTime(): void {
  const { performance } = globalThis;
  beforeAll(() => {
    Object.defineProperty(performance, "now", { configurable: true, value: () => 0 });
  });
  afterAll(() => {
    // The prototype's own function is visible again then.
    Reflect.deleteProperty(performance, "now");
  });
}
