/**
 * A pair of A/B slots: two files written in turn and in place, so that a write that is torn harms
 * only the slot that does not hold the last good message.
 *
 *   <name>_a.pb   odd sequences       <name>_b.pb   even sequences
 *
 * The form of a slot is in `slot-form.ts`, the choice between two in `slot-choice.ts`.
 */
import { assert } from "../../types/assert.js";
import { PersisterError } from "../../types/errors.js";
import type { Disk, DiskFile } from "../disk.js";
import { fillHoles } from "../holes.js";
import { type SlotName, slotOf } from "./choice.js";
import {
  decodeSlot,
  encodeSlot,
  SLOT_BYTES_DEFAULT,
  SLOT_BYTES_MAX,
  SLOT_HEAD_BYTES,
  type SlotState,
  slotBytesFor,
} from "./form.js";

export { chooseSlot, nextSeq, otherSlot, slotCases, slotOf } from "./choice.js";
export type { SlotName } from "./choice.js";
export { SLOT_BYTES_DEFAULT, SLOT_BYTES_MAX } from "./form.js";
export type { SlotState } from "./form.js";

export interface SlotStates {
  readonly a: SlotState;
  readonly b: SlotState;
}

/** The path of one slot's file. */
export function slotPath(directory: string, name: string, slot: SlotName): string {
  return `${directory}/${name}_${slot}.pb`;
}

/** The bytes of a slot's file that reads as `state`; zeros where it holds no message. A new buffer. */
export function slotBytes(state: SlotState): Uint8Array {
  if (state.status !== "valid") return new Uint8Array(SLOT_BYTES_DEFAULT);
  return encodeSlot(state.seq, state.message, SLOT_HEAD_BYTES + state.message.length);
}

/**
 * Makes both files, preallocated with `bytes` zeros each. Their bytes are durable when resolved,
 * their names are not: the caller flushes `directory` (one `syncDirectory` for all that it makes).
 * @throws {PersisterError} IO when one of them exists, or `directory` does not.
 */
export async function createSlots(
  disk: Disk,
  directory: string,
  name: string,
  bytes: number = SLOT_BYTES_DEFAULT,
): Promise<void> {
  for (const slot of ["a", "b"] as const) {
    const file = await disk.create(slotPath(directory, name, slot));
    try {
      await file.writeDurable(0, [new Uint8Array(bytes)]);
    } finally {
      await file.close();
    }
  }
}

/**
 * Reads both slots and changes nothing.
 * @throws {PersisterError} NOT_A_STORE when `directory` is none; IO when a file cannot be read: an
 * error of the disk is never taken for damage, which the other slot could stand in for.
 */
export async function readSlots(disk: Disk, directory: string, name: string): Promise<SlotStates> {
  await requireDirectory(disk, directory);
  const states: SlotState[] = [];
  for (const slot of ["a", "b"] as const) {
    const file = await disk.openToRead(slotPath(directory, name, slot));
    try {
      states.push(file === undefined ? { status: "missing" } : await readSlot(file));
    } finally {
      await file?.close();
    }
  }
  const [a, b] = states;
  assert(a !== undefined && b !== undefined, "both slots were read");
  return { a, b };
}

type Life =
  | { readonly status: "open" }
  | { readonly status: "poisoned"; readonly cause: unknown }
  | { readonly status: "closed" };

interface Slot {
  readonly file: DiskFile | undefined;
  /** Bytes in the file. */
  size: number;
  state: SlotState;
}

/** One open pair. One write at a time: the caller queues. */
export class SlotPair implements SlotStates {
  readonly #slots: Readonly<Record<SlotName, Slot>>;
  readonly #where: string;
  #life: Life = { status: "open" };
  #writing = false;

  private constructor(where: string, slots: Readonly<Record<SlotName, Slot>>) {
    this.#where = where;
    this.#slots = slots;
  }

  /** Opens for writing and reads both slots; a missing file shows as "missing". Throws as `readSlots`. */
  static async open(disk: Disk, directory: string, name: string): Promise<SlotPair> {
    await requireDirectory(disk, directory);
    const a = await openSlot(disk, slotPath(directory, name, "a"));
    try {
      const b = await openSlot(disk, slotPath(directory, name, "b"));
      return new SlotPair(`${directory}/${name}`, { a, b });
    } catch (cause) {
      await a.file?.close();
      throw cause;
    }
  }

  /** The content of slot A: as read at open, or as written since. */
  get a(): SlotState {
    return this.#slots.a.state;
  }

  /** The content of slot B: as read at open, or as written since. */
  get b(): SlotState {
    return this.#slots.b.state;
  }

  /** The files of both slots. */
  get files(): readonly DiskFile[] {
    const { a, b } = this.#slots;
    return [a, b].flatMap(({ file }) => file ?? []);
  }

  /**
   * Writes `message` to the slot of `seq`'s parity; durable when resolved. Copies `message`.
   * `seq` lies above those held; which one, `nextSeq` says.
   * @throws {PersisterError} INVALID when the message is too large, and nothing was written; what
   * the disk refused with, from then on for every call; CLOSED after `close`.
   */
  async write(seq: bigint, message: Uint8Array): Promise<void> {
    this.#refuseUnlessOpen();
    for (const held of [this.a, this.b]) {
      const rises = held.status !== "valid" || seq > held.seq;
      assert(rises, "a new slot sequence lies above those held");
    }
    const slot = this.#slots[slotOf(seq)];
    assert(slot.file !== undefined, "a slot is written only where its file is");
    const size = slotBytesFor(message, slot.size);
    if (size > SLOT_BYTES_MAX) {
      const text = `a message of ${message.length} bytes is too large for a slot: ${this.#where}`;
      throw new PersisterError("INVALID", `${text} (at most ${SLOT_BYTES_MAX} with head)`);
    }
    const bytes = encodeSlot(seq, message, size);
    await this.#put(slot.file, bytes);
    slot.size = size;
    slot.state = { status: "valid", seq, message: bytes.subarray(SLOT_HEAD_BYTES) };
  }

  /**
   * Grows the slot of `seq`'s parity where `message` does not fit it; durable when resolved. It is the
   * slot that does not hold the last good message, so a refusal, or a crash, harms nothing. A refusal
   * leaves the file longer than it was: its size is read back, since the next message is padded to it.
   * @throws {PersisterError} DISK_FULL, and the pair goes on as it was; IO; CLOSED after `close`.
   */
  async makeRoom(seq: bigint, message: Uint8Array): Promise<void> {
    this.#refuseUnlessOpen();
    const slot = this.#slots[slotOf(seq)];
    assert(slot.file !== undefined, "a slot is written only where its file is");
    const size = slotBytesFor(message, slot.size);
    if (size <= slot.size || size > SLOT_BYTES_MAX) return;
    try {
      await slot.file.writeDurable(slot.size, [new Uint8Array(size - slot.size)]);
      slot.size = size;
    } catch (cause) {
      slot.size = await this.#sizeAfter(slot.file, cause);
      throw cause;
    }
  }

  /**
   * Writes what `slot` holds again, in place and byte-identical: what open saw may be in the page
   * cache alone (D1). Durable when resolved. Throws as `write`.
   */
  async rewrite(slot: SlotName): Promise<void> {
    this.#refuseUnlessOpen();
    const { file, state } = this.#slots[slot];
    assert(state.status === "valid", "only a valid slot is written again");
    assert(file !== undefined, "a slot is written only where its file is");
    const size = SLOT_HEAD_BYTES + state.message.length;
    await this.#put(file, encodeSlot(state.seq, state.message, size));
  }

  /** Fills the holes of both files, so that a write in place finds its room. Changes no byte. */
  async fillHoles(): Promise<void> {
    this.#refuseUnlessOpen();
    for (const { file } of Object.values(this.#slots)) if (file) await fillHoles(file);
  }

  /** Idempotent. Writes nothing. */
  async close(): Promise<void> {
    if (this.#life.status === "closed") return;
    this.#life = { status: "closed" };
    await Promise.all([this.#slots.a.file?.close(), this.#slots.b.file?.close()]);
  }

  async #put(file: DiskFile, bytes: Uint8Array): Promise<void> {
    this.#refuseUnlessOpen();
    assert(!this.#writing, "a pair of slots has one writer, one write at a time");
    this.#writing = true;
    try {
      await file.writeDurable(0, [bytes]);
    } catch (cause) {
      this.#poison(cause);
      throw cause;
    } finally {
      this.#writing = false;
    }
  }

  /** The size of a file behind a write that failed with `cause`; where it cannot be had, nothing goes on. */
  async #sizeAfter(file: DiskFile, cause: unknown): Promise<number> {
    try {
      return await file.size();
    } catch (unknown) {
      this.#poison(new AggregateError([cause, unknown], "a slot's size is not known any more"));
      throw unknown;
    }
  }

  #poison(cause: unknown): void {
    if (this.#life.status === "open") this.#life = { status: "poisoned", cause };
  }

  #refuseUnlessOpen(): void {
    if (this.#life.status === "poisoned") throw this.#life.cause;
    if (this.#life.status === "closed") {
      throw new PersisterError("CLOSED", `the slots were closed: ${this.#where} (open them again)`);
    }
  }
}

async function openSlot(disk: Disk, path: string): Promise<Slot> {
  const file = await disk.openToWrite(path);
  if (file === undefined) return { file, size: 0, state: { status: "missing" } };
  try {
    return { file, size: await file.size(), state: await readSlot(file) };
  } catch (cause) {
    await file.close();
    throw cause;
  }
}

async function readSlot(file: DiskFile): Promise<SlotState> {
  const size = await file.size();
  if (size > SLOT_BYTES_MAX) {
    return { status: "corrupt", reason: `${size} bytes are more than a slot ever has` };
  }
  return decodeSlot(await file.read(0, size));
}

async function requireDirectory(disk: Disk, directory: string): Promise<void> {
  const kind = await disk.kind(directory);
  if (kind === "directory") return;
  const what = kind === undefined ? "nothing is there" : "it is no directory";
  const message = `not a state directory: ${directory}: ${what} (check the path, or run init)`;
  throw new PersisterError("NOT_A_STORE", message, { file: directory });
}
