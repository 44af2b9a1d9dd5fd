/**
 * The committees of all epochs from a JSON file:
 *
 * ```json
 * { "epochs": [
 *   { "index": 0, "firstRoad": 0, "nextRoad": 500, "members": [{ "key": "<64 hex>", "weight": 1 }] },
 *   { "index": 1, "firstRoad": 500, "nextRoad": null, "members": [...] }
 * ] }
 * ```
 *
 * Every epoch from 0 on is listed, in order: the epoch in which a member joined, which is a part of
 * its lane's name, follows from the epochs before. Numbers may be strings, for those above 2^53.
 */
import { u64Text } from "../codec/u64-text.js";
import { readFile } from "node:fs/promises";
import { z } from "zod";
import { PersisterError } from "../types/errors.js";
import { U64_MAX } from "../types/numbers.js";
import { Committee, type Epoch, type Weighted } from "../wire/committee.js";
import { VerifyError } from "../wire/verify-error.js";

const u64 = z.union([z.number().int().safe().nonnegative().transform(BigInt), u64Text]);

const key = z.string().regex(/^[0-9a-f]{64}$/, "must be 64 lower-case hex digits");

const schema = z.strictObject({
  epochs: z
    .array(
      z.strictObject({
        index: u64,
        firstRoad: u64,
        nextRoad: u64.nullable(),
        members: z.array(z.strictObject({ key, weight: u64 })).min(1),
      }),
    )
    .min(1),
});

/** The file's shape, for `--help`. */
export const committeeFileHelp = `
The committee file is JSON. It lists every epoch from 0 on, the last one with "nextRoad": null if it
has not ended; numbers above 2^53 are written as strings:
  {"epochs": [{"index": 0, "firstRoad": 0, "nextRoad": null,
               "members": [{"key": "<64 hex digits>", "weight": 1}]}]}
`;

/** @throws {PersisterError} USAGE when the file cannot be read or is not of this form. */
export async function readCommittees(file: string): Promise<readonly Epoch[]> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (cause) {
    throw new PersisterError("USAGE", `--committee ${file} cannot be read`, { cause });
  }
  try {
    return parseCommittees(text);
  } catch (cause) {
    if (!(cause instanceof SyntaxError || cause instanceof VerifyError)) throw cause;
    throw new PersisterError("USAGE", `--committee ${file}: ${cause.message}`, { cause });
  }
}

/** @throws {PersisterError} USAGE; {SyntaxError} or {VerifyError}: each says what is wrong. */
export function parseCommittees(text: string): readonly Epoch[] {
  const result = schema.safeParse(JSON.parse(text));
  if (!result.success) {
    const [issue] = result.error.issues;
    throw new PersisterError("USAGE", `--committee: ${issue?.path.join(".")} ${issue?.message}`);
  }
  const epochs: Epoch[] = [];
  for (const { index, firstRoad, nextRoad, members } of result.data.epochs) {
    const before = epochs.at(-1);
    refuseUnless(index === BigInt(epochs.length), `epoch ${epochs.length} is not in its place`);
    refuseUnless(firstRoad === (before?.nextRoad ?? 0n), `epoch ${index} begins elsewhere`);
    refuseUnless(firstRoad <= (nextRoad ?? U64_MAX), `epoch ${index} ends before it begins`);
    epochs.push({
      index,
      firstRoad,
      nextRoad: nextRoad ?? U64_MAX,
      committee: committeeOf(before, index, members),
    });
  }
  return epochs;
}

function committeeOf(
  before: Epoch | undefined,
  index: bigint,
  members: readonly { readonly key: string; readonly weight: bigint }[],
): Committee {
  const keys = new Set(members.map((member) => member.key));
  refuseUnless(keys.size === members.length, `epoch ${index} names a key twice`);
  const weights = members.map((member): Weighted => {
    return { key: Buffer.from(member.key, "hex"), weight: member.weight };
  });
  return before ? before.committee.after(index, weights) : Committee.genesis(weights);
}

function refuseUnless(condition: boolean, what: string): void {
  if (!condition) throw new PersisterError("USAGE", `--committee: ${what}`);
}

/** An epoch as it stands in the file. */
export interface EpochEntry {
  readonly index: bigint;
  readonly firstRoad: bigint;
  /** `undefined` while it has no end. */
  readonly nextRoad: bigint | undefined;
  readonly members: readonly Weighted[];
}

/** The text of a file with these epochs, and one more behind them; it ends the one before it. */
export function committeesText(epochs: readonly Epoch[], added: EpochEntry): string {
  const held = epochs.map(({ index, firstRoad, nextRoad, committee }): EpochEntry => {
    const isOpen = nextRoad === U64_MAX;
    const { members } = committee;
    return { index, firstRoad, members, nextRoad: isOpen ? added.firstRoad : nextRoad };
  });
  const entries = [...held, added].map(({ index, firstRoad, nextRoad, members }) => ({
    index: String(index),
    firstRoad: String(firstRoad),
    nextRoad: nextRoad === undefined ? null : String(nextRoad),
    members: members.map(({ key: bytes, weight }) => {
      return { key: Buffer.from(bytes).toString("hex"), weight: String(weight) };
    }),
  }));
  return `${JSON.stringify({ epochs: entries }, undefined, 2)}\n`;
}
