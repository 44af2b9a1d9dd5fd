/**
 * Looks at a simulated disk as a value: every file with its path, and one short word for all bytes
 * together, cheap because unchanged pages are known again.
 */
import { crc32c } from "../../../src/codec/crc32c.js";
import { bytesOf, type Content } from "../../../src/testing/simulated/content.js";
import {
  type DirectoryNode,
  type FileNode,
  ROOT_NODE,
  type World,
} from "../../../src/testing/simulated/world.js";

/** Every file that has a name, by path. */
export function filesOf(world: World): ReadonlyMap<string, FileNode> {
  const files = new Map<string, FileNode>();
  const visit = (number: number, path: string): void => {
    const node = world.nodes.get(number);
    if (node?.kind === "file") files.set(path, node);
    if (node?.kind !== "directory") return;
    for (const [name, child] of node.visible) visit(child, `${path}/${name}`);
  };
  visit(ROOT_NODE, "");
  return files;
}

/** The directory at `path`, as it is in `world`. */
export function directoryIn(world: World, path: string): DirectoryNode | undefined {
  let node = world.nodes.get(ROOT_NODE);
  for (const name of path.split("/").filter((part) => part !== "" && part !== ".")) {
    const number = node?.kind === "directory" ? node.visible.get(name) : undefined;
    node = number === undefined ? undefined : world.nodes.get(number);
  }
  return node?.kind === "directory" ? node : undefined;
}

/** Up to `length` bytes of a file from `position` on; none where it is not there. */
export function bytesIn(world: World, path: string, position: number, length: number): Uint8Array {
  const file = filesOf(world).get(path);
  return file ? bytesOf(file.visible, position, length) : new Uint8Array(0);
}

const pageSums = new WeakMap<Uint8Array, string>();
const contentNames = new WeakMap<Content, string>();

/** A word that two disks share only where all their files, and all that is durable, are equal. */
export function keyOf(world: World): string {
  const words: string[] = [];
  for (const [path, { visible, durable }] of filesOf(world)) {
    words.push(path, nameOf(visible));
    if (durable !== visible) words.push(nameOf(durable));
  }
  return words.join(" ");
}

/** Equal contents have equal names. */
function nameOf(content: Content): string {
  const known = contentNames.get(content);
  if (known !== undefined) return known;
  const name = `${content.size.toString(36)}:${content.pages.map(sumOf).join("")}`;
  const short = name.length > NAME_CHARS_MAX ? crc32cOf(name) : name;
  contentNames.set(content, short);
  return short;
}

const NAME_CHARS_MAX = 24;

function sumOf(page: Uint8Array | undefined): string {
  if (page === undefined) return "-";
  const known = pageSums.get(page);
  if (known !== undefined) return known;
  const sum = `${crc32c(page).toString(36)}.`;
  pageSums.set(page, sum);
  return sum;
}

/** Two sums, since one of 32 bits is too short for a hundred thousand names. */
function crc32cOf(name: string): string {
  const bytes = Buffer.from(name);
  return `${crc32c(bytes).toString(36)}+${crc32c(bytes.reverse()).toString(36)}`;
}
