/** `lanekeeper guard`: an operator says how far the earlier life of a restored store had signed (D6). */
import { u64In } from "../../codec/u64-text.js";
import { reasonArgument } from "../../types/arguments.js";
import { type Command, Option } from "commander";
import type { Raise } from "../../persist/guards/heights.js";
import { usageError } from "../../types/errors.js";
import { isLaneId, type LaneId } from "../../types/lane.js";
import { openBare } from "../store/bare.js";
import { keyOption, keysAsFound } from "../store/key-files.js";
import { placeOf } from "../store/places.js";
import { addCommand, consented, tellDone, withConsent } from "../terminal/manners.js";
import type { CliPort } from "../terminal/port.js";
import { printable } from "../terminal/table.js";

const help = `
Numbers below a height may have been signed by the machine from which the backup came. A height that is too low lets the
validator sign twice: take it from watermarks, or from the peers, wherever they can be had. It stands as given, also if
it is lower than before, and is put on record.
`;

interface Choices {
  readonly reason: string;
  readonly lanes?: string;
  readonly lane?: readonly string[];
  readonly votes?: string;
  readonly key?: readonly string[];
  readonly moved?: boolean;
  readonly yes?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

export function addGuardCommand(program: Command, port: CliPort): void {
  const command = addCommand(program, "guard", {
    what: "Sets the heights of the guards of a restored store, by an operator's decision.",
    help,
    examples: [
      "guard ./state --votes 105 --lanes 60 --reason 'the old disk says so' --dry-run",
      "guard ./state --votes 105 --reason 'the old disk says so' --yes",
    ],
  });
  withConsent(command)
    .argument("<store>", "the state directory; its node is stopped")
    .requiredOption("--reason <text>", "why; it is put on record")
    .option("--votes <index>", "the first road index at which nothing was signed")
    .option("--lanes <number>", "the first number at which nothing was signed, in each lane")
    .addOption(
      new Option("--lane <lane=number>", "the same for one lane; may be given again").argParser(
        (text: string, before: readonly string[] | undefined) => [...(before ?? []), text],
      ),
    )
    .option("--moved", "the store was copied or moved, and the original never runs again")
    .addOption(keyOption("a key of the store, if it is sealed"))
    .action(async (store: string, choices: Choices) => guardCommand(store, choices, port));
}

async function guardCommand(store: string, choices: Choices, port: CliPort): Promise<void> {
  const { key = [], moved = false, yes = false, dryRun = false, json } = choices;
  const reason = reasonArgument("--reason", choices.reason);
  const raise = raiseIn(choices);
  const directory = await placeOf(store);
  const isMeant = consented({ yes, dryRun }, `sets the guards of ${directory}`);
  if (isMeant) {
    const keys = await keysAsFound(directory, key);
    const opened = await openBare({ directory, keys, moved });
    try {
      await opened.guards.raise(raise, { by: "operator", reason, atMs: Date.now() });
    } finally {
      await opened.close();
    }
  }
  const { lanes, byLane, votes } = raise;
  const text = (height: bigint | undefined): string | null =>
    height === undefined ? null : `${height}`;
  const members = {
    directory,
    lanes: text(lanes),
    byLane: Object.fromEntries([...(byLane ?? [])].map(([lane, height]) => [lane, text(height)])),
    votes: text(votes),
    reason,
    dryRun,
  };
  const said = isMeant ? "are set" : "would be set";
  await tellDone(port, json, members, `the guards of ${printable(directory)} ${said}\n`);
}

/** @throws {PersisterError} USAGE. */
function raiseIn({ lanes, lane = [], votes }: Choices): Raise {
  if (lanes === undefined && votes === undefined && lane.length === 0) {
    throw usageError("say which guard: --votes, --lanes or --lane");
  }
  const byLane = lane.map((text): [LaneId, bigint] => {
    const [id = "", number = ""] = text.split("=");
    if (!isLaneId(id)) throw usageError(`--lane takes LANE=NUMBER, not ${text}`);
    return [id, heightIn(number)];
  });
  return {
    ...(lanes === undefined ? {} : { lanes: heightIn(lanes) }),
    byLane: new Map(byLane),
    ...(votes === undefined ? {} : { votes: heightIn(votes) }),
  };
}

function heightIn(text: string): bigint {
  const height = u64In(text);
  if (height === undefined) throw usageError(`a height is a number, not ${text}`);
  return height;
}
