/** The reasons why the map is not what it should be. They cost time, never records. */

/** Warnings that are kept: the newest tell enough. */
const WARNINGS_MAX = 20;

export interface MapCounters {
  /** How often the map was found wrong and was made anew. */
  readonly mapRebuilds: number;
  /** How often a warning was given, of the same kind or another. */
  readonly mapWarnings: number;
}

/** Told of each warning, and of each time that the map is made anew. */
export type MapListener = (kind: "mapRebuilt" | "mapWarning", reason: string) => void;

export class MapWarnings {
  readonly #kept: string[] = [];
  readonly #counters = { mapRebuilds: 0, mapWarnings: 0 };
  listener: MapListener | undefined;

  /** The newest warnings, each once. */
  get kept(): readonly string[] {
    return this.#kept;
  }

  get counters(): MapCounters {
    return this.#counters;
  }

  add(warning: string): void {
    this.#counters.mapWarnings += 1;
    if (!this.#kept.includes(warning)) this.#kept.push(warning);
    if (this.#kept.length > WARNINGS_MAX) this.#kept.shift();
    this.listener?.("mapWarning", warning);
  }

  /** The map is made anew, for this reason. */
  addRebuild(reason: string): void {
    this.#counters.mapRebuilds += 1;
    this.add(`the map is made anew, it is ${reason}`);
    this.listener?.("mapRebuilt", reason);
  }
}
