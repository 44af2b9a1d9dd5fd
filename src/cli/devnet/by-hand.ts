/** `lanekeeper devnet kill|start|end`: the orders to a devnet by hand. */
import { createConnection } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Command } from "commander";
import {
  decodeAnswer,
  DEVNET_SOCKET,
  type HandAnswer,
  type HandOrder,
} from "../../devnet/network/by-hand.js";
import { diskError } from "../../disk/failure.js";
import { isErrorCode, PersisterError } from "../../types/errors.js";
import { isLanekeeperError } from "../../types/lanekeeper-error.js";
import { put } from "../terminal/json-document.js";
import { addCommand, tellDone } from "../terminal/manners.js";
import type { CliPort } from "../terminal/port.js";
import { printable } from "../terminal/table.js";

/** The worst day of a validator, as the helps tell it. */
export const rehearsal = `
  lanekeeper devnet --by-hand --dir ./devnet           four validators; nobody strikes but you
and in another terminal:
  lanekeeper backup ./devnet/validator-2 ./backups     while it runs
  lanekeeper devnet kill ./devnet 2                    its process ends in the middle of its work
  rm -r ./devnet/validator-2                           its disk is gone
  lanekeeper restore ./backups ./devnet/validator-2
  lanekeeper devnet start ./devnet 2                   tells when it votes again
  lanekeeper devnet end ./devnet                       the judge says whether anything was signed twice
`;

interface Choices {
  readonly json?: boolean;
}

export function addByHandCommands(devnet: Command, port: CliPort): void {
  ofValidator(devnet, port, "kill", {
    what: "Kills a validator of a devnet by hand, with its service.",
    help: "It is SIGKILL. The store stays as it is at that moment.",
    examples: ["devnet kill ./devnet 2"],
  });
  ofValidator(devnet, port, "start", {
    what: "Starts a validator of a devnet by hand, and tells when it votes.",
    help: "Its directory holds its store, or one that was restored or repaired: that one is guarded, and asks its peers.",
    examples: ["devnet start ./devnet 2"],
  });
  addCommand(devnet, "end", {
    what: "Ends a devnet by hand; the judge speaks where it runs.",
    help: "All its validators are struck once more, and everything that they recover is compared.",
    examples: ["devnet end ./devnet"],
  })
    .argument("<directory>", "the directory of the devnet")
    .action(async (directory: string, { json }: Choices) => {
      await ordered(directory, { do: "end" }, { port, json });
    });
}

function ofValidator(
  devnet: Command,
  port: CliPort,
  name: "kill" | "start",
  told: Parameters<typeof addCommand>[2],
): void {
  addCommand(devnet, name, told)
    .argument("<directory>", "the directory of the devnet")
    .argument("<validator>", "its number, from 0 on")
    .action(async (directory: string, validator: string, { json }: Choices) => {
      await ordered(directory, { do: name, validator: numberIn(validator) }, { port, json });
    });
}

function numberIn(text: string): number {
  if (/^\d{1,3}$/.test(text)) return Number(text);
  throw new PersisterError("USAGE", `a validator is named by its number, not ${text}`);
}

/** @throws {PersisterError} UNREACHABLE where no devnet runs by hand; the refusal that it answers. */
async function ordered(
  directory: string,
  order: HandOrder,
  { port, json }: { readonly port: CliPort; readonly json: boolean | undefined },
): Promise<void> {
  const told: string[] = [];
  for await (const answer of answersTo(directory, order, port.stop)) {
    if ("done" in answer) {
      const end = order.do === "end" ? "it ends, and the judge speaks there\n" : "";
      return await tellDone(port, json, { ...order, told }, end);
    }
    if ("code" in answer) {
      const code = isErrorCode(answer.code) ? answer.code : "INTERNAL";
      throw new PersisterError(code, answer.message);
    }
    told.push(answer.text);
    if (json !== true) await put(port.stdout, `${printable(answer.text)}\n`);
  }
  throw unreachable(directory, "it ended before it answered");
}

async function* answersTo(
  directory: string,
  order: HandOrder,
  signal: AbortSignal,
): AsyncGenerator<HandAnswer> {
  const path = join(directory, DEVNET_SOCKET);
  const socket = createConnection({ path, signal });
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("error", (cause) => {
        reject(unreachable(directory, diskError("reach a devnet", path, cause).message));
      });
    });
    socket.on("error", () => undefined);
    socket.write(`${JSON.stringify(order)}\n`);
    for await (const line of createInterface({ input: socket })) yield decodeAnswer(line);
  } catch (cause) {
    // A devnet that goes away in the middle ends the lines: the caller tells it.
    if (signal.aborted || socket.errored === null || isLanekeeperError(cause)) throw cause;
  } finally {
    socket.destroy();
  }
}

function unreachable(directory: string, why: string): PersisterError {
  const text = `no devnet by hand runs in ${directory}: ${why}; begin one with devnet --by-hand --dir`;
  return new PersisterError("UNREACHABLE", text, { file: directory });
}
