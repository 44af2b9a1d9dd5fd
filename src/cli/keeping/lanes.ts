/** `lanekeeper lanes drop`: a stopped store forgets the lanes of past epochs. */
import { reasonArgument } from "../../types/arguments.js";
import type { Command } from "commander";
import { committeeFileHelp, readCommittees } from "../../inspect/committee-file.js";
import { readStore } from "../../keeping/reading/calls.js";
import { PersisterError } from "../../types/errors.js";
import type { LaneId } from "../../types/lane.js";
import { type Epoch, isLaneClosed } from "../../wire/committee.js";
import type { PruneAnchor } from "../../wire/messages.js";
import { openBare } from "../store/bare.js";
import { keyOption, keysAsFound, sourcesOf } from "../store/key-files.js";
import { placeOf } from "../store/places.js";
import { authorHere } from "../terminal/author.js";
import { shortLane } from "../terminal/lanes.js";
import { addCommand, consented, tellDone, withConsent } from "../terminal/manners.js";
import type { CliPort } from "../terminal/port.js";
import { printable } from "../terminal/table.js";

const help = `
A lane is of a past epoch if its validator has no place in the epoch of the durable anchor, as the committees say. Such
a lane goes with every block that it holds. No other lane is ever dropped here. A running service has an RPC for it.
${committeeFileHelp}`;

interface Choices {
  readonly committee: string;
  readonly reason: string;
  readonly by?: string;
  readonly key?: readonly string[];
  readonly moved?: boolean;
  readonly yes?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

export function addLanesCommand(program: Command, port: CliPort): void {
  const lanes = program.command("lanes").description("Ends the lanes of validators who left.");
  const command = addCommand(lanes, "drop", {
    what: "Forgets the lanes of past epochs in a stopped store, on record.",
    help,
    examples: [
      "lanes drop ./state --committee ./committee.json --reason 'epoch 3 is over' --dry-run",
      "lanes drop ./state --committee ./committee.json --reason 'epoch 3 is over' --yes",
    ],
  });
  withConsent(command)
    .argument("<store>", "the state directory; its node is stopped")
    .requiredOption("--committee <file>", "the committees of all epochs")
    .requiredOption("--reason <text>", "why: 1 to 1000 characters, put on record")
    .option("--by <name>", "the author of the decision (default: the user and the host)")
    .option("--moved", "the store was copied or moved, and the original never runs again")
    .addOption(keyOption("a key of the store, if it is sealed"))
    .action(async (store: string, choices: Choices) => dropCommand(store, choices, port));
}

async function dropCommand(store: string, choices: Choices, port: CliPort): Promise<void> {
  const { by = authorHere(), yes = false, dryRun = false } = choices;
  const reason = reasonArgument("--reason", choices.reason);
  const directory = await placeOf(store);
  const epochs = await readCommittees(choices.committee);
  const isMeant = consented({ yes, dryRun }, `drops the lanes of past epochs of ${directory}`);
  const { key = [], moved = false } = choices;
  const past = isMeant
    ? await drop({ directory, key, moved, epochs, who: by, why: reason })
    : await seen(directory, key, epochs);
  const lanes = past.map(({ lane, first, next }) => {
    return { lane, first: `${first}`, next: `${next}` };
  });
  const deed = isMeant ? "dropped" : "this would drop";
  const text = past.length > 0 ? `${deed} ${namesOf(past)}` : "no lane is of a past epoch";
  const members = { directory, dropped: isMeant, lanes, reason, by };
  await tellDone(port, choices.json, members, `${printable(text)}\n`);
}

interface PastLane {
  readonly lane: LaneId;
  readonly first: bigint;
  readonly next: bigint;
}

function namesOf(lanes: readonly PastLane[]): string {
  return lanes.map(({ lane, first, next }) => `${shortLane(lane)} [${first}, ${next})`).join(", ");
}

/** The lanes whose validators have no place in the epoch of the anchor. */
function pastLanes(
  lanes: ReadonlyMap<LaneId, { readonly first: bigint; readonly next: bigint }>,
  anchor: PruneAnchor | undefined,
  epochs: readonly Epoch[],
): readonly PastLane[] {
  // A store without an anchor is in the epoch in which it began.
  if (!anchor) return [];
  const { epochIndex } = anchor.commitQC.vote.view;
  const epoch = epochs.find(({ index }) => index === epochIndex);
  if (!epoch) {
    throw new PersisterError(
      "USAGE",
      `the anchor is of epoch ${epochIndex}, which the committee file does not have: add it`,
    );
  }
  return [...lanes]
    .filter(([lane]) => isLaneClosed(lane, epochIndex, epoch.committee))
    .map(([lane, { first, next }]) => ({ lane, first, next }));
}

async function seen(
  directory: string,
  key: readonly string[],
  epochs: readonly Epoch[],
): Promise<readonly PastLane[]> {
  await using snapshot = await readStore(directory, { keys: sourcesOf(key) });
  return pastLanes(snapshot.facts.lanes, snapshot.facts.anchor, epochs);
}

interface Drop {
  readonly directory: string;
  readonly key: readonly string[];
  readonly moved: boolean;
  readonly epochs: readonly Epoch[];
  readonly who: string;
  readonly why: string;
}

async function drop({
  directory,
  key,
  moved,
  epochs,
  who,
  why,
}: Drop): Promise<readonly PastLane[]> {
  const store = await openBare({ directory, keys: await keysAsFound(directory, key), moved });
  try {
    const { lanes } = store.blocks;
    const past = pastLanes(lanes, store.recoveredAnchor, epochs);
    if (past.length === 0) return past;
    const gone = new Set(past.map(({ lane }) => lane));
    // On record before it is done: whoever looks at the lanes later finds who decided, and why.
    const decision = { action: "DropLanes", about: namesOf(past), who, why, atMs: Date.now() };
    await store.notes.decisions.append(decision);
    const keep = new Set([...lanes.keys()].filter((lane) => !gone.has(lane)));
    await store.blocks.dropLanesExcept(keep);
    return past;
  } finally {
    await store.close();
  }
}
