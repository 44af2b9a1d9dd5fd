/**
 * Keys as people read them. Parts carry no tags, so this is a guess: the one reading of the bytes as
 * strings of printable text, 8-byte numbers, and a last byte. Bytes without such a reading have none.
 */

const SIGN_BIT = 1n << 63n;
/** Numbers whose first byte is one of these are near zero: signed ones, as `int` stores them. */
const signedFirstBytes = new Set([0x7f, 0x80]);

/**
 * The parts of a key in the words that make them: `"channel-42", int(1)`; `undefined` where the bytes
 * fit no such parts.
 */
export function describedKey(key: Uint8Array): string | undefined {
  const bytes = Buffer.from(key.buffer, key.byteOffset, key.length);
  const parts: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const text = textAt(bytes, at);
    if (text !== undefined) {
      parts.push(JSON.stringify(text));
      at += 2 + Buffer.byteLength(text);
    } else if (bytes.length - at >= 8) {
      const stored = bytes.readBigUInt64BE(at);
      const isSigned = signedFirstBytes.has(bytes.readUInt8(at));
      parts.push(isSigned ? `int(${stored - SIGN_BIT})` : `uint64(${stored})`);
      at += 8;
    } else if (bytes.length - at === 1) {
      parts.push(`byte(${bytes.readUInt8(at)})`);
      at += 1;
    } else return undefined;
  }
  return parts.join(", ");
}

/** The string at an offset, where there is one of at least one printable character. */
function textAt(bytes: Buffer, at: number): string | undefined {
  if (bytes.length - at < 3) return undefined;
  const length = bytes.readUInt16BE(at);
  if (length === 0 || at + 2 + length > bytes.length) return undefined;
  const text = bytes.toString("utf8", at + 2, at + 2 + length);
  return /^[^\p{C}\ufffd]+$/u.test(text) ? text : undefined;
}
