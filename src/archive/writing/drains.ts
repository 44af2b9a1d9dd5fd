/** Those who wait until some logs are archived as far as they are pruned. */

interface Drain {
  readonly logs: ReadonlySet<string>;
  readonly end: () => void;
}

export class Drains {
  readonly #all = new Set<Drain>();

  /** Resolves when none of these logs is left. */
  wait(logs: ReadonlySet<string>): Promise<void> {
    return new Promise((end) => void this.#all.add({ logs, end }));
  }

  /** Whether somebody waits for the log. */
  has(log: string): boolean {
    return [...this.#all].some(({ logs }) => logs.has(log));
  }

  /** Ends those for which no log is left, as `isLeft` says. */
  endThose(isLeft: (log: string) => boolean): void {
    for (const drain of this.#all) {
      if ([...drain.logs].some(isLeft)) continue;
      this.#all.delete(drain);
      drain.end();
    }
  }
}
