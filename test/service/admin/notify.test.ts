/** Notices to systemd: sent where it asks for them, by its own command, and never else. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { notifySystemd } from "../../../src/service/admin/notify.js";

let folder = "";

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "lanekeeper-notify-"));
  // Stands for systemd's command: it notes what it was called with.
  writeFileSync(join(folder, "systemd-notify"), '#!/bin/sh\nprintf "%s\\n" "$@" >> "$NOTED"\n');
  chmodSync(join(folder, "systemd-notify"), 0o755);
});

afterAll(() => rmSync(folder, { recursive: true }));

test("ready and stopping are told, with the service's own process id", async () => {
  const noted = join(folder, "noted");
  const env = { PATH: `${folder}:/bin:/usr/bin`, NOTIFY_SOCKET: "/run/notify", NOTED: noted };
  expect(await notifySystemd("ready", { env, pid: 7, status: "serving 4 lanes" })).toBe(true);
  expect(await notifySystemd("stopping", { env, pid: 7 })).toBe(true);
  expect(readFileSync(noted, "utf8").split("\n")).toEqual([
    "--no-block",
    "--pid=7",
    "READY=1",
    "STATUS=serving 4 lanes",
    "--no-block",
    "--pid=7",
    "STOPPING=1",
    "",
  ]);
});

test("nothing is called where systemd did not ask", async () => {
  expect(await notifySystemd("ready", { env: { PATH: "/nowhere" }, pid: 7 })).toBe(false);
});

test("a command that is missing is an error to be logged", async () => {
  const env = { PATH: "/nowhere", NOTIFY_SOCKET: "/run/notify" };
  await expect(notifySystemd("ready", { env, pid: 7 })).rejects.toThrow("ENOENT");
});
