/** The contents of a record in a few facts: of a block, a commit QC, a note, or a record of a journal. */
import { hex } from "../../../codec/hex.js";
import { ROAD } from "../../../persist/kinds.js";
import { fieldsOf, isNoteLog } from "../../../persist/note-forms.js";
import { decodeEnvelope } from "../../../records/log/envelope.js";
import { isLaneId } from "../../../types/lane.js";
import { decodeCommitQC, decodeSignedBlock } from "../../../wire/codec/decode.js";
import { DecodeError } from "../../../wire/codec/decode-error.js";
import { headerHash } from "../../../wire/hash.js";

/** The facts by their names in JSON. Bytes that do not decode have a reason in place of facts. */
export type Facts = Readonly<Record<string, unknown>>;

export function factsOf(log: string, payload: Uint8Array): Facts {
  try {
    if (log === ROAD) return commitQCFacts(payload);
    if (isNoteLog(log)) return fieldsOf(payload);
    return isLaneId(log) ? blockFacts(payload) : envelopeFacts(payload);
  } catch (cause) {
    if (!(cause instanceof DecodeError)) throw cause;
    return { undecodable: cause.message };
  }
}

function blockFacts(payload: Uint8Array): Facts {
  const { header, payload: content } = decodeSignedBlock(payload).msg;
  const txBytes = content.txs.reduce((sum, tx) => sum + tx.length, 0);
  return {
    headerHash: hex(headerHash(header)),
    parentHash: hex(header.parentHash),
    txs: content.txs.length,
    txBytes,
  };
}

function commitQCFacts(payload: Uint8Array): Facts {
  const { vote, sigs } = decodeCommitQC(payload);
  const { view, laneRanges } = vote;
  return { epochIndex: view.epochIndex, lanes: laneRanges.length, signatures: sigs.length };
}

function envelopeFacts(payload: Uint8Array): Facts {
  const found = decodeEnvelope(payload);
  if (found.kind !== "record") {
    return { undecodable: found.kind === "damaged" ? found.reason : `version ${found.version}` };
  }
  const { type, tenant, shard, origin } = found.labels;
  return { type, tenant, shard, ...(origin === undefined ? {} : { origin }) };
}
