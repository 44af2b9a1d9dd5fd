/** Reads live records of an engine, wherever they lie by the time that they are read. */
import type { LogTable } from "./form/log-table.js";
import type { Places } from "./segment/places.js";
import type { RecordName, RecordReader } from "./segment/reader.js";
import type { Pointer } from "./segment/segment.js";

/** No log has this number. */
export const NO_LOG = -1;

export class LiveReads {
  readonly #parts: {
    readonly table: LogTable;
    readonly places: Places;
    readonly reader: RecordReader;
  };

  constructor(parts: {
    readonly table: LogTable;
    readonly places: Places;
    readonly reader: RecordReader;
  }) {
    this.#parts = parts;
  }

  /** See `LogEngine.read`. */
  read(name: string, number: bigint): Promise<Uint8Array | undefined> {
    return this.#readLive(name, number, (pointer) => this.readAt(pointer, name, number));
  }

  /** See `LogEngine.readBeginning`. */
  readBeginning(name: string, number: bigint): Promise<Uint8Array | undefined> {
    return this.#readLive(name, number, (pointer) => {
      return this.#parts.reader.readBeginning(pointer, this.#named(name, number));
    });
  }

  /** See `LogEngine.readAt`. */
  async readAt(pointer: Pointer, name: string, number: bigint): Promise<Uint8Array> {
    return await this.#parts.reader.read(pointer, this.#named(name, number));
  }

  async #readLive(
    name: string,
    number: bigint,
    readAt: (pointer: Pointer) => Promise<Uint8Array>,
  ): Promise<Uint8Array | undefined> {
    const { places } = this.#parts;
    for (;;) {
      const pointer = places.find(name, number);
      if (!pointer) return undefined;
      try {
        return await readAt(pointer);
      } catch (cause) {
        // It was moved or pruned, and its slot written over, while it was read.
        if (places.find(name, number) === pointer) throw cause;
      }
    }
  }

  #named(name: string, number: bigint): RecordName {
    return { name, log: this.#parts.table.byName(name)?.log ?? NO_LOG, number };
  }
}
