/**
 * Tells systemd what the service does, where systemd asked for it (NOTIFY_SOCKET is set). Node.js has no
 * datagram sockets of UNIX: the command `systemd-notify` sends the message.
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A command that hangs must not hold the service. */
const NOTIFY_MS = 5000;

/** `ready`: the store is recovered. `stopping`: the service drains. `reloading` is followed by `ready`. */
export type Notice = "ready" | "reloading" | "stopping";

const messages: Readonly<Record<Notice, string>> = {
  ready: "READY=1",
  reloading: "RELOADING=1",
  stopping: "STOPPING=1",
};

export interface NotifyOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly pid: number;
  /** A line for the page of `systemctl status`. */
  readonly status?: string;
}

/**
 * Returns whether systemd was told; `false` where it did not ask.
 *
 * Rejects if systemd asked, and the command is missing or fails: the caller logs it and goes on.
 */
export async function notifySystemd(
  notice: Notice,
  { env, pid, status }: NotifyOptions,
): Promise<boolean> {
  if (env["NOTIFY_SOCKET"] === undefined) return false;
  const lines = [messages[notice], ...(status === undefined ? [] : [`STATUS=${status}`])];
  const args = ["--no-block", `--pid=${pid}`, ...lines];
  await run("systemd-notify", args, { env, timeout: NOTIFY_MS });
  return true;
}
