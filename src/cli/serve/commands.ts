/** `lanekeeper serve`: its flags. The libraries of the service are loaded when it is called, and not before. */
import { type Command, Option } from "commander";
import { flagOf, type KeyName, keyNames, keys } from "../../service/config/keys.js";
import { addCommand } from "../terminal/manners.js";
import type { CliPort } from "../terminal/port.js";
import { version } from "../version.js";

const help = `
Every setting has a key in the YAML file, a variable and a flag, in rising order: limits.streams is
LANEKEEPER_LIMITS_STREAMS and --limits-streams. --print-config shows each with its origin.

SIGHUP reads tokens, certificates, committees and keys anew. SIGTERM takes no new work, writes what is queued, and
ends within 10 seconds with exit code 0; a second one ends at once.

--json prints the addresses, once it listens; with --print-config the settings.
`;

/** Settings whose flag takes no value. */
const switches: ReadonlySet<KeyName> = new Set(["insecure", "strict"]);

interface Parsed {
  readonly config?: string;
  readonly dev?: boolean;
  readonly moved?: boolean;
  readonly printConfig?: boolean;
  readonly checkConfig?: boolean;
  readonly json?: boolean;
  readonly [flag: string]: unknown;
}

export function addServeCommand(program: Command, port: CliPort): void {
  const flags = new Map<KeyName, Option>(
    keyNames.map((name) => {
      const value = switches.has(name) ? "" : " <value>";
      return [name, new Option(`${flagOf(name)}${value}`, keys[name].help)];
    }),
  );
  const command = addCommand(program, "serve", {
    what: "Serves a store over gRPC, with metrics and a page for its operator.",
    help,
    examples: [
      "serve --dev",
      "serve --chain-id pacific-1 --committee ./committee.json ./state",
      "serve --config ./lanekeeper.yaml --print-config ./state",
    ],
  })
    .argument("[store]", "the state directory")
    .option("--config <file>", "settings as YAML")
    .option(
      "--dev",
      "serve a temporary store with a committee of one, and print three commands to try",
    )
    .option("--moved", "the store was moved or copied, and the original never runs again")
    .option("--print-config", "print every setting with its origin, and end")
    .option("--check-config", "check the settings and the files that they name, and end");
  for (const flag of flags.values()) command.addOption(flag);
  command.action(async (store: string | undefined, parsed: Parsed) => {
    const { serveCommand } = await import("./serve.js");
    const given = [...flags].flatMap(([name, flag]) => {
      const value = parsed[flag.attributeName()];
      return value === undefined ? [] : [[name, value] as const];
    });
    const { config, dev = false, moved = false, json = false, printConfig, checkConfig } = parsed;
    const look = printConfig === true ? "print" : checkConfig === true ? "check" : undefined;
    const call = { store, config, flags: new Map(given), dev, moved, json, look, version } as const;
    await serveCommand(call, port);
  });
}
