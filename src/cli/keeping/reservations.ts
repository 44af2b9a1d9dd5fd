/** `lanekeeper reservations take`: a running service becomes the machine that signs for its validator. */
import { u64In } from "../../codec/u64-text.js";
import { reasonArgument } from "../../types/arguments.js";
import type { Command } from "commander";
import { usageError } from "../../types/errors.js";
import { type Papers, targetOf, withTarget } from "../look/view/target.js";
import { authorHere } from "../terminal/author.js";
import { addCommand, consented, tellDone, withConsent } from "../terminal/manners.js";
import type { CliPort } from "../terminal/port.js";

const help = `
The other machines sign up to the bounds that they have, and this one above them: it is safe at any moment, whatever they
do. With --first the record is made: nobody else may have signed for this validator. With --ended the own lane goes on at
once: the others signed no block at or above that number, and never will. A wrong word of either kind signs twice.
`;

interface Choices extends Papers {
  readonly files?: boolean;
  readonly reason: string;
  readonly by?: string;
  readonly first?: boolean;
  readonly ended?: string;
  readonly yes?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

export function addReservationsCommand(program: Command, port: CliPort): void {
  const reservations = program
    .command("reservations")
    .description("Says which of two machines signs for a validator.");
  const take = addCommand(reservations, "take", {
    what: "Makes the machine of a running service the one that signs, on record.",
    help,
    examples: ["reservations take ./standing-by --reason 'host a does not answer' --yes"],
  });
  withConsent(withTarget(take))
    .requiredOption("--reason <text>", "why: 1 to 1000 characters, put on record")
    .option("--by <name>", "the author of the decision (default: the user and the host)")
    .option("--first", "this machine alone has signed until now: makes the record")
    .option("--ended <number>", "the others signed no block at or above it, and never will")
    .action(async (store: string, choices: Choices) => takeCommand(store, choices, port));
}

async function takeCommand(store: string, choices: Choices, port: CliPort): Promise<void> {
  const { by = authorHere(), first = false, json } = choices;
  const reason = reasonArgument("--reason", choices.reason);
  const ended = endedIn(choices.ended);
  const target = await targetOf(store, choices.files === true);
  if (target.kind === "files") {
    throw usageError(
      "only a running service takes reservations: a program calls takeReservations()",
    );
  }
  const { yes = false, dryRun = false } = choices;
  const isMeant = consented({ yes, dryRun }, "makes this machine the one that signs");
  if (isMeant) {
    const { AskedService } = await import("../look/view/asked.js");
    const { OperatorService } = await import("../../rpc/api/operator.js");
    using asked = await AskedService.at(target.address, choices, port.stop);
    const request = { reason: { who: by, why: reason }, first, ended };
    await asked.ask(OperatorService, "takeReservations", request);
  }
  const members = {
    taken: isMeant,
    reason,
    by,
    first,
    ended: ended === undefined ? null : `${ended}`,
  };
  const text = isMeant ? "this machine reserves now\n" : "this machine would reserve\n";
  await tellDone(port, json, members, text);
}

function endedIn(text: string | undefined): bigint | undefined {
  if (text === undefined) return undefined;
  const ended = u64In(text);
  if (ended === undefined) throw usageError(`--ended takes the number of a block, not ${text}`);
  return ended;
}
