/**
 * The signing envelope: a message under one of seven arms. What is signed is the SHA-256 of its
 * canonical bytes, so the same proposal proposed, prepared and committed has three digests.
 */
import { type From, armsFrom } from "./decode.js";
import { putAppProposal, putBlock, putBlockHeader, putProposal, putTimeoutVote } from "./encode.js";
import { messageOf, refuse } from "./fields.js";
import type { AppProposal, Block, BlockHeader, Proposal, TimeoutVote } from "./messages.js";
import { scan } from "./scan.js";
import * as schemas from "./schema.js";
import { type Put, Writer } from "./writer.js";

export type Msg =
  | { readonly arm: "lane_proposal"; readonly value: Block }
  | { readonly arm: "lane_vote"; readonly value: BlockHeader }
  | { readonly arm: "proposal" | "prepare_vote" | "commit_vote"; readonly value: Proposal }
  | { readonly arm: "timeout_vote"; readonly value: TimeoutVote }
  | { readonly arm: "app_vote"; readonly value: AppProposal };

function enveloped<T>(field: number, put: Put<T>, value: T, capacity = 512): Uint8Array {
  const writer = new Writer(capacity);
  writer.message(field, put, value);
  return writer.finish();
}

/** Canonical bytes of the envelope, of which the digest is made. */
export function encodeMsg(msg: Msg): Uint8Array {
  switch (msg.arm) {
    case "lane_proposal":
      return enveloped(1, putBlock, msg.value, blockCapacity(msg.value));
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

function blockCapacity(block: Block): number {
  return block.payload.txs.reduce((total, tx) => total + tx.length + 6, 512);
}

/**
 * Reads an envelope; of two arms the later one holds.
 *
 * @throws {DecodeError} `empty` without an arm, else as every decoder.
 */
export function decodeMsg(bytes: Uint8Array): Msg {
  const raw = scan(bytes, schemas.Msg);
  const take = <T>(from: From<T>): T => from(messageOf(raw, raw.last, "arm"));
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
