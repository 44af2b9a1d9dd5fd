/**
 * The tree of commands as completion sees it: at each place, the words that may follow. A place is a path of
 * commands, such as `/jobs/ls`; the program itself is at "".
 */
import type { Command, Option } from "commander";

/** A word that may follow, and what it means. */
export interface Word {
  readonly word: string;
  readonly description: string;
}

/** An option, and what follows it. */
export interface Flag {
  readonly words: readonly string[];
  readonly description: string;
  /** `choice`: one of `choices`; `other`: a file, or anything else. */
  readonly value: "none" | "choice" | "other";
  readonly choices: readonly string[];
}

export interface Place {
  readonly path: string;
  /** Commands, or the choices of an argument. */
  readonly words: readonly Word[];
  readonly flags: readonly Flag[];
}

const HELP: Flag = {
  words: ["-h", "--help"],
  description: "display help for command",
  value: "none",
  choices: [],
};

export function placesOf(command: Command, path = ""): readonly Place[] {
  const words = [
    ...command.commands.map((each) => ({ word: each.name(), description: each.description() })),
    ...command.registeredArguments.flatMap(({ argChoices = [], description }) => {
      return argChoices.map((word) => ({ word, description }));
    }),
  ];
  const below = command.commands.flatMap((each) => placesOf(each, `${path}/${each.name()}`));
  return [{ path, words, flags: [...command.options.map(flagOf), HELP] }, ...below];
}

function flagOf({ short, long, description, required, optional, argChoices }: Option): Flag {
  const words = [short, long].filter((word) => word !== undefined);
  const takesValue = required || optional;
  const value = !takesValue ? "none" : argChoices ? "choice" : "other";
  return { words, description, value, choices: argChoices ?? [] };
}
