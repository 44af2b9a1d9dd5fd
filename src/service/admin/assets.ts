/** The files of the page, read once: nothing else of the disk can be asked for. */
import { readdir, readFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
};

export interface Asset {
  readonly type: string;
  readonly bytes: Uint8Array;
}

/** The build puts the page here. */
export const PAGE_DIRECTORY = fileURLToPath(new URL("../page", import.meta.url));

/** By the path of the request: `/` is the page itself. */
export async function readAssets(directory: string): Promise<ReadonlyMap<string, Asset>> {
  const assets = new Map<string, Asset>();
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    const type = types[extname(entry.name)];
    if (!entry.isFile() || type === undefined) continue;
    const path = join(entry.parentPath, entry.name);
    const name = path.slice(directory.length + 1).replaceAll("\\", "/");
    const bytes = await readFile(path);
    assets.set(name === "index.html" ? "/" : `/${name}`, { type, bytes });
  }
  return assets;
}
