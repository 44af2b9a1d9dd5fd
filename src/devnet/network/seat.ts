/** One validator as its parent sees it: the directory of its store, and its process. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { INDEX_DIRECTORY } from "../../log/map/log-map.js";
import type { LaneId } from "../../types/lane.js";
import { Child, type Program } from "./child.js";
import type { Start } from "./starts.js";
import type { Order, StartOrder } from "../validator/orders.js";
import type { Report, Stats } from "../judge/report.js";
import { cutPower, forgetUndo, type PowerCut } from "./power-cut.js";

export type SeatState = "down" | "opening" | Stats["state"];

export interface SeatPort {
  readonly program: Program;
  readonly onReport: (report: Report) => void;
  /** The process ended, though nobody had ended it. */
  readonly onLost: (how: string) => void;
}

const nothingCut: PowerCut = { lost: 0, torn: 0, kept: 0 };

export class Seat {
  readonly index: number;
  readonly lane: LaneId;
  state: SeatState = "down";
  /** The newest figures of its process. */
  stats: Stats | undefined;
  /** CPU time of its processes that are gone. */
  cpuMsBefore = 0;
  starts = 0;
  kills = 0;
  recoveryMsMax = 0;
  /** Its port, while it listens. */
  listensAt: number | undefined;
  readonly #start: StartOrder;
  readonly #port: SeatPort;
  #child: Child | undefined;
  /** The process that was told to close and end. */
  #closing: Child | undefined;

  constructor(index: number, { lane, order }: Start, port: SeatPort) {
    this.index = index;
    this.lane = lane;
    this.#start = order;
    this.#port = port;
  }

  get directory(): string {
    return this.#start.directory;
  }

  get chainId(): string {
    return this.#start.chainId;
  }

  start(): void {
    this.state = "opening";
    this.starts += 1;
    const { program, onLost } = this.#port;
    const child = new Child(program, (report) => this.#take(report));
    this.#child = child;
    child.order(this.#start);
    child.ended.then(
      ({ code, signal }) => {
        const isAsked = this.#child !== child;
        if (!isAsked) onLost(signal === null ? `code ${code}` : `signal ${signal}`);
      },
      (cause: unknown) => onLost(String(cause)),
    );
  }

  /** Kills the process; everything that it told is heard when resolved. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    this.listensAt = undefined;
    this.kills += 1;
    child?.kill();
    await child?.ended;
    this.state = "down";
    this.cpuMsBefore += this.stats?.cpuMs ?? 0;
  }

  /** After a kill all writes under way stay; a power cut decides which of them are lost or torn. */
  async settleDisk(cutsPower: boolean, fraction: () => number): Promise<PowerCut> {
    const { directory, undoDirectory } = this.#start;
    if (undoDirectory === undefined) return nothingCut;
    if (!cutsPower) {
      forgetUndo(undoDirectory);
      return nothingCut;
    }
    // Nothing depends on the map: a power cut may destroy it.
    if (fraction() < 0.5)
      rmSync(join(directory, INDEX_DIRECTORY), { recursive: true, force: true });
    return await cutPower(undoDirectory, fraction);
  }

  order(order: Order): void {
    this.#child?.order(order);
  }

  /** Asks the process to close its store and end; resolves when it has. */
  async close(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    child?.close();
    this.#closing = child;
    await child?.ended;
  }

  /** Ends its process at once, if one is left. */
  async abandon(): Promise<void> {
    const left = [this.#child, this.#closing].filter((child) => child !== undefined);
    this.#child = undefined;
    for (const child of left) child.kill();
    await Promise.allSettled(left.map((child) => child.ended));
  }

  #take(report: Report): void {
    if (report.kind === "stats") {
      this.stats = report;
      this.state = report.state;
    } else if (report.kind === "recovered") {
      this.recoveryMsMax = Math.max(this.recoveryMsMax, report.durationMs);
      this.state = "catching up";
    } else if (report.kind === "listening") {
      this.listensAt = report.port;
    }
    this.#port.onReport(report);
  }
}
