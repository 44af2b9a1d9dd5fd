/** SHA-256 of canonical bytes of the older revision: no prefix, no domain. */
import { sha256 } from "../../wire/hash.js";
import { encodeBlockHeader, encodeMsg, encodePayload } from "./encode.js";
import type { BlockHeader, Msg, Payload } from "./messages.js";

/** What the next header names as its parent. */
export function headerHash(header: BlockHeader): Uint8Array {
  return sha256(encodeBlockHeader(header));
}

/** What a block's header must carry as `payloadHash`. */
export function payloadHash(payload: Payload): Uint8Array {
  return sha256(encodePayload(payload));
}

/** What is signed: 32 bytes. */
export function msgDigest(msg: Msg): Uint8Array {
  return sha256(encodeMsg(msg));
}
