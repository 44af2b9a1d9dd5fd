/**
 * The signing envelope: a message under one of seven arms. What is signed is the SHA-256 of its
 * canonical bytes, so the same proposal proposed, prepared and committed has three digests.
 */
import { readLength, readTag, skipValue } from "./cursor.js";
import { type From, armsFrom } from "./decode.js";
import {
  blockBytes,
  putAppProposal,
  putBlock,
  putBlockHeader,
  putProposal,
  putTimeoutVote,
} from "./encode.js";
import { messageOf, refuse } from "./fields.js";
import type { AppProposal, Block, BlockHeader, Proposal, TimeoutVote } from "../messages.js";
import { RawMessage } from "./raw-message.js";
import * as schemas from "./schema.js";
import { type Put, written } from "./writer.js";

export type Msg =
  | { readonly arm: "lane_proposal"; readonly value: Block }
  | { readonly arm: "lane_vote"; readonly value: BlockHeader }
  | { readonly arm: "proposal" | "prepare_vote" | "commit_vote"; readonly value: Proposal }
  | { readonly arm: "timeout_vote"; readonly value: TimeoutVote }
  | { readonly arm: "app_vote"; readonly value: AppProposal };

function enveloped<T>(field: number, put: Put<T>, value: T, capacity?: number): Uint8Array {
  const putEnvelope: Put<T> = (writer, inner) => writer.message(field, put, inner);
  return written(putEnvelope, value, capacity);
}

/** Canonical bytes of the envelope, of which the digest is made. */
export function encodeMsg(msg: Msg): Uint8Array {
  switch (msg.arm) {
    case "lane_proposal":
      return enveloped(1, putBlock, msg.value, blockBytes(msg.value.payload));
    case "lane_vote":
      return enveloped(2, putBlockHeader, msg.value);
    case "proposal":
      return enveloped(3, putProposal, msg.value);
    case "prepare_vote":
      return enveloped(4, putProposal, msg.value);
    case "commit_vote":
      return enveloped(5, putProposal, msg.value);
    case "timeout_vote":
      return enveloped(6, putTimeoutVote, msg.value);
    case "app_vote":
      return enveloped(7, putAppProposal, msg.value);
  }
}

/** The payload's canonical bytes: the end of those of a lane proposal's envelope. A view. */
export function payloadWithin(envelope: Uint8Array): Uint8Array {
  const cursor = { bytes: envelope, at: 0, end: envelope.length };
  readTag(cursor);
  readLength(cursor);
  skipValue(cursor, readTag(cursor));
  readTag(cursor);
  const end = readLength(cursor);
  return envelope.subarray(cursor.at, end);
}

/**
 * Reads an envelope; of two arms the later one holds.
 *
 * @throws {DecodeError} `empty` without an arm, else as every decoder.
 */
export function decodeMsg(bytes: Uint8Array): Msg {
  const raw = RawMessage.of(bytes, schemas.Msg, "lent");
  const take = <T>(from: From<T>): T => from(messageOf(raw, raw.last));
  switch (raw.last) {
    case 1:
      return { arm: "lane_proposal", value: take(armsFrom.block) };
    case 2:
      return { arm: "lane_vote", value: take(armsFrom.header) };
    case 3:
      return { arm: "proposal", value: take(armsFrom.proposal) };
    case 4:
      return { arm: "prepare_vote", value: take(armsFrom.proposal) };
    case 5:
      return { arm: "commit_vote", value: take(armsFrom.proposal) };
    case 6:
      return { arm: "timeout_vote", value: take(armsFrom.timeoutVote) };
    case 7:
      return { arm: "app_vote", value: take(armsFrom.appProposal) };
    default:
      return refuse(raw, "arm", "empty", "there is no arm");
  }
}
