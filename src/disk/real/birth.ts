/**
 * The time of birth of a file, as stat tells it. A kernel without statx keeps none from Node, which gives the time of
 * the last change in its place: a file would have another birth after each change. The two are equal as well in
 * a file that was made and last changed within one tick of the file system's clock. So equal times of one file
 * decide nothing.
 */
import * as fs from "node:fs";

/** Nanoseconds since 1970; 0 where it is not known. The same for all the life of a file. */
export function birthOf(stats: fs.BigIntStats): bigint {
  return differ(stats) || tellsBirths() ? stats.birthtimeNs : 0n;
}

const differ = (stats: fs.BigIntStats): boolean => stats.birthtimeNs !== stats.ctimeNs;

let told: boolean | undefined;

/**
 * Whether stat tells births in this process: one file whose times differ proves it. Files of /proc have no birth (0),
 * and a program is made before it gets its name or its mode.
 */
function tellsBirths(): boolean {
  told ??= ["/proc/self/stat", process.execPath].some((path) => {
    try {
      return differ(fs.statSync(path, { bigint: true }));
    } catch {
      return false; // A file that may not be looked at, or is missing, proves nothing.
    }
  });
  return told;
}
