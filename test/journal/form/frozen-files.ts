/** The frozen stores: their files, a disk that holds them, and what is in them. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { SimulatedDisk } from "../../../src/testing/simulated-disk.js";
import { DIRECTORY } from "../kit.js";

interface FrozenFile {
  readonly about: string;
  readonly files: Readonly<
    Record<
      string,
      { readonly size: number; readonly parts: readonly (readonly [number, string])[] }
    >
  >;
  readonly holds: unknown;
}

const folder = fileURLToPath(new URL("./frozen/", import.meta.url));
/** The frozen files by name, without their ending. */
export const names = readdirSync(folder, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".json"))
  .map((name) => name.slice(0, -".json".length));
/** The files of a store by their path in it, and what it holds. */
export function frozen<Holds>(name: string): {
  readonly files: Map<string, Buffer>;
  readonly holds: Holds;
} {
  const { files, holds } = JSON.parse(readFileSync(`${folder}${name}.json`, "utf8")) as FrozenFile;
  const bytesOf = new Map<string, Buffer>();
  for (const [path, { size, parts }] of Object.entries(files)) {
    const bytes = Buffer.alloc(size);
    for (const [offset, part] of parts) bytes.set(Buffer.from(part, "base64"), offset);
    bytesOf.set(path, bytes);
  }
  return { files: bytesOf, holds: holds as Holds };
}

/** A disk with these files. */
export async function diskOf(files: ReadonlyMap<string, Uint8Array>): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk();
  for (const path of [DIRECTORY, `${DIRECTORY}/journal`]) await disk.makeDirectory(path);
  for (const [path, bytes] of files) {
    const file = await disk.create(`${DIRECTORY}/${path}`);
    await file.writeDurable(0, [bytes]);
    await file.close();
  }
  return disk;
}
