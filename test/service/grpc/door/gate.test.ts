/** A caller without papers costs headers alone, and a crowd of strangers keeps nobody out. */
import {
  connect as connectHttp2,
  constants,
  type ClientHttp2Session,
  type IncomingHttpHeaders,
} from "node:http2";
import { connect, createServer, type Socket } from "node:net";
import { status } from "@grpc/grpc-js";
import { expect, onTestFinished, test } from "vitest";
import { parseAccessList } from "../../../../src/service/access/access-file.js";
import { Connections } from "../../../../src/service/grpc/door/connections.js";
import { TestChain } from "../../../model/chain.js";
import { ForeignClient } from "../../foreign-client.js";
import { callRefusal, running } from "../../running.js";

const secret = "s".repeat(40);
const list = parseAccessList("access", `token validator-3 writer ${secret}`);
const address = { host: "127.0.0.1", port: 0 };
const listener = { kind: "tcp", address, certificates: undefined, isOpen: false } as const;

/** A service over TCP that wants a token, and its port. */
async function guarded(connections = 64) {
  const { service, client } = await running(new TestChain(1), {
    listeners: [listener],
    access: () => list,
    limits: { connections },
  });
  const [target = ""] = service.targets;
  return { service, client, target, port: Number(target.split(":")[1]) };
}

function session(port: number): ClientHttp2Session {
  const made = connectHttp2(`http://127.0.0.1:${port}`);
  made.on("error", () => undefined);
  onTestFinished(() => made.destroy());
  return made;
}

/**
 * Begins a call, and sends `bytes` of a message that never ends; resolves with the status of gRPC, or with "none" where
 * none has come for `quietMs`.
 */
async function begun(
  port: number,
  authorization: string | undefined,
  bytes: number,
  quietMs?: number,
) {
  const stream = session(port).request({
    [constants.HTTP2_HEADER_METHOD]: "POST",
    [constants.HTTP2_HEADER_PATH]: "/lanekeeper.v1.KeeperService/PushBlock",
    "content-type": "application/grpc",
    te: "trailers",
    ...(authorization === undefined ? {} : { authorization }),
  });
  stream.on("error", () => undefined);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(7 * 1024 * 1024, 1);
  stream.write(head);
  stream.write(Buffer.alloc(bytes));
  return await new Promise<number | "none">((resolve) => {
    if (quietMs !== undefined) setTimeout(() => resolve("none"), quietMs);
    stream.on("response", (headers) => resolve(Number(headers["grpc-status"])));
  });
}

test("a call without a token, or with a wrong one, is refused before its message is there", async () => {
  const { port, client } = await guarded();
  // A refusal that waits for the message never comes: that is told, and not waited for.
  expect(await begun(port, undefined, 1024, 10_000)).toBe(status.UNAUTHENTICATED);
  expect(await begun(port, "Bearer wrong", 100_000, 10_000)).toBe(status.UNAUTHENTICATED);
  // One with the right token waits for the rest of its message.
  expect(await begun(port, `Bearer ${secret}`, 1024, 300)).toBe("none");
  expect(await client.call("KeeperService/GetStatus", {}, { token: secret })).toBeDefined();
});

test("the refusal has its details, and is counted as a call", async () => {
  const { client, service } = await guarded();
  const { error } = await callRefusal(client.call("KeeperService/GetStatus"));
  expect(error).toMatchObject({ code: "UNAUTHENTICATED" });
  const text = await service.meters.text(service);
  expect(text).toMatch(/grpc_server_handled_total\{[^}]*grpc_code="UNAUTHENTICATED"[^}]*\} 1\n/);
});

test("headers beyond their limit are refused with a reason, far beyond it without one, clients are told of the limit, and others are served", async () => {
  const { port, client } = await guarded();
  const open = session(port);
  // Our settings are the second ones, behind those of the library.
  await new Promise<void>((resolve) => {
    open.on(
      "remoteSettings",
      ({ initialWindowSize }) => initialWindowSize === 512 * 1024 && resolve(),
    );
  });
  expect(open.remoteSettings.maxHeaderListSize).toBe(32 * 1024);
  // The limit stands once the client has said that it knows it.
  await new Promise((resolve) => open.ping(resolve));
  const ended = async (bytes: number): Promise<string> => {
    const stream = open.request({
      [constants.HTTP2_HEADER_METHOD]: "POST",
      [constants.HTTP2_HEADER_PATH]: "/lanekeeper.v1.KeeperService/GetStatus",
      "content-type": "application/grpc",
      te: "trailers",
      authorization: `Bearer ${secret}`,
      long: "x".repeat(bytes),
    });
    stream.on("error", () => undefined).resume();
    const answered = new Promise<string>((resolve) => {
      const told = (headers: IncomingHttpHeaders): void => {
        const { "grpc-status": code, "grpc-message": words = "" } = headers;
        if (code !== undefined) resolve(`status ${Number(code)} ${decodeURI(String(words))}`);
      };
      // A refusal without an answer comes with the first headers.
      stream.once("response", told).once("trailers", told);
      stream.once("close", () => resolve("refused"));
    });
    stream.end(Buffer.alloc(5));
    return await answered;
  };
  expect(await ended(8 * 1024)).toMatch(/^status 0 /);
  expect(await ended(17 * 1024)).toMatch(/^status 3 the headers of this call have 17\d{3} bytes/);
  expect(await ended(33 * 1024)).toBe("refused");
  expect(await client.call("KeeperService/GetStatus", {}, { token: secret })).toBeDefined();
});

test("strangers on half of the connections, and the next validator is let in all the same", async () => {
  const { port, target } = await guarded(8);
  const validator = await ForeignClient.connect(target);
  onTestFinished(() => validator.close());
  expect(await validator.call("KeeperService/GetStatus", {}, { token: secret })).toBeDefined();
  const crowd = Array.from({ length: 40 }, () => {
    const socket = connect(port, "127.0.0.1");
    return socket.on("error", () => undefined).resume();
  });
  onTestFinished(() => crowd.forEach((socket) => socket.destroy()));
  await Promise.all(
    crowd.slice(0, 30).map((socket) => new Promise((end) => socket.once("close", end))),
  );
  const second = await ForeignClient.connect(target);
  onTestFinished(() => second.close());
  expect(await second.call("KeeperService/GetStatus", {}, { token: secret })).toBeDefined();
  expect(await validator.call("KeeperService/GetStatus", {}, { token: secret })).toBeDefined();
});

/** Connections to a server that takes them into `connections`. */
async function connectedTo(connections: Connections, count: number): Promise<readonly Socket[]> {
  const server = createServer((socket) => {
    socket.on("error", () => undefined).resume();
    connections.add(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as { readonly port: number };
  const sockets: Socket[] = [];
  for (let each = 0; each < count; each++) {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => undefined).resume();
    await new Promise((resolve) => socket.once("connect", resolve));
    sockets.push(socket);
    onTestFinished(() => void socket.destroy());
  }
  return sockets;
}

test("a connection that says nothing is closed soon, and one that speaks is not", async () => {
  const [silent, speaking] = await connectedTo(new Connections(8, 100), 2);
  speaking?.write("PRI");
  await new Promise((resolve) => silent?.once("close", resolve));
  expect(speaking?.destroyed).toBe(false);
});

test("a connection without a call is closed, one with a call stays, and the next call of its client is served", async () => {
  const { socket } = await running(new TestChain(1), { limits: { idleMs: 300 } });
  const opened = (): ClientHttp2Session => {
    const made = connectHttp2("http://localhost", { createConnection: () => connect(socket) });
    onTestFinished(() => made.destroy());
    return made;
  };
  const [idle, busy] = [opened(), opened()];
  const stream = busy.request({
    [constants.HTTP2_HEADER_METHOD]: "POST",
    [constants.HTTP2_HEADER_PATH]: "/lanekeeper.v1.KeeperService/WatchStatus",
    "content-type": "application/grpc",
    te: "trailers",
  });
  stream.resume().end(Buffer.alloc(5));
  const foreign = await ForeignClient.connect(`unix:${socket}`);
  onTestFinished(() => foreign.close());
  // It is told first, and so loses no call that is on its way.
  const told = new Promise((resolve) => idle.once("goaway", resolve));
  await new Promise((resolve) => idle.once("close", resolve));
  expect(await told).toBe(constants.NGHTTP2_NO_ERROR);
  expect(await foreign.call("KeeperService/GetStatus")).toBeDefined();
  expect([busy.closed, stream.closed]).toEqual([false, false]);
});

test("the oldest stranger goes, and one that was let in stays", async () => {
  const connections = new Connections(4);
  const [first] = await connectedTo(connections, 1);
  const { localAddress: remoteAddress, localPort: remotePort } = first ?? {};
  connections.letIn({ remoteAddress, remotePort });
  const strangers = await connectedTo(connections, 3);
  await new Promise((resolve) => strangers[0]?.once("close", resolve));
  expect(first?.destroyed).toBe(false);
  expect(strangers[2]?.destroyed).toBe(false);
});
