/** The socket of a service: its owner's alone, bounded, and never somebody else's. */
import { spawnSync } from "node:child_process";
import { mkdir, stat, symlink, writeFile } from "node:fs/promises";
import { createConnection, createServer } from "node:net";
import { join } from "node:path";
import { expect, test } from "vitest";
import { isInUse, listenOnSocket } from "../../../src/service/listen/unix-socket.js";
import { refusal } from "../../node/kit.js";
import { temporaryFolder } from "../running.js";

test("it has mode 0600, and goes with its listener", async () => {
  const path = join(await temporaryFolder(), "s");
  const { close } = await listenOnSocket(path, 8, (socket) => socket.destroy());
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  await close();
  await expect(stat(path)).rejects.toThrow("ENOENT");
});

test("a socket that nobody listens on is taken over; one where somebody answers is not", async () => {
  const path = join(await temporaryFolder(), "s");
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(path, resolve));
  await refusal(
    listenOnSocket(path, 8, () => undefined),
    "STORE_LOCKED",
  );
  await new Promise((resolve) => other.close(resolve));
});

test("of many that come at once to a stale socket one listens, and that one answers", async () => {
  const path = join(await temporaryFolder(), "s");
  const killed = spawnSync(process.execPath, [
    "-e",
    `require("node:net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, "SIGKILL"))`,
  ]);
  expect(killed.signal).toBe("SIGKILL");
  const tries = Array.from({ length: 8 }, async (_, at) => {
    return await listenOnSocket(path, 8, (socket) => socket.end(`${at}`));
  });
  const ends = await Promise.allSettled(tries);
  const refused = ends.filter((end) => end.status === "rejected");
  expect(refused.map(({ reason }) => (reason as { code: string }).code)).toEqual(
    Array.from({ length: 7 }, () => "STORE_LOCKED"),
  );
  const winner = ends.findIndex(({ status }) => status === "fulfilled");
  const answer = await new Promise<string>((resolve) => {
    createConnection(path).once("data", (bytes) => resolve(String(bytes)));
  });
  expect(answer).toBe(`${winner}`);
  for (const end of ends) if (end.status === "fulfilled") await end.value.close();
});

test("a file that is no socket is left alone", async () => {
  const path = join(await temporaryFolder(), "s");
  await writeFile(path, "precious");
  await refusal(
    listenOnSocket(path, 8, () => undefined),
    "USAGE",
  );
  expect((await stat(path)).size).toBe(8);
});

test("a path that the kernel would cut is refused", async () => {
  const path = join(await temporaryFolder(), "x".repeat(100));
  await refusal(
    listenOnSocket(path, 8, () => undefined),
    "USAGE",
  );
});

test("connections above the limit are closed, and those within it are served", async () => {
  const path = join(await temporaryFolder(), "s");
  let taken = 0;
  const { close } = await listenOnSocket(path, 2, (socket) => {
    taken += 1;
    socket.on("error", () => undefined);
  });
  const sockets = Array.from({ length: 20 }, () => createConnection(path));
  const closed = sockets.map(
    (socket) => new Promise<void>((resolve) => socket.once("close", () => resolve())),
  );
  for (const socket of sockets) socket.on("error", () => undefined).resume();
  await Promise.race(closed.slice(2));
  await Promise.all(closed.slice(2).map(async (end) => await end));
  expect(taken).toBe(2);
  for (const socket of sockets) socket.destroy();
  await close();
});

test("a directory is in use, or not, or cannot be listed: then it says why", async () => {
  const folder = await temporaryFolder();
  const [empty, file, circle] = ["empty", "file", "circle"].map((name) => join(folder, name));
  await mkdir(empty!);
  await writeFile(file!, "");
  await symlink(circle!, circle!);
  expect(await isInUse(folder)).toBe(true);
  for (const not of [empty!, file!, join(folder, "missing")])
    expect(await isInUse(not)).toBe(false);
  expect(await isInUse(circle!)).toMatchObject({ code: "IO", file: circle });
});
