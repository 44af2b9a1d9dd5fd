/**
 * Time stands still: whoever asks how long it has held the event loop is told that it has not, so that
 * a seed takes the same steps on every machine.
 */
import { beforeAll, vi } from "vitest";

/** For all tests of the file that calls it. */
export function freezeTime(): void {
  beforeAll(() => {
    vi.spyOn(performance, "now").mockReturnValue(0);
  });
}
