/**
 * A devnet by hand: nobody strikes its validators but a person, who says so over a socket in its directory.
 * Each connection bears one order, and the lines that answer it, the last of which says how it ended.
 *
 * ```
 * {"do":"start","validator":2}
 *                               {"text":"validator 2 is up: blocks of 4 lanes, road 812"}
 *                               {"text":"validator 2 votes again: commitVote at road 840"}
 *                               {"done":true}
 * ```
 *
 * A validator whose STORE is another file than at its last start came back from a backup, or was repaired: the
 * judge is told that acknowledged things may be gone. Everything that it signed counts on.
 */
import type { Socket } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { z } from "zod";
import { ahead } from "../../async/ahead.js";
import { RealDisk } from "../../disk/real/real.js";
import { STORE_FILE } from "../../journal/form/store.js";
import { readRestored } from "../../journal/form/restored.js";
import { type Listening, listenOnSocket } from "../../service/listen/unix-socket.js";
import { PersisterError, usageError } from "../../types/errors.js";
import { isLanekeeperError } from "../../types/lanekeeper-error.js";
import type { Report, SignedPlace } from "../judge/report.js";
import type { Seat } from "./seat.js";

/** In the directory of the devnet. */
export const DEVNET_SOCKET = "devnet.sock";
const CONNECTIONS_MAX = 8;
/** A validator votes again within it, or the person is told that it does not. */
const VOTES_MS_MAX = 60_000;

const validator = z.number().int().nonnegative();
const orderSchema = z.discriminatedUnion("do", [
  z.strictObject({ do: z.literal("kill"), validator }),
  z.strictObject({ do: z.literal("start"), validator }),
  z.strictObject({ do: z.literal("end") }),
]);

export type HandOrder = z.output<typeof orderSchema>;

const answerSchema = z.union([
  z.strictObject({ text: z.string() }),
  z.strictObject({ done: z.literal(true) }),
  z.strictObject({ code: z.string(), message: z.string() }),
]);

/** A line of the answer. */
export type HandAnswer = z.output<typeof answerSchema>;

export function decodeAnswer(line: string): HandAnswer {
  return answerSchema.parse(JSON.parse(line));
}

export interface ByHandPort {
  readonly directory: string;
  readonly seats: readonly Seat[];
  readonly kill: (seat: Seat) => Promise<void>;
  readonly start: (seat: Seat) => void;
  /** The store of a seat is an older one, or was repaired. */
  readonly replaced: (seat: Seat) => void;
  /** The first road that no validator has executed. */
  readonly executedNext: () => bigint;
  /** The person has seen enough; or an order failed with an error that is none of ours. */
  readonly end: (failure?: Error) => void;
}

export class ByHand {
  readonly #port: ByHandPort;
  readonly #disk = new RealDisk();
  readonly #connections = new Set<Socket>();
  /** The validators for whose first vote somebody waits. */
  readonly #returns = new Map<number, Return>();
  /** The origin of each STORE at the last start of its validator. */
  readonly #origins = new Map<number, string>();
  /** The processes of validators whose store is refused end. */
  readonly #abandoned: Promise<void>[] = [];
  #listening: Listening | undefined;

  private constructor(port: ByHandPort) {
    this.#port = port;
  }

  /** Listens in the directory of a devnet whose stores are there. Throws as `listenOnSocket`. */
  static async listen(port: ByHandPort): Promise<ByHand> {
    const hand = new ByHand(port);
    for (const seat of port.seats) hand.#origins.set(seat.index, await hand.#originOf(seat));
    const socket = join(port.directory, DEVNET_SOCKET);
    hand.#listening = await listenOnSocket(socket, CONNECTIONS_MAX, (each) => hand.#take(each));
    return hand;
  }

  /**
   * Hears every report. Whether the report is the person's matter: a store that is refused when a person starts its
   * validator is told, and judged by nobody.
   */
  heard(seat: Seat, report: Report): boolean {
    const coming = this.#returns.get(seat.index);
    coming?.take(report);
    if (!coming || report.kind !== "failed") return false;
    this.#abandoned.push(seat.abandon());
    return true;
  }

  async close(): Promise<void> {
    for (const coming of this.#returns.values()) coming.take(undefined);
    for (const connection of this.#connections) connection.destroy();
    await Promise.all([...this.#abandoned, this.#listening?.close()]);
  }

  #take(connection: Socket): void {
    this.#connections.add(connection);
    connection.once("close", () => this.#connections.delete(connection));
    // The person went away: the order is carried out all the same.
    connection.on("error", () => undefined);
    const tell = (answer: HandAnswer): void => {
      if (connection.writable) connection.write(`${JSON.stringify(answer)}\n`);
    };
    const lines = createInterface({ input: connection });
    // It has the connection's errors, too, and none of them may be without a listener.
    lines.on("error", () => undefined);
    lines.once("line", (line) => {
      const ended = (answer: HandAnswer): void => {
        tell(answer);
        connection.end();
      };
      this.#done(line, (text) => tell({ text })).then(
        () => ended({ done: true }),
        (cause: unknown) => {
          ended(refusalOf(cause));
          if (!isLanekeeperError(cause)) this.#port.end(asError(cause));
        },
      );
    });
  }

  async #done(line: string, tell: (text: string) => void): Promise<void> {
    const order = orderIn(line);
    if (order.do === "end") return this.#port.end();
    const { validator: index } = order;
    const seat = this.#port.seats[index];
    if (!seat) {
      throw usageError(
        `there is no validator ${index}: the last one is ${this.#port.seats.length - 1}`,
      );
    }
    await (order.do === "kill" ? this.#kill(seat, tell) : this.#start(seat, tell));
  }

  async #kill(seat: Seat, tell: (text: string) => void): Promise<void> {
    const { index, directory } = seat;
    if (seat.isDown) throw usageError(`validator ${index} is down already`);
    await this.#port.kill(seat);
    this.#returns.get(index)?.take(undefined);
    tell(`validator ${index} is killed; its store is ${directory}`);
  }

  /** Resolves when the validator votes. */
  async #start(seat: Seat, tell: (text: string) => void): Promise<void> {
    const { index } = seat;
    const { executedNext, replaced, start } = this.#port;
    if (!seat.isDown) throw usageError(`validator ${index} runs`);
    const origin = await this.#originOf(seat);
    const restored = await readRestored(this.#disk, seat.directory);
    // Another person may have started it meanwhile.
    if (!seat.isDown || this.#returns.has(index)) throw usageError(`validator ${index} runs`);
    if (restored !== undefined || origin !== this.#origins.get(index)) {
      replaced(seat);
      seat.guarded = restored?.guard === "all";
    }
    this.#origins.set(index, origin);
    const coming = new Return(index, { road: executedNext(), tell });
    const votes = ahead(coming.votes);
    this.#returns.set(index, coming);
    try {
      start(seat);
      await votes;
    } finally {
      coming.take(undefined);
      this.#returns.delete(index);
    }
  }

  /** @throws {PersisterError} USAGE where there is no store. */
  async #originOf({ index, directory }: Seat): Promise<string> {
    const file = await this.#disk.openToRead(join(directory, STORE_FILE));
    if (!file)
      throw usageError(`${directory} holds no store: restore one for validator ${index} first`);
    try {
      const { inode, bornNs } = await file.origin();
      return `${inode} ${bornNs}`;
    } finally {
      await file.close();
    }
  }
}

/** A validator on its way back to its first vote. */
class Return {
  /** Rejects where the store is refused, the validator is killed, or no vote comes. */
  readonly votes: Promise<void>;
  readonly #index: number;
  /** A vote below it may be an old one that is said again. */
  readonly #road: bigint;
  readonly #tell: (text: string) => void;
  #settle: (failure?: PersisterError) => void = () => undefined;

  constructor(
    index: number,
    { road, tell }: { readonly road: bigint; readonly tell: (text: string) => void },
  ) {
    this.#index = index;
    this.#road = road;
    this.#tell = tell;
    this.votes = new Promise((resolve, reject) => {
      const late = setTimeout(
        () => this.#settle(this.#failure("has not voted yet: look at its status")),
        VOTES_MS_MAX,
      );
      this.#settle = (failure) => {
        clearTimeout(late);
        if (failure) reject(failure);
        else resolve();
      };
    });
  }

  /** `undefined`: it was killed. */
  take(report: Report | undefined): void {
    if (report === undefined) return this.#settle(this.#failure("was killed before it voted"));
    if (report.kind === "failed") {
      const { code, message } = report;
      return this.#settle(this.#failure(`is refused its store: ${code}: ${message}`));
    }
    if (report.kind === "recovered") {
      const next = report.roadFirst + BigInt(report.road.length);
      const found = `${report.lanes.length} lanes, and the road up to ${next}`;
      return this.#tell(`validator ${this.#index} has recovered ${found}`);
    }
    if (report.kind === "raised") return this.#tell(`its guards have heights: ${report.reason}`);
    if (report.kind === "says" && report.what === "commitVote") this.#voted(report.place);
  }

  #voted(place: SignedPlace): void {
    if (!("index" in place) || place.index < this.#road) return;
    this.#tell(`validator ${this.#index} votes: commitVote at road ${place.index}`);
    this.#settle();
  }

  #failure(what: string): PersisterError {
    return new PersisterError("UNREACHABLE", `validator ${this.#index} ${what}`);
  }
}

function orderIn(line: string): HandOrder {
  try {
    return orderSchema.parse(JSON.parse(line));
  } catch (cause) {
    throw usageError(`this is no order to a devnet: ${line}`, cause);
  }
}

function refusalOf(cause: unknown): HandAnswer {
  if (isLanekeeperError(cause)) return { code: cause.code, message: cause.message };
  return { code: "INTERNAL", message: asError(cause).message };
}

function asError(cause: unknown): Error {
  return cause instanceof Error ? cause : new Error(String(cause));
}
