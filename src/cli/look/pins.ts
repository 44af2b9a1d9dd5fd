/** `lanekeeper pins`: the numbers at which one block alone may be signed, and the decision to lift one (D6). */
import { u64In } from "../../codec/u64-text.js";
import { releasePin } from "../../persist/guards/release.js";
import { laneBytes } from "../../rpc/failures.js";
import { REASON_CHARS_MAX, reasonArgument } from "../../types/arguments.js";
import { PersisterError, usageError } from "../../types/errors.js";
import { isLaneId, type LaneId } from "../../types/lane.js";
import { openBare } from "../store/bare.js";
import { keysAsFound } from "../store/key-files.js";
import { authorHere } from "../terminal/author.js";
import { nameText } from "../terminal/lanes.js";
import { consented, tellDone } from "../terminal/manners.js";
import type { CliPort } from "../terminal/port.js";
import type { Target } from "./view/target.js";
import { viewOf } from "./view/look.js";
import type { LookChoices, PinView } from "./view/view.js";

export interface ReleaseChoices extends LookChoices {
  readonly reason: string;
  readonly by?: string;
  readonly moved?: boolean;
  readonly yes?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/**
 * Lifts a pin, on record.
 *
 * @throws {PersisterError} USAGE where nothing is pinned there, or without consent; as open, or the service, says.
 */
export async function releaseCommand(
  target: Target,
  [lane, number]: readonly [lane: string, number: string],
  choices: ReleaseChoices,
  port: CliPort,
): Promise<void> {
  const { by = authorHere(), json } = choices;
  const reason = reasonArgument("--reason", choices.reason);
  const { pins, unread } = await viewOf(target, choices, port);
  const [first] = unread;
  if (first) throw new PersisterError(first.code, first.message, { file: first.file });
  const pin = pinAt(pins, lane, number);
  const what = `the pin of number ${pin.number} in lane ${pin.lane}, to the block with header ${pin.headerHash}`;
  const consent = { yes: choices.yes ?? false, dryRun: choices.dryRun ?? false };
  const isMeant = consented(consent, `lifts ${what}`);
  if (isMeant) {
    const decision = { ...pin, who: by, why: reason };
    if (target.kind === "service") await releaseAt(target.address, decision, choices, port.stop);
    else await releaseIn(target.directory, decision, choices);
  }
  const text = isMeant ? `lifted ${what}\n` : `this would lift ${what}\n`;
  const members = { ...pin, released: isMeant, reason, by };
  await tellDone(port, json, members, text);
}

/** The one pin that is meant. A lane is named by its first digits. */
function pinAt(pins: readonly PinView[], lane: string, number: string): PinView & { lane: LaneId } {
  if (!/^[0-9a-f]{1,80}$/.test(lane))
    throw usageError(`${lane} is no lane: give its first hex digits`);
  const at = u64In(number);
  if (at === undefined) throw usageError(`${number} is no number`);
  const found = pins.filter((pin) => pin.number === at && pin.lane.startsWith(lane));
  const [pin, another] = found;
  if (another)
    throw usageError(`${lane} begins several lanes that are pinned at ${number}: give more digits`);
  if (pin && isLaneId(pin.lane)) return { ...pin, lane: pin.lane };
  const there = pins.map((each) => `${nameText(each.lane)} ${each.number}`).join(", ") || "none";
  throw usageError(`nothing is pinned at number ${number} of lane ${lane}; pins: ${there}`);
}

interface Decision {
  readonly lane: LaneId;
  readonly number: bigint;
  readonly who: string;
  readonly why: string;
}

async function releaseAt(
  address: string,
  { lane, number, who, why }: Decision,
  papers: LookChoices,
  stop: AbortSignal,
): Promise<void> {
  const { AskedService } = await import("./view/asked.js");
  const { OperatorService } = await import("../../rpc/api/operator.js");
  using asked = await AskedService.at(address, papers, stop);
  const request = { reason: { who, why }, lane: laneBytes(lane), blockNumber: number };
  await asked.ask(OperatorService, "releasePin", request);
}

async function releaseIn(
  directory: string,
  { lane, number, who, why }: Decision,
  { key = [], moved = false }: ReleaseChoices,
): Promise<void> {
  const store = await openBare({ directory, keys: await keysAsFound(directory, key), moved });
  try {
    const reason = `${why} (${who})`.slice(0, REASON_CHARS_MAX);
    // An anchor that was recovered may have covered it: then there is no pin any more.
    await releasePin(store, { lane, number, reason, atMs: Date.now() });
  } finally {
    await store.close();
  }
}
