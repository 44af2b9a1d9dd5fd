/**
 * Streams of durable blocks and of durable commit QCs that go on across sessions: each block once, those of
 * a lane in order, none left out. A subscription remembers the next number that is wanted, and begins there
 * in the next session; what it has offered before is passed over.
 */
import type { ClientReadableStream } from "@grpc/grpc-js";
import type { WaitOptions } from "../../async/signal.js";
import type { DurableBlock, DurableCommitQC } from "../../avail/offers.js";
import {
  type DurableBlocksResponse,
  type DurableCommitQcsResponse,
  KeeperService,
} from "../../rpc/api/keeper.js";
import { laneBytes } from "../../rpc/failures.js";
import { PersisterError } from "../../types/errors.js";
import type { LaneId } from "../../types/lane.js";
import type { Connection, Subscription } from "../connection.js";
import { heldLane } from "../picture/values.js";
import type { Session } from "../session.js";

/** The places from which a subscription goes on, and its messages as offers. */
interface Source<Message, Offer> {
  readonly open: (session: Session) => ClientReadableStream<Message>;
  /** The offers of a message that were not made before; they count as made. */
  readonly take: (message: Message) => readonly Offer[];
}

/** Offers that wait for their reader; beyond them the stream is not read. */
const READY_MAX = 64;

export function durableBlocks(
  connection: Connection,
  from: ReadonlyMap<LaneId, bigint>,
  options: WaitOptions,
): AsyncGenerator<DurableBlock> {
  const { lanes } = connection.memory.picture;
  const wanted = new Map(from);
  for (const [lane, { durable }] of lanes) if (!wanted.has(lane)) wanted.set(lane, durable);
  const source: Source<DurableBlocksResponse, DurableBlock> = {
    open: ({ link, fence }) => {
      // A lane that came up since is wanted from its begin on.
      for (const [lane, { first }] of lanes) if (!wanted.has(lane)) wanted.set(lane, first);
      const places = [...wanted].map(([lane, blockNumber]) => {
        return { lane: laneBytes(lane), blockNumber };
      });
      return link.serverStream(KeeperService, "durableBlocks", { from: places, fence });
    },
    take: ({ blocks }) =>
      blocks.flatMap(({ lane: bytes, blockNumber: number, headerHash }) => {
        const lane = heldLane(bytes);
        if (number < (wanted.get(lane) ?? 0n)) return [];
        wanted.set(lane, number + 1n);
        return [{ lane, number, headerHash: Uint8Array.from(headerHash) }];
      }),
  };
  return offers(connection, source, options);
}

export function durableCommitQCs(
  connection: Connection,
  from: bigint | undefined,
  options: WaitOptions,
): AsyncGenerator<DurableCommitQC> {
  let wanted = from ?? connection.memory.picture.road.durable;
  const source: Source<DurableCommitQcsResponse, DurableCommitQC> = {
    open: ({ link, fence }) =>
      link.serverStream(KeeperService, "durableCommitQcs", { from: wanted, fence }),
    take: ({ roadIndex, commitQc }) => {
      // A heartbeat, or the marker.
      if (commitQc.length === 0) return [];
      if (roadIndex < wanted) return [];
      wanted = roadIndex + 1n;
      return [{ roadIndex, bytes: Uint8Array.from(commitQc) }];
    },
  };
  return offers(connection, source, options);
}

class Offers<Message, Offer> implements Subscription {
  readonly #connection: Connection;
  readonly #source: Source<Message, Offer>;
  readonly #ready: Offer[] = [];
  #call: ClientReadableStream<Message> | undefined;

  constructor(connection: Connection, source: Source<Message, Offer>) {
    this.#connection = connection;
    this.#source = source;
  }

  attach(session: Session): Promise<void> {
    const call = this.#source.open(session);
    this.#call = call;
    call.on("data", (message: Message) => {
      if (this.#call !== call) return;
      this.#ready.push(...this.#source.take(message));
      if (this.#ready.length >= READY_MAX) call.pause();
      this.#connection.memory.waits.wake(this);
    });
    return new Promise((resolve, reject) => {
      call.on("metadata", () => resolve());
      const lost = (cause: unknown): void => {
        reject(cause instanceof Error ? cause : new Error(String(cause)));
        if (this.#call === call) session.fail(cause);
      };
      call.on("error", lost);
      call.on("end", () => lost(new PersisterError("UNREACHABLE", "the service ended the stream")));
    });
  }

  /** Ends with a client that closes well; a failure is thrown. */
  async *read(options: WaitOptions, end: () => void): AsyncGenerator<Offer> {
    const { waits } = this.#connection.memory;
    try {
      const look = (): { readonly offer: Offer } | "end" | undefined => {
        const [offer] = this.#ready.splice(0, 1);
        if (offer !== undefined) return { offer };
        return waits.failure?.code === "CLOSED" ? "end" : undefined;
      };
      for (;;) {
        const found = await waits.waitFor([this], look, options);
        if (found === "end") return;
        if (this.#ready.length < READY_MAX) this.#call?.resume();
        yield found.offer;
      }
    } finally {
      end();
      const call = this.#call;
      this.#call = undefined;
      call?.cancel();
    }
  }
}

/** The subscription is in place from the call on, before its reader asks for the first offer. */
function offers<Message, Offer>(
  connection: Connection,
  source: Source<Message, Offer>,
  options: WaitOptions,
): AsyncGenerator<Offer> {
  const made = new Offers(connection, source);
  const end = connection.subscribe(made);
  return made.read(options, end);
}
