/** `lanekeeper completion`: a script with which a shell completes the commands. */
import { Argument, type Command } from "commander";
import { addCommand, tellDone } from "../manners.js";
import type { CliPort } from "../port.js";
import { placesOf } from "./places.js";
import { completionScript, type Shell, shells } from "./scripts.js";

const help = `
bash:  source <(lanekeeper completion bash)        in ~/.bashrc
zsh:   source <(lanekeeper completion zsh)         in ~/.zshrc, behind compinit
fish:  lanekeeper completion fish > ~/.config/fish/completions/lanekeeper.fish
`;

export function addCompletionCommand(program: Command, port: CliPort): void {
  addCommand(program, "completion", {
    what: "Prints a script with which a shell completes commands, options and files.",
    help,
    examples: ["completion bash", "completion zsh > ./_lanekeeper", "completion fish --json"],
  })
    .addArgument(new Argument("<shell>", "the shell").choices(shells))
    .action(async (shell: Shell, { json }: { readonly json?: boolean }) => {
      const script = completionScript(shell, placesOf(program));
      await tellDone(port, json, { shell, script }, script);
    });
}
