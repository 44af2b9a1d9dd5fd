/**
 * The running simulated disk behind its handles: the world, the schedule, armed faults, locks and
 * the limit of space. Handles and paths both end here, so that each rule stands once.
 */
import type { WriteWay } from "../../disk/disk.js";
import { diskError, osError } from "../../disk/failure.js";
import { bytesOf } from "./content.js";
import { Faults, type FaultyOperation, type Strike } from "./faults.js";
import { BLOCK_BYTES, type Holes, holesBehind } from "./holes.js";
import { type ChangeKind, never, Schedule, type Step } from "./schedule.js";
import {
  changeEntry,
  type DirectoryNode,
  type FileNode,
  finishSync,
  finishWrite,
  heldBytes,
  newDirectory,
  newFile,
  type Node,
  renameEntry,
  ROOT_NODE,
  startWrite,
  type World,
} from "./world.js";

/** The place that a path leads to: its directory, its last name, and the node there, if any. */
export interface Place {
  readonly path: string;
  readonly parent: DirectoryNode | undefined;
  readonly name: string;
  readonly number: number | undefined;
  readonly node: Node | undefined;
}

export interface MachineOptions {
  readonly capacityBytes: number;
  readonly keepsZeros: boolean;
  readonly onStep: (step: Step) => void;
}

export interface SimulatedWrite {
  readonly position: number;
  readonly bytes: Uint8Array;
  readonly way: WriteWay;
}

export class Machine {
  readonly world: World;
  readonly schedule: Schedule;
  readonly faults = new Faults();
  /** The handle that holds the lock of each node. */
  readonly locks = new Map<number, object>();
  capacityBytes: number;
  /** Whether a block of zeros takes room. */
  readonly keepsZeros: boolean;

  constructor(world: World, options: MachineOptions) {
    this.world = world;
    this.capacityBytes = options.capacityBytes;
    this.keepsZeros = options.keepsZeros;
    this.schedule = new Schedule(options.onStep);
  }

  /** A call that changes nothing: never settles on a stopped disk, fails where a fault strikes. */
  async look<T>(operation: FaultyOperation, path: string, answer: () => T): Promise<T> {
    if (this.schedule.isStopped) return never();
    const strike = this.faults.strike(operation, path);
    if (strike !== undefined) throw diskError(operation, path, osError(strike.error));
    const found = answer();
    await Promise.resolve();
    return this.schedule.isStopped ? never() : found;
  }

  place(path: string): Place {
    const parts = path.split("/").filter((part) => part !== "" && part !== ".");
    let number: number | undefined = ROOT_NODE;
    let parent: DirectoryNode | undefined;
    let name = "";
    for (const [index, part] of parts.entries()) {
      const node: Node | undefined = number === undefined ? undefined : this.node(number);
      const last = index === parts.length - 1;
      if (node?.kind !== "directory")
        return { path, parent: undefined, name: part, number: undefined, node: undefined };
      number = node.visible.get(part);
      if (last) parent = node;
      name = part;
    }
    const node = number === undefined ? undefined : this.node(number);
    return { path, parent, name, number, node };
  }

  node(number: number): Node | undefined {
    return this.world.nodes.get(number);
  }

  /** Makes a file or a directory; its number. */
  async make(change: "create" | "makeDirectory", path: string): Promise<number> {
    if (this.schedule.step(change, "whole", path) === undefined) return never();
    const action = change === "create" ? "create a file" : "make a directory";
    this.#strikeWhole(change, path, action);
    const { parent, name, node } = this.place(path);
    if (node !== undefined) throw diskError(action, path, osError("EEXIST"));
    if (parent === undefined) throw diskError(action, path, osError("ENOENT"));
    const number = this.world.nextNode++;
    this.world.nodes.set(number, change === "create" ? newFile() : newDirectory());
    changeEntry(this.world, parent, name, number);
    await Promise.resolve();
    return this.schedule.isStopped ? never() : number;
  }

  async remove(path: string): Promise<void> {
    if (this.schedule.step("remove", "whole", path) === undefined) return never();
    this.#strikeWhole("remove", path, "remove a file");
    const { parent, name, node } = this.place(path);
    if (node === undefined || parent === undefined) {
      throw diskError("remove a file", path, osError("ENOENT"));
    }
    if (node.kind === "directory") throw diskError("remove a file", path, osError("EISDIR"));
    changeEntry(this.world, parent, name, undefined);
    await Promise.resolve();
    if (this.schedule.isStopped) return never();
  }

  async removeDirectory(path: string): Promise<void> {
    if (this.schedule.step("remove", "whole", path) === undefined) return never();
    this.#strikeWhole("remove", path, "remove a directory");
    const { parent, name, node } = this.place(path);
    if (!parent || node?.kind !== "directory") {
      throw diskError("remove a directory", path, osError("ENOENT"));
    }
    if (node.visible.size > 0) throw diskError("remove a directory", path, osError("ENOTEMPTY"));
    changeEntry(this.world, parent, name, undefined);
    await Promise.resolve();
    if (this.schedule.isStopped) return never();
  }

  /** Gives a directory another name beside it, where nothing has that name. */
  async rename(path: string, to: string): Promise<void> {
    if (this.schedule.step("rename", "whole", path) === undefined) return never();
    const strike = this.faults.strike("rename", path);
    if (strike !== undefined) throw diskError("rename", path, osError(strike.error));
    const { parent, name, node } = this.place(path);
    const target = this.place(to);
    if (!parent || node?.kind !== "directory") throw diskError("rename", path, osError("ENOENT"));
    if (target.node || target.parent !== parent) throw diskError("rename", to, osError("EEXIST"));
    renameEntry(this.world, parent, name, target.name);
    await Promise.resolve();
    if (this.schedule.isStopped) return never();
  }

  async syncDirectory(path: string): Promise<void> {
    const action = "flush a directory";
    const started = this.schedule.step("syncDirectory", "started", path);
    if (started === undefined) return never();
    const { node } = this.place(path);
    if (node === undefined) throw diskError(action, path, osError("ENOENT"));
    if (node.kind !== "directory") throw diskError(action, path, osError("ENOTDIR"));
    const order = this.world.nextOrder++;
    const strike = this.faults.strike("syncDirectory", path);
    await this.schedule.turn({ step: started, change: "syncDirectory", path });
    if (this.schedule.step("syncDirectory", "finished", path) === undefined) return never();
    if (strike !== undefined) throw diskError(action, path, osError(strike.error));
    finishSync(node, order);
  }

  /**
   * Keeps `bytes`: the caller gives a copy. A blocking write takes both of its steps before it returns:
   * a crash may come between them, another step of the program cannot.
   */
  async write(file: FileNode, path: string, write: SimulatedWrite): Promise<void> {
    const { position, bytes, way } = write;
    const started = this.schedule.step("write", "started", path);
    if (started === undefined) return never();
    const strike = this.faults.strike("write", path) ?? this.#fullStrike(file, position, bytes);
    const part = bytes.subarray(0, visibleLength(strike, bytes.length));
    file.holes = this.#holesBehind(file, position, part);
    const order = startWrite(this.world, file, { position, bytes: part });
    if (way === "pool") await this.schedule.turn({ step: started, change: "write", path });
    if (this.schedule.step("write", "finished", path) === undefined) return never();
    if (strike === undefined) return finishWrite(file, order);
    throw diskError(`write ${bytes.length} bytes at ${position}`, path, osError(strike.error));
  }

  read(file: FileNode, path: string, position: number, length: number): Promise<Uint8Array> {
    return this.look("read", path, () => bytesOf(file.visible, position, length));
  }

  /** Bytes of all files that a name leads to. */
  usedBytes(): number {
    const named = new Set<number>();
    for (const node of this.world.nodes.values()) {
      if (node.kind === "directory") for (const number of node.visible.values()) named.add(number);
    }
    let used = 0;
    for (const number of named) {
      const node = this.node(number);
      if (node?.kind === "file") used += heldBytes(node);
    }
    return used;
  }

  #strikeWhole(change: ChangeKind, path: string, action: string): void {
    const strike = this.faults.strike(change, path);
    if (strike !== undefined) throw diskError(action, path, osError(strike.error));
    if (change !== "remove" && this.usedBytes() > this.capacityBytes) {
      throw diskError(action, path, osError("ENOSPC"));
    }
  }

  /**
   * A write that grows past the capacity leaves what fits, as a file system does; one into holes that
   * finds no room leaves nothing.
   */
  #fullStrike(file: FileNode, position: number, bytes: Uint8Array): FullStrike | undefined {
    const grown = Math.max(0, position + bytes.length - file.visible.size);
    const filled = file.holes.size - this.#holesBehind(file, position, bytes).size;
    const taken = grown + filled * BLOCK_BYTES;
    const missing = this.usedBytes() + taken - this.capacityBytes;
    if (taken <= 0 || missing <= 0) return undefined;
    const visible = grown > 0 ? Math.max(0, bytes.length - missing) : 0;
    return { error: "ENOSPC", effect: "torn", visible };
  }

  #holesBehind(file: FileNode, position: number, bytes: Uint8Array): Holes {
    return holesBehind(file.holes, { position, bytes }, this.keepsZeros);
  }
}

interface FullStrike extends Strike {
  readonly visible: number;
}

function visibleLength(strike: Strike | FullStrike | undefined, length: number): number {
  if (strike === undefined) return length;
  if ("visible" in strike) return strike.visible;
  if (strike.effect === "nothing") return 0;
  return strike.effect === "torn" ? Math.floor(length / 2) : length;
}
