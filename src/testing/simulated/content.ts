/**
 * The bytes of a simulated file as an immutable value: pages that are shared between versions, so
 * that thousands of crash states of one file cost little more than the file itself. A page that is
 * `undefined` is all zeros.
 */

/** Small enough that a small write copies little, large enough that a file has few pages. */
const PAGE_BYTES = 4 * 1024;
const zeroPage = new Uint8Array(PAGE_BYTES);

export interface Content {
  readonly size: number;
  readonly pages: readonly (Uint8Array | undefined)[];
}

export const emptyContent: Content = { size: 0, pages: [] };

/** The content with `bytes` at `position`; what lies between its old end and there is zeros. */
export function withBytes(content: Content, position: number, bytes: Uint8Array): Content {
  if (bytes.length === 0) return content;
  const pages = content.pages.slice();
  for (let done = 0; done < bytes.length; ) {
    const index = Math.floor((position + done) / PAGE_BYTES);
    const from = (position + done) % PAGE_BYTES;
    const part = bytes.subarray(done, done + PAGE_BYTES - from);
    while (pages.length < index) pages.push(undefined);
    pages[index] = withPart(pages[index], from, part);
    done += part.length;
  }
  return { size: Math.max(content.size, position + bytes.length), pages };
}

/** A copy of up to `length` bytes from `position` on; fewer at the end. */
export function bytesOf(content: Content, position: number, length: number): Uint8Array {
  const end = Math.min(content.size, position + length);
  const bytes = new Uint8Array(Math.max(0, end - position));
  for (let done = 0; done < bytes.length; ) {
    const index = Math.floor((position + done) / PAGE_BYTES);
    const from = (position + done) % PAGE_BYTES;
    const count = Math.min(PAGE_BYTES - from, bytes.length - done);
    const page = content.pages[index];
    if (page !== undefined) bytes.set(page.subarray(from, from + count), done);
    done += count;
  }
  return bytes;
}

function withPart(page: Uint8Array | undefined, from: number, part: Uint8Array) {
  const zeros = Buffer.compare(part, zeroPage.subarray(0, part.length)) === 0;
  if (zeros && (page === undefined || part.length === PAGE_BYTES)) return undefined;
  const next = page === undefined ? new Uint8Array(PAGE_BYTES) : page.slice();
  next.set(part, from);
  return next;
}
