/** Homes of jobs in memory: for `JobStore.openMemory`. Nothing in them survives the process (D10). */
import { MemoryLevel } from "memory-level";
import { assert } from "../../types/assert.js";
import type { JobHome, JobHomes } from "./home.js";
import type { FileMark } from "../journal/job-record.js";
import type { Database } from "./database.js";

const NO_FILE: FileMark = { name: "memory", bytes: 0, crc: 0 };

export class MemoryHomes implements JobHomes {
  readonly #databases = new Map<string, Database>();

  of(id: string): JobHome {
    return new MemoryHome(this.#databases, id);
  }

  isTaken(): Promise<boolean> {
    return Promise.resolve(false);
  }

  found(): Promise<readonly string[]> {
    return Promise.resolve([...this.#databases.keys()]);
  }
}

class MemoryHome implements JobHome {
  readonly #databases: Map<string, Database>;
  readonly #id: string;

  constructor(databases: Map<string, Database>, id: string) {
    this.#databases = databases;
    this.#id = id;
  }

  async make(): Promise<Database> {
    const database = new MemoryLevel<Uint8Array, Uint8Array>({
      keyEncoding: "view",
      valueEncoding: "view",
      storeEncoding: "view",
    }) as Database;
    this.#databases.set(this.#id, database);
    await database.open();
    return database;
  }

  checkClosed(): Promise<void> {
    return Promise.resolve();
  }

  mend(): Promise<void> {
    return Promise.resolve();
  }

  /** A closed database in memory keeps its values. */
  async open(): Promise<Database> {
    const database = this.#databases.get(this.#id);
    assert(database !== undefined, "a job in memory was made before it is opened");
    await database.open();
    return database;
  }

  manifest(): Promise<FileMark> {
    return Promise.resolve(NO_FILE);
  }

  files(): Promise<readonly FileMark[]> {
    return Promise.resolve([]);
  }

  remove(): Promise<void> {
    this.#databases.delete(this.#id);
    return Promise.resolve();
  }

  bytes(): Promise<number> {
    return Promise.resolve(0);
  }

  hasOldFiles(): Promise<boolean> {
    return Promise.resolve(false);
  }
}
