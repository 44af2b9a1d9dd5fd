/**
 * A disk in memory that keeps flushed apart from written, fails on demand, and says what a killed
 * process or a power cut may leave of it. Deterministic: no clock, no randomness but from seeds.
 *
 * A test runs a program on it, stops the world before step n (`crashAt`), takes the disks that the
 * crash may leave (`kill`, `powerCuts`), and runs the program's recovery on each of them.
 */
import type { Disk, DirectoryEntry, DiskFile, EntryKind, FileIdentity } from "../disk/disk.js";
import { diskError, osError } from "../disk/failure.js";
import { bytesOf, withBytes } from "./simulated/content.js";
import type { Fault } from "./simulated/faults.js";
import { holesIn, noHoles } from "./simulated/holes.js";
import { SimulatedFile } from "./simulated/file.js";
import { Machine } from "./simulated/machine.js";
import { worldsAfterPowerCut } from "./simulated/power.js";
import type { HeldChange, Step } from "./simulated/schedule.js";
import { copyWorld, type FileNode, newWorld, type World } from "./simulated/world.js";

export type { Fault, FaultEffect, FaultyOperation } from "./simulated/faults.js";
export type { ChangeKind, HeldChange, Step } from "./simulated/schedule.js";
export { SECTOR_BYTES } from "./simulated/tear.js";

export interface SimulatedDiskOptions {
  /** A write that would grow the files past this fails with ENOSPC. No limit when left out. */
  readonly capacityBytes?: number;
  /**
   * Whether a block of zeros takes room; false is a file system that compresses.
   * @defaultValue true
   */
  readonly keepsZeros?: boolean;
  /** Told of every step just before it happens. */
  readonly onStep?: (step: Step) => void;
}

export interface SimulatedEntry {
  readonly path: string;
  readonly size: number;
  /** Whether some of its bytes could be lost by a power cut now. */
  readonly pending: boolean;
}

export class SimulatedDisk implements Disk {
  #machine: Machine;

  constructor(options: SimulatedDiskOptions = {}) {
    this.#machine = machineOf(newWorld(), options);
  }

  /** A disk that holds `world`, and changes it. @internal */
  static holding(world: World, options: SimulatedDiskOptions = {}): SimulatedDisk {
    const disk = new SimulatedDisk();
    disk.#machine = machineOf(world, options);
    return disk;
  }

  async openToRead(path: string): Promise<DiskFile | undefined> {
    return this.#open("openToRead", path);
  }

  async openToWrite(path: string): Promise<DiskFile | undefined> {
    return this.#open("openToWrite", path);
  }

  async create(path: string): Promise<DiskFile> {
    const number = await this.#machine.make("create", path);
    return new SimulatedFile(this.#machine, path, number, true);
  }

  async kind(path: string): Promise<EntryKind | undefined> {
    return this.#machine.look("kind", path, () => this.#machine.place(path).node?.kind);
  }

  async identity(path: string): Promise<FileIdentity | undefined> {
    return this.#machine.look("identity", path, () => {
      const { number } = this.#machine.place(path);
      return number === undefined ? undefined : `simulated:${number}`;
    });
  }

  async list(path: string): Promise<readonly DirectoryEntry[] | undefined> {
    return this.#machine.look("list", path, () => {
      const { node } = this.#machine.place(path);
      if (node === undefined) return undefined;
      if (node.kind !== "directory") throw diskError("list", path, osError("ENOTDIR"));
      const entries = [...node.visible].map(([name, number]): DirectoryEntry => {
        return { name, kind: this.#machine.node(number)?.kind ?? "other" };
      });
      return entries.sort((one, other) => (one.name < other.name ? -1 : 1));
    });
  }

  async makeDirectory(path: string): Promise<void> {
    await this.#machine.make("makeDirectory", path);
  }

  async remove(path: string): Promise<void> {
    return this.#machine.remove(path);
  }

  /** Gives a directory another name beside it: in one step, durable by `syncDirectory` only. @internal */
  async rename(from: string, to: string): Promise<void> {
    return this.#machine.rename(from, to);
  }

  /** Removes a directory with all that is in it, name by name. @internal */
  async removeTree(path: string): Promise<void> {
    for (const { name, kind } of (await this.list(path)) ?? []) {
      if (kind === "directory") await this.removeTree(`${path}/${name}`);
      else await this.remove(`${path}/${name}`);
    }
    await this.#machine.removeDirectory(path);
  }

  async syncDirectory(path: string): Promise<void> {
    return this.#machine.syncDirectory(path);
  }

  /** Steps taken so far. */
  get steps(): number {
    return this.#machine.schedule.steps;
  }

  /** Resolves when the world has stopped: race it against the program that runs on this disk. */
  get stopped(): Promise<void> {
    return this.#machine.schedule.stopped;
  }

  get isStopped(): boolean {
    return this.#machine.schedule.isStopped;
  }

  /** Stops the world just before step `step` (from 1): nothing on this disk settles from then on. */
  crashAt(step: number): void {
    this.#machine.schedule.stopBefore(step);
  }

  /** Stops the world now. */
  crash(): void {
    this.#machine.schedule.stop();
  }

  /** From now on started writes and directory flushes do not finish (all, or those chosen). */
  hold(which: (change: HeldChange) => boolean = () => true): void {
    this.#machine.schedule.hold(which);
  }

  /** Lets everything held go, oldest first, and ends `hold`. */
  release(): void {
    this.#machine.schedule.release();
  }

  /** The changes that are held back now, oldest first. */
  get held(): readonly HeldChange[] {
    return this.#machine.schedule.waiting;
  }

  /** Lets the one change go that started at `step`; false if none such is held. */
  finish(step: number): boolean {
    return this.#machine.schedule.letGo(step);
  }

  /** Arms a fault; several may be armed. */
  fail(fault: Fault): void {
    this.#machine.faults.arm(fault);
  }

  /** Disarms all faults. The harm that they did stays. */
  heal(): void {
    this.#machine.faults.disarm();
  }

  get capacityBytes(): number {
    return this.#machine.capacityBytes;
  }

  set capacityBytes(limit: number) {
    this.#machine.capacityBytes = limit;
  }

  /** Bytes of all files that have a name. */
  get usedBytes(): number {
    return this.#machine.usedBytes();
  }

  /**
   * The disk as a killed process leaves it: what was started is visible and not durable, locks are
   * gone, no step was taken, no fault is armed. Shares nothing that changes with this one.
   */
  kill(options: SimulatedDiskOptions = {}): SimulatedDisk {
    return this.#with(copyWorld(this.#machine.world), options);
  }

  /** A copy as the disk is now: what `kill` gives. */
  snapshot(): SimulatedDisk {
    return this.kill();
  }

  /**
   * The disks that a power cut now may leave; all that each holds is durable. First nothing pending
   * arrived, then all of it did, then the rest: every combination where `max` allows, else a sample
   * drawn by `seed`. Later changes of this disk do not show.
   */
  powerCuts(seed: number, max: number): Iterable<SimulatedDisk> {
    const frozen = copyWorld(this.#machine.world);
    const withWorld = (world: World): SimulatedDisk => this.#with(world, {});
    return (function* () {
      for (const world of worldsAfterPowerCut(frozen, seed, max)) yield withWorld(world);
    })();
  }

  /** Bytes of the file as a reader sees them now, without any fault; fails where there is none. */
  readNow(path: string): Uint8Array {
    const { visible } = this.#fileAt(path);
    return bytesOf(visible, 0, visible.size);
  }

  /** Puts `bytes` at `offset` of a file, durably and behind everybody's back: damage. */
  damage(path: string, offset: number, bytes: Uint8Array): void {
    const file = this.#fileAt(path);
    const copy = Uint8Array.from(bytes);
    file.durable = withBytes(file.durable, offset, copy);
    file.visible = withBytes(file.visible, offset, copy);
  }

  /** Cuts a file to `size` bytes, durably and behind everybody's back. */
  shorten(path: string, size: number): void {
    const file = this.#fileAt(path);
    const kept = bytesOf(file.visible, 0, size);
    file.durable = withBytes({ size: 0, pages: [] }, 0, kept);
    file.visible = file.durable;
    file.holes = noHoles;
    file.pending = [];
  }

  /** Makes holes of a file's blocks of zeros, behind everybody's back: a copy with `--sparse`. */
  dig(path: string): void {
    const file = this.#fileAt(path);
    file.holes = holesIn(bytesOf(file.visible, 0, file.visible.size));
  }

  /** Every file that has a name, sorted by path. */
  files(): readonly SimulatedEntry[] {
    return this.#filesUnder("");
  }

  #filesUnder(path: string): SimulatedEntry[] {
    const { node } = this.#machine.place(path);
    if (node === undefined) return [];
    if (node.kind === "file") {
      return [{ path, size: node.visible.size, pending: node.pending.length > 0 }];
    }
    return [...node.visible.keys()].sort().flatMap((name) => this.#filesUnder(`${path}/${name}`));
  }

  #fileAt(path: string): FileNode {
    const { node } = this.#machine.place(path);
    if (node?.kind !== "file") throw diskError("find a file", path, osError("ENOENT"));
    return node;
  }

  #with(world: World, options: SimulatedDiskOptions): SimulatedDisk {
    const { capacityBytes, keepsZeros } = this.#machine;
    return SimulatedDisk.holding(world, { capacityBytes, keepsZeros, ...options });
  }

  #open(operation: "openToRead" | "openToWrite", path: string): Promise<DiskFile | undefined> {
    return this.#machine.look(operation, path, () => {
      const { number, node } = this.#machine.place(path);
      if (number === undefined || node === undefined) return undefined;
      if (node.kind === "directory") throw diskError("open", path, osError("EISDIR"));
      return new SimulatedFile(this.#machine, path, number, operation === "openToWrite");
    });
  }
}

function machineOf(world: World, options: SimulatedDiskOptions): Machine {
  return new Machine(world, {
    capacityBytes: options.capacityBytes ?? Number.POSITIVE_INFINITY,
    keepsZeros: options.keepsZeros ?? true,
    onStep: options.onStep ?? (() => {}),
  });
}
