/**
 * A simulated disk whose nth call fails, once or from then on, whatever call it is; and a witness of
 * what is done behind a failed flush (D7).
 *
 * A failed write leaves its pages visible and clean: no later flush makes them durable. The same goes
 * for a failed flush of a directory: the names that it should have made durable stay visible, and
 * never are.
 */
import type {
  Disk,
  DirectoryEntry,
  DiskFile,
  EntryKind,
  FileFacts,
  FileIdentity,
  FileOrigin,
  WriteWay,
} from "../../../src/disk/disk.js";
import { diskError, osError } from "../../../src/disk/failure.js";
import type { Fault, FaultEffect, SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import type { FaultyOperation } from "../../../src/testing/simulated/faults.js";
import type { World } from "../../../src/testing/simulated/world.js";
import { directoryIn } from "../history/worlds.js";

export type Operation = FaultyOperation | "close";

/** One call of a program on its disk. */
export interface Call {
  readonly operation: Operation;
  readonly path: string;
}

/** The call that fails, and how it fails. */
export interface FaultPlan {
  /** Its place among all calls, from 1. */
  readonly call: number;
  readonly mode: "once" | "from-then-on";
  readonly error: NonNullable<Fault["error"]>;
  readonly effect: FaultEffect;
}

interface FailedWrite {
  readonly path: string;
  readonly position: number;
  readonly end: number;
}

export class FaultyDisk implements Disk {
  /** Every call so far. */
  readonly calls: Call[] = [];
  /** Acts that D7 forbids. */
  readonly faults: string[] = [];
  readonly #disk: SimulatedDisk;
  readonly #world: World;
  readonly #plan: FaultPlan | undefined;
  #failed: FailedWrite[] = [];
  #isFailureKnown = false;

  /** `world` is what `disk` runs on. */
  constructor(disk: SimulatedDisk, world: World, plan?: FaultPlan) {
    this.#disk = disk;
    this.#world = world;
    this.#plan = plan;
  }

  /** A write of anything but zeros has failed: such a one is never to be followed by another. */
  get hasFailedWrite(): boolean {
    return this.#failed.length > 0;
  }

  async openToRead(path: string): Promise<DiskFile | undefined> {
    return this.#file(await this.#call("openToRead", path, () => this.#disk.openToRead(path)));
  }

  async openToWrite(path: string): Promise<DiskFile | undefined> {
    return this.#file(await this.#call("openToWrite", path, () => this.#disk.openToWrite(path)));
  }

  async create(path: string): Promise<DiskFile> {
    return new FaultyFile(this, await this.#call("create", path, () => this.#disk.create(path)));
  }

  async kind(path: string): Promise<EntryKind | undefined> {
    return await this.#call("kind", path, () => this.#disk.kind(path));
  }

  async identity(path: string): Promise<FileIdentity | undefined> {
    return await this.#call("identity", path, () => this.#disk.identity(path));
  }

  async list(path: string): Promise<readonly DirectoryEntry[] | undefined> {
    return await this.#call("list", path, () => this.#disk.list(path));
  }

  async makeDirectory(path: string): Promise<void> {
    await this.#call("makeDirectory", path, () => this.#disk.makeDirectory(path));
  }

  async remove(path: string): Promise<void> {
    await this.#call("remove", path, () => this.#disk.remove(path));
  }

  async syncDirectory(path: string): Promise<void> {
    const pending = directoryIn(this.#world, path)?.pending ?? [];
    try {
      await this.#call("syncDirectory", path, () => this.#disk.syncDirectory(path));
    } catch (cause) {
      const directory = directoryIn(this.#world, path);
      const isClean = this.#plan?.effect === "visible-not-durable";
      // Clean, and so never written: visible until the power goes.
      if (directory && isClean) {
        directory.pending = directory.pending.filter((each) => !pending.includes(each));
      }
      throw cause;
    }
  }

  /** For its files: one call, which may be the one that fails. */
  async onFile<T>(operation: Operation, path: string, call: () => Promise<T>): Promise<T> {
    return await this.#call(operation, path, call);
  }

  /** For its files: a durable write, watched. Zeros are of no value: a spare may be made again. */
  async onWrite(
    path: string,
    range: { readonly position: number; readonly buffers: readonly Uint8Array[] },
    write: () => Promise<void>,
  ): Promise<void> {
    const isOfValue = range.buffers.some((bytes) => bytes.some((byte) => byte !== 0));
    const length = range.buffers.reduce((sum, bytes) => sum + bytes.length, 0);
    const { position } = range;
    const place = { path, position, end: position + length };
    if (isOfValue) this.#watch(place);
    try {
      await this.#call("write", path, write);
    } catch (cause) {
      if (isOfValue) this.#note(place);
      throw cause;
    }
  }

  #watch({ path, position, end }: FailedWrite): void {
    const retried = this.#failed.some((each) => {
      return each.path === path && each.position < end && position < each.end;
    });
    if (retried) this.faults.push(`${path}: a failed flush of bytes from ${position} is retried`);
    else if (this.#isFailureKnown) this.faults.push(`${path}: written behind a failed write`);
  }

  #note(place: FailedWrite): void {
    this.#failed = [...this.#failed, place];
    // Those that began before the failure was told are no fault.
    setImmediate(() => {
      this.#isFailureKnown = true;
    });
  }

  async #call<T>(operation: Operation, path: string, call: () => Promise<T>): Promise<T> {
    this.calls.push({ operation, path });
    const { plan, number } = { plan: this.#plan, number: this.calls.length };
    const isStruck = plan && (plan.mode === "once" ? number === plan.call : number >= plan.call);
    if (!isStruck) return await call();
    const { error, effect } = plan;
    if (operation === "close") {
      await call();
      throw diskError("close the file", path, osError(error));
    }
    this.#disk.fail({ operation, path, error, effect });
    return await call();
  }

  #file(file: DiskFile | undefined): DiskFile | undefined {
    return file && new FaultyFile(this, file);
  }
}

class FaultyFile implements DiskFile {
  readonly path: string;
  readonly #disk: FaultyDisk;
  readonly #file: DiskFile;

  constructor(disk: FaultyDisk, file: DiskFile) {
    this.path = file.path;
    this.#disk = disk;
    this.#file = file;
  }

  async read(position: number, length: number): Promise<Uint8Array> {
    return await this.#disk.onFile("read", this.path, () => this.#file.read(position, length));
  }

  async writeDurable(
    position: number,
    buffers: readonly Uint8Array[],
    way?: WriteWay,
  ): Promise<void> {
    await this.#disk.onWrite(this.path, { position, buffers }, () =>
      this.#file.writeDurable(position, buffers, way),
    );
  }

  async size(): Promise<number> {
    return await this.#disk.onFile("size", this.path, () => this.#file.size());
  }

  async facts(): Promise<FileFacts> {
    return await this.#disk.onFile("size", this.path, () => this.#file.facts());
  }

  async identity(): Promise<FileIdentity> {
    return await this.#disk.onFile("identity", this.path, () => this.#file.identity());
  }

  async origin(): Promise<FileOrigin> {
    return await this.#disk.onFile("identity", this.path, () => this.#file.origin());
  }

  async lock(): Promise<void> {
    await this.#disk.onFile("lock", this.path, () => this.#file.lock());
  }

  async close(): Promise<void> {
    await this.#disk.onFile("close", this.path, () => this.#file.close());
  }
}
