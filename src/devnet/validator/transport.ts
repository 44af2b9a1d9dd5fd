/**
 * Connections between validators over the loopback interface. Each one runs in one direction: a
 * validator dials every peer and only speaks there, and only listens to those who dialled it.
 *
 * Nothing is promised: a message to a peer that is away, or that does not keep up, is dropped. The
 * protocol says again what was lost and asks for what it lacks.
 *
 * A validator may be parted from its peers for a while. As on a network that is cut, connections stay, and what
 * is said goes on its way when they are together again, late.
 */
import { connect, createServer, type Server, type Socket } from "node:net";
import { FormatError } from "../../codec/binary.js";
import { frameHead, FrameSplitter } from "../../codec/frames.js";
import type { LaneId } from "../../types/lane.js";
import { DecodeError } from "../../wire/codec/decode-error.js";
import { decodeMessage, encodeMessage, fieldOfKind, type Message } from "../protocol/message.js";

const HOST = "127.0.0.1";
const REDIAL_MS = 50;
/** A peer with more unsent bytes than this does not keep up, and messages to it are dropped. */
const UNSENT_BYTES_MAX = 8 * 1024 * 1024;

/** A message as it goes over a connection: its head, and its body. */
export type Framed = readonly [Uint8Array, Uint8Array];

export function framed(message: Message): Framed {
  const body = encodeMessage(message);
  return [frameHead(fieldOfKind(message.kind), body.length), body];
}

/** Tells when this validator and its peers are together. */
export class Parting {
  #isParted = false;
  readonly #waiting: (() => void)[] = [];
  #end = (): void => undefined;
  #over = Promise.resolve();

  /** Resolves when they are together. */
  get over(): Promise<void> {
    return this.#over;
  }

  /** Does `work` behind this turn of the event loop, or once they are together: in the order of the calls. */
  behind(work: () => void): void {
    if (this.#isParted) this.#waiting.push(work);
    else process.nextTick(work);
  }

  set(isParted: boolean): void {
    if (isParted === this.#isParted) return;
    this.#isParted = isParted;
    if (isParted) {
      this.#over = new Promise((resolve) => {
        this.#end = resolve;
      });
      return;
    }
    for (const work of this.#waiting.splice(0)) work();
    this.#end();
  }
}

/** Takes a message; the next one of the same peer comes when the promise is settled. */
export type Receive = (from: LaneId, message: Message) => Promise<void>;

/**
 * Takes messages from every validator that dials; the first message of a connection says which one
 * it is.
 */
export class Listener {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** The connections of each validator that have not ended: all that came over others was received. */
  readonly #connections = new Map<LaneId, number>();

  private constructor(server: Server) {
    this.#server = server;
  }

  static async open(receive: Receive, fail: (cause: unknown) => void): Promise<Listener> {
    const server = createServer();
    const listener = new Listener(server);
    server.on("connection", (socket) => {
      listener.#sockets.add(socket);
      socket.on("close", () => listener.#sockets.delete(socket));
      listen(socket, receive, listener.#connections).catch((cause: unknown) => {
        // A peer that was killed may end its connection in any way.
        if (!socket.errored) fail(cause);
      });
    });
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(0, HOST, resolve);
    });
    return listener;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  hasOneConnectionOf(lane: LaneId): boolean {
    return this.#connections.get(lane) === 1;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}

/** Takes messages until the connection ends, or until bytes come that are no message. */
async function listen(
  socket: Socket,
  receive: Receive,
  connections: Map<LaneId, number>,
): Promise<void> {
  const splitter = new FrameSplitter();
  let from: LaneId | undefined;
  const count = (more: number): void => {
    if (from !== undefined) connections.set(from, (connections.get(from) ?? 0) + more);
  };
  try {
    for await (const chunk of socket) {
      const { messages, isWhole } = messagesIn(splitter, chunk as Uint8Array);
      for (const message of messages) {
        if (message.kind !== "hello") {
          if (from !== undefined) await receive(from, message);
        } else if (from === undefined) {
          from = message.lane;
          count(1);
        }
      }
      if (!isWhole) return;
    }
  } finally {
    count(-1);
  }
}

/** The messages that `chunk` completes; `isWhole` is false where bytes followed that are none. */
function messagesIn(splitter: FrameSplitter, chunk: Uint8Array) {
  const messages: Message[] = [];
  try {
    for (const { field, bytes } of splitter.push(chunk)) messages.push(decodeMessage(field, bytes));
    return { messages, isWhole: true };
  } catch (cause) {
    if (!(cause instanceof DecodeError || cause instanceof FormatError)) throw cause;
    return { messages, isWhole: false };
  }
}

/** The line to one peer: dials it again and again until it is closed. */
export class PeerLine {
  readonly #hello: Message;
  readonly #parting: Parting;
  #port: number | undefined;
  /** The connection that was dialled last. */
  #socket: Socket | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(own: LaneId, parting = new Parting()) {
    this.#hello = { kind: "hello", lane: own };
    this.#parting = parting;
  }

  /** The peer listens at `port` from now on. */
  dial(port: number): void {
    this.#port = port;
    this.#dial();
  }

  /** Sends one framed message, or drops it. */
  send([head, body]: Framed): void {
    const socket = this.#socket;
    const isUp = socket !== undefined && !socket.connecting && !socket.destroyed;
    if (!isUp || socket.writableLength > UNSENT_BYTES_MAX) return;
    socket.cork();
    socket.write(head);
    socket.write(body);
    // Messages of one turn of the event loop go in one packet.
    this.#parting.behind(() => socket.uncork());
  }

  close(): void {
    this.#port = undefined;
    clearTimeout(this.#timer);
    this.#socket?.destroy();
  }

  #dial(): void {
    clearTimeout(this.#timer);
    this.#socket?.destroy();
    this.#socket = undefined;
    if (this.#port === undefined) return;
    const socket = connect({ host: HOST, port: this.#port, noDelay: true });
    this.#socket = socket;
    socket.once("connect", () => this.send(framed(this.#hello)));
    // The cause does not matter: `close` follows, and the peer is dialled again.
    socket.on("error", () => undefined);
    socket.once("close", () => {
      if (this.#socket === socket) this.#timer = setTimeout(() => this.#dial(), REDIAL_MS);
    });
  }
}
