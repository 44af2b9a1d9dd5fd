/**
 * The content of a simulated disk: files and directories, each with its durable state, its visible
 * state (the page cache), and the list of changes that lie between the two.
 *
 *   durable --(pending changes, in the order of their start)--> visible
 *
 * A change leaves the list only when its own flush finishes, or when a later change over the same
 * bytes has been flushed. A flush that failed leaves its change in the list for ever: the page is
 * clean and will not be written again.
 */
import { BLOCK_BYTES, type Holes, noHoles } from "./holes.js";
import { type Content, emptyContent, withBytes } from "./content.js";

export interface Fragment {
  readonly position: number;
  readonly bytes: Uint8Array;
}

/** A write that is visible and not durable: what no later flushed write has covered of it. */
export interface PendingWrite {
  readonly order: number;
  readonly fragments: readonly Fragment[];
}

/**
 * A change of one name: the node it now points to, or `undefined` when it was removed. Both names of a rename have one
 * order: a power cut leaves both changes, or none.
 */
export interface PendingEntry {
  readonly order: number;
  readonly name: string;
  readonly node: number | undefined;
}

export interface FileNode {
  readonly kind: "file";
  durable: Content;
  visible: Content;
  pending: readonly PendingWrite[];
  /** Of what is visible. */
  holes: Holes;
}

export interface DirectoryNode {
  readonly kind: "directory";
  durable: ReadonlyMap<string, number>;
  visible: ReadonlyMap<string, number>;
  pending: readonly PendingEntry[];
}

export type Node = FileNode | DirectoryNode;

/** The node number of the root directory, which always is. */
export const ROOT_NODE = 0;

export interface World {
  readonly nodes: Map<number, Node>;
  nextNode: number;
  nextOrder: number;
}

export function newWorld(): World {
  return { nodes: new Map([[ROOT_NODE, newDirectory()]]), nextNode: ROOT_NODE + 1, nextOrder: 1 };
}

export function newFile(): FileNode {
  return {
    kind: "file",
    durable: emptyContent,
    visible: emptyContent,
    pending: [],
    holes: noHoles,
  };
}

/** Bytes that a file takes on the disk. */
export function heldBytes({ visible, holes }: FileNode): number {
  return visible.size - holes.size * BLOCK_BYTES;
}

export function newDirectory(): DirectoryNode {
  return { kind: "directory", durable: new Map(), visible: new Map(), pending: [] };
}

/** A copy that shares every page and list: those are replaced, never changed. */
export function copyWorld(world: World): World {
  const nodes = new Map<number, Node>();
  for (const [number, node] of world.nodes) nodes.set(number, { ...node });
  return { nodes, nextNode: world.nextNode, nextOrder: world.nextOrder };
}

/** Makes `bytes` visible and pending. Keeps `bytes`: they must not change afterwards. */
export function startWrite(world: World, file: FileNode, fragment: Fragment): number {
  const order = world.nextOrder++;
  if (fragment.bytes.length === 0) return order;
  file.visible = withBytes(file.visible, fragment.position, fragment.bytes);
  file.pending = [...file.pending, { order, fragments: [fragment] }];
  return order;
}

/** Makes the pending write `order` durable; older pending writes lose what it covers. */
export function finishWrite(file: FileNode, order: number): void {
  const write = file.pending.find((pending) => pending.order === order);
  if (write === undefined) return; // Later writes, flushed already, covered all of it.
  // Nothing else lies between the two states: they share their pages from here on.
  if (file.pending.length === 1) file.durable = file.visible;
  else {
    for (const { position, bytes } of write.fragments) {
      file.durable = withBytes(file.durable, position, bytes);
    }
  }
  const rest: PendingWrite[] = [];
  for (const pending of file.pending) {
    if (pending.order === order) continue;
    const older = pending.order < order;
    const fragments = older ? uncovered(pending.fragments, write.fragments) : pending.fragments;
    if (fragments.length > 0) rest.push({ order: pending.order, fragments });
  }
  file.pending = rest;
}

/** Points `name` at `node`, or at nothing: visible at once, durable by `finishSync` only. */
export function changeEntry(
  world: World,
  directory: DirectoryNode,
  name: string,
  node: number | undefined,
): void {
  const visible = new Map(directory.visible);
  if (node === undefined) visible.delete(name);
  else visible.set(name, node);
  directory.visible = visible;
  directory.pending = [...directory.pending, { order: world.nextOrder++, name, node }];
}

/** Gives the node of `from` the name `to`, in one step: visible at once, durable by `finishSync` only. */
export function renameEntry(
  world: World,
  directory: DirectoryNode,
  from: string,
  to: string,
): void {
  const node = directory.visible.get(from);
  changeEntry(world, directory, from, undefined);
  world.nextOrder -= 1;
  changeEntry(world, directory, to, node);
}

/** Makes every entry change older than `order` durable. */
export function finishSync(directory: DirectoryNode, order: number): void {
  const durable = new Map(directory.durable);
  for (const { name, node } of directory.pending.filter((change) => change.order < order)) {
    if (node === undefined) durable.delete(name);
    else durable.set(name, node);
  }
  directory.durable = durable;
  directory.pending = directory.pending.filter((change) => change.order >= order);
}

function uncovered(fragments: readonly Fragment[], covers: readonly Fragment[]): Fragment[] {
  let rest = [...fragments];
  for (const cover of covers) {
    const end = cover.position + cover.bytes.length;
    rest = rest.flatMap(({ position, bytes }) => {
      const before = bytes.subarray(0, Math.max(0, cover.position - position));
      const afterFrom = Math.min(bytes.length, Math.max(0, end - position));
      const after = { position: position + afterFrom, bytes: bytes.subarray(afterFrom) };
      if (cover.position >= position + bytes.length || end <= position) return { position, bytes };
      return [{ position, bytes: before }, after].filter((part) => part.bytes.length > 0);
    });
  }
  return rest;
}
