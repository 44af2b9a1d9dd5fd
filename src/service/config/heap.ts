/**
 * The pace at which V8 collects what nobody needs any more, in the process of a service.
 *
 * V8 looks through its whole heap when that has grown by a part of what was live, and counts the bytes of messages, which
 * lie outside of the heap, as growth. Live are some 25 MiB, most of it code and tables of libraries. The part is V8's
 * own guess from the speeds that it sees. In a flood of blocks of 64 KiB the guess is small: it looks through all of
 * that several times in a second, which was a quarter of the processor time of each block, and holds the event loop.
 *
 * Twice the live size takes a fifth to a third off that time, and no memory. Three times takes a little more off, and
 * some 30 MiB of memory, which is beyond the bound of 250 MiB.
 */
import { setFlagsFromString } from "node:v8";

/** Twice the live size, until V8 looks. */
export const HEAP_FLAG = "--heap-growing-percent=100";

/** Of the whole process, from here on. */
export function letHeapGrow(): void {
  setFlagsFromString(HEAP_FLAG);
}
