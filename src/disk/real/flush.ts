/**
 * How a write becomes durable on this machine, decided once per process and named in the status.
 *
 * `O_DSYNC`: the write itself returns when its bytes are on the platter, one hop to the thread pool.
 * `fdatasync`: where the flag is not known, or does not reach the platter (macOS; Node's fdatasync
 * asks for F_FULLFSYNC there).
 */
import * as fs from "node:fs";

export type Durability = "O_DSYNC" | "fdatasync";

/** The way that `platform` and the constants of this build of Node allow. */
export function durabilityOf(platform: NodeJS.Platform): Durability {
  const known = typeof fs.constants.O_DSYNC === "number" && fs.constants.O_DSYNC !== 0;
  return known && platform !== "darwin" && platform !== "win32" ? "O_DSYNC" : "fdatasync";
}

/** Flags to open an existing file for reading and durable writing. */
export function writeFlags(durability: Durability): number {
  return fs.constants.O_RDWR | (durability === "O_DSYNC" ? fs.constants.O_DSYNC : 0);
}

/**
 * Whether the open file of `fd` really has O_DSYNC: open() ignores flags that it does not know.
 * `undefined` where the system does not tell.
 */
export function hasSyncFlag(fd: number): boolean | undefined {
  try {
    const flags = /^flags:\s*([0-7]+)$/m.exec(fs.readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"));
    if (flags?.[1] === undefined) return undefined;
    return (Number.parseInt(flags[1], 8) & fs.constants.O_DSYNC) !== 0;
  } catch {
    return undefined; // No such file system here: the constant has to be trusted.
  }
}
