/**
 * Connections: what is said arrives in order, a lost peer is dialled again, garbage ends the line.
 */
import { once } from "node:events";
import { connect } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import type { Message } from "../../../src/devnet/protocol/message.js";
import { PeerLines } from "../../../src/devnet/validator/peer-lines.js";
import { framed, Listener, Parting, PeerLine } from "../../../src/devnet/validator/transport.js";
import type { LaneId } from "../../../src/types/lane.js";
import { commitQC, lane } from "../../wire/samples.js";

const closing: { close: () => void }[] = [];
afterEach(() => {
  for (const each of closing.splice(0)) each.close();
});

/** Collects what arrives; `until` resolves when so many messages are there. */
async function listener() {
  const got: { from: LaneId; message: Message }[] = [];
  const failures: unknown[] = [];
  let wake = (): void => undefined;
  const receive = (from: LaneId, message: Message): Promise<void> => {
    got.push({ from, message });
    wake();
    return Promise.resolve();
  };
  const opened = await Listener.open(receive, (cause) => failures.push(cause));
  closing.push(opened);
  const until = async (count: number): Promise<void> => {
    while (got.length < count) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  return { got, failures, until, listener: opened };
}

function line(port: number): PeerLine {
  const made = new PeerLine(lane);
  closing.push(made);
  made.dial(port);
  return made;
}

const ask = (first: bigint): Message => ({ kind: "askRoad", range: { first, next: first + 1n } });

/** Says `message` again and again until it arrives: a line that is not up drops it. */
async function sayUntil(said: PeerLine, message: Message, arrived: () => boolean): Promise<void> {
  while (!arrived()) {
    said.send(framed(message));
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

describe("a line to a peer", () => {
  test("says who speaks, and carries messages in order", async () => {
    const { got, until, listener: peer } = await listener();
    const said = line(peer.port);
    await sayUntil(said, ask(0n), () => got.length > 0);
    got.length = 0;
    for (let at = 1n; at <= 100n; at++) said.send(framed(ask(at)));
    said.send(framed({ kind: "commitQC", qc: commitQC }));
    await until(101);
    const indices = got.map(({ message }) => message.kind === "askRoad" && message.range.first);
    const sent = Array.from({ length: 100 }, (_, at) => BigInt(at + 1));
    expect(indices.filter((index) => index !== false && index > 0n)).toEqual(sent);
    expect(new Set(got.map(({ from }) => from))).toEqual(new Set([lane]));
  });

  test("tells that messages have left: they arrive, though it ends at once", async () => {
    const { got, until, listener: peer } = await listener();
    const parting = new Parting();
    const lines = new PeerLines(lane, parting);
    closing.push(lines);
    lines.dial(lane, 0, peer.port);
    while (got.length === 0) {
      lines.send(ask(0n), undefined);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    let told = 0;
    const left = (): void => {
      told += 1;
      lines.close();
    };
    parting.set(true);
    for (let at = 1n; at <= 100n; at++) lines.send(ask(at), undefined, left);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(told).toBe(0);
    parting.set(false);
    expect(told).toBe(1);
    const isLast = ({ message }: { readonly message: Message }): boolean =>
      message.kind === "askRoad" && message.range.first === 100n;
    while (!got.some(isLast)) await until(got.length + 1);
  });

  test("dials again when the peer comes back at another port", async () => {
    const first = await listener();
    const said = line(first.listener.port);
    await sayUntil(said, ask(1n), () => first.got.length > 0);
    first.listener.close();
    const second = await listener();
    said.dial(second.listener.port);
    await sayUntil(said, ask(2n), () => second.got.length > 0);
    expect(second.got[0]?.message).toEqual(ask(2n));
  });

  test("garbage ends the connection, and nothing else", async () => {
    const { got, failures, listener: peer } = await listener();
    const socket = connect(peer.port, "127.0.0.1");
    await once(socket, "connect");
    for (const part of framed({ kind: "hello", lane })) socket.write(part);
    socket.write(Uint8Array.from([0x0a, 0xff, 0xff, 0xff, 0x7f, 0, 0]));
    await once(socket, "close");
    const said = line(peer.port);
    await sayUntil(said, ask(1n), () => got.length > 0);
    expect(failures).toEqual([]);
  });

  test("who does not say who he is is not heard", async () => {
    const { got, listener: peer } = await listener();
    const socket = connect(peer.port, "127.0.0.1");
    await once(socket, "connect");
    for (const part of framed(ask(1n))) socket.write(part);
    socket.end();
    await once(socket, "close");
    expect(got).toEqual([]);
  });
});
