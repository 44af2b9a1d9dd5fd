/**
 * The header of an encoded signed block, without a look at its transactions: what recovery needs of
 * every record to follow a lane's parent chain.
 */
import { blockHeaderFrom, signatureFrom } from "./decode.js";
import { lendOf, messageOf, refuse } from "./fields.js";
import type { BlockHeader } from "./messages.js";
import { scan } from "./scan.js";
import { Block, type FieldRule, type Schema, SignedBlock } from "./schema.js";

/** `Block` with the payload as one byte string that is not looked into. */
const closedBlock: Schema = { name: "Block", fields: withBytes(Block, 2) };
const closedSignedBlock: Schema = {
  name: "SignedBlock",
  fields: SignedBlock.fields.map((rule, number) =>
    number === 1 && rule !== undefined ? { ...rule, message: closedBlock } : rule,
  ),
};

function withBytes(schema: Schema, closed: number): readonly (FieldRule | undefined)[] {
  return schema.fields.map((rule, number) =>
    number === closed && rule !== undefined
      ? { name: rule.name, kind: "bytes", countMax: rule.countMax }
      : rule,
  );
}

/**
 * Reads the header of an encoded signed block. It refuses what `decodeSignedBlock` refuses, except
 * for faults inside the payload. The header is a copy.
 *
 * @throws {DecodeError}
 */
export function readSignedBlockHeader(bytes: Uint8Array): BlockHeader {
  const raw = scan(bytes, closedSignedBlock);
  const block = messageOf(raw, 1, "msg");
  const header = blockHeaderFrom(messageOf(block, 1, "header"));
  if (lendOf(block, 2) === undefined) refuse(block, "payload", "missing", "is required");
  signatureFrom(messageOf(raw, 2, "sig"));
  return header;
}
