/**
 * The signing envelope: a message under one of seven arms. A signature is over the SHA-256 of its
 * canonical bytes, so the same proposal proposed, prepared and committed has three digests.
 */
import type { Shape } from "../../types/shape.js";
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
import * as shapes from "../shapes.js";
import { type Put, unfilled, written, writtenIn } from "./writer.js";

export type Msg =
  | { readonly kind: "lane_proposal"; readonly value: Block }
  | { readonly kind: "lane_vote"; readonly value: BlockHeader }
  | { readonly kind: "proposal" | "prepare_vote" | "commit_vote"; readonly value: Proposal }
  | { readonly kind: "timeout_vote"; readonly value: TimeoutVote }
  | { readonly kind: "app_vote"; readonly value: AppProposal };

const putLaneProposal: Put<Block> = (writer, block) => writer.message(1, putBlock, block);

function enveloped<T>(field: number, put: Put<T>, value: T): Uint8Array {
  const putEnvelope: Put<T> = (writer, inner) => writer.message(field, put, inner);
  return written(putEnvelope, value);
}

/** The shape of the message under each arm. */
const shapeOf: Readonly<Record<Msg["kind"], Shape>> = {
  lane_proposal: shapes.block,
  lane_vote: shapes.header,
  proposal: shapes.proposal,
  prepare_vote: shapes.proposal,
  commit_vote: shapes.proposal,
  timeout_vote: shapes.timeoutVote,
  app_vote: shapes.app,
};

/**
 * Canonical bytes of the envelope, of which the digest is made.
 *
 * @throws {PersisterError} USAGE naming the first wrong field.
 */
export function encodeMsg(msg: Msg): Uint8Array {
  try {
    return encoded(msg);
  } catch (cause) {
    shapeOf[msg.kind](msg.value, msg.kind);
    throw cause;
  }
}

function encoded(msg: Msg): Uint8Array {
  switch (msg.kind) {
    case "lane_proposal":
      return written(putLaneProposal, msg.value, blockBytes(msg.value.payload));
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

/** The envelope of a larger block has memory of its own. */
const SPARE_BYTES = 256 * 1024;
/** The memory of an envelope while nobody has it: to make it anew costs as much as to fill it. */
let spare: Uint8Array | undefined;

/** The canonical bytes of a block's envelope, in memory that others have behind `giveBack`. */
export interface LentEnvelope {
  readonly bytes: Uint8Array;
  readonly giveBack: () => void;
}

/** As `encodeMsg` of a lane proposal. A caller that does not give it back costs the next one its memory alone. */
export function lendEnvelope(block: Block): LentEnvelope {
  const memory = blockBytes(block.payload) <= SPARE_BYTES ? takeSpare() : undefined;
  if (!memory) return { bytes: encodeMsg({ kind: "lane_proposal", value: block }), giveBack() {} };
  const giveBack = (): void => {
    spare = memory;
  };
  try {
    return { bytes: writtenIn(memory, putLaneProposal, block), giveBack };
  } catch (cause) {
    giveBack();
    shapes.block(block, "lane_proposal");
    throw cause;
  }
}

function takeSpare(): Uint8Array {
  const memory = spare ?? unfilled(SPARE_BYTES);
  spare = undefined;
  return memory;
}

/** A view of the canonical bytes of the payload: the end of the envelope of a lane proposal. */
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
 * Reads an envelope. Of two arms the later one counts.
 *
 * @throws {DecodeError} `empty` without an arm, else as every decoder.
 */
export function decodeMsg(bytes: Uint8Array): Msg {
  const raw = RawMessage.of(bytes, schemas.Msg, "lent");
  const take = <T>(from: From<T>): T => from(messageOf(raw, raw.last));
  switch (raw.last) {
    case 1:
      return { kind: "lane_proposal", value: take(armsFrom.block) };
    case 2:
      return { kind: "lane_vote", value: take(armsFrom.header) };
    case 3:
      return { kind: "proposal", value: take(armsFrom.proposal) };
    case 4:
      return { kind: "prepare_vote", value: take(armsFrom.proposal) };
    case 5:
      return { kind: "commit_vote", value: take(armsFrom.proposal) };
    case 6:
      return { kind: "timeout_vote", value: take(armsFrom.timeoutVote) };
    case 7:
      return { kind: "app_vote", value: take(armsFrom.appProposal) };
    default:
      return refuse(raw, "arm", "empty", "there is no arm");
  }
}
