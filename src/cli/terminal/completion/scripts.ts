/**
 * Completion as a script for each shell, written from the tree of commands. A script starts no program: it holds all
 * words itself. Every script finds its place in the tree in the same way, from the words before the cursor; behind an option
 * that takes a file or a text, the shell completes files.
 */
import { sentenceOf } from "../table.js";
import type { Flag, Place } from "./places.js";

export const shells = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof shells)[number];

const writers: Readonly<Record<Shell, (places: readonly Place[]) => string>> = {
  bash,
  zsh,
  fish,
};

export function completionScript(shell: Shell, places: readonly Place[]): string {
  return writers[shell](places);
}

function bash(places: readonly Place[]): string {
  const rows = places.map(({ path, words, flags }) => {
    const commands = words.map(({ word }) => word).join(" ");
    const options = flags.flatMap((flag) => flag.words).join(" ");
    return `    "${path}") words="${commands}" flags="${options}" ;;\n`;
  });
  return `# Completion of lanekeeper for bash. Put this line into ~/.bashrc:
#   source <(lanekeeper completion bash)
_lanekeeper() {
  local current="\${COMP_WORDS[COMP_CWORD]}" place="" word words="" flags=""
  COMPREPLY=()
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$place/$word" in
      ${pathsOf(places).join(" | ")}) place="$place/$word" ;;
    esac
  done
  case "$place \${COMP_WORDS[COMP_CWORD-1]}" in
${valueRows(places, {
  choice: (choices) => `COMPREPLY=($(compgen -W "${choices.join(" ")}" -- "$current")); return`,
  other: "return",
})}  esac
  case "$place" in
${rows.join("")}  esac
  case "$current" in
    -*) COMPREPLY=($(compgen -W "$flags" -- "$current")) ;;
    *) COMPREPLY=($(compgen -W "$words" -- "$current")) ;;
  esac
}
complete -o default -F _lanekeeper lanekeeper
`;
}

function zsh(places: readonly Place[]): string {
  const described = (word: string, description: string): string =>
    `'${quoted(`${word}:${sentenceOf(description)}`)}'`;
  const rows = places.map(({ path, words, flags }) => {
    const commands = words.map(({ word, description }) => described(word, description));
    const options = flags.flatMap((flag) =>
      flag.words.map((word) => described(word, flag.description)),
    );
    return `    "${path}")\n      commands=(${commands.join(" ")})\n      flags=(${options.join(" ")})\n      ;;\n`;
  });
  return `#compdef lanekeeper
# Completion of lanekeeper for zsh. Put this line into ~/.zshrc, behind compinit:
#   source <(lanekeeper completion zsh)
_lanekeeper() {
  local place="" word
  local -a commands flags
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "$place/$word" in
      ${pathsOf(places).join(" | ")}) place="$place/$word" ;;
    esac
  done
  case "$place \${words[CURRENT-1]}" in
${valueRows(places, {
  choice: (choices) => `compadd -- ${choices.join(" ")}; return`,
  other: "_files; return",
})}  esac
  case "$place" in
${rows.join("")}  esac
  case "\${words[CURRENT]}" in
    -*) _describe 'option' flags ;;
    *)
      if (( \${#commands} )); then _describe 'command' commands; fi
      _files
      ;;
  esac
}
compdef _lanekeeper lanekeeper
`;
}

function fish(places: readonly Place[]): string {
  const lines = places.flatMap(({ path, words, flags }) => {
    const begin = `complete -c lanekeeper -n '__lanekeeper_at "${path}"'`;
    // A place with commands alone takes no file.
    const only = path === "" || words.length > 0 ? " -f" : "";
    return [
      ...words.map(({ word, description }) => {
        return `${begin}${only} -a ${word} -d '${fishQuoted(sentenceOf(description))}'`;
      }),
      ...flags.map((flag) => `${begin}${fishFlag(flag)}`),
    ];
  });
  return `# Completion of lanekeeper for fish. Write it to ~/.config/fish/completions/lanekeeper.fish
function __lanekeeper_at
  set -l place ""
  for word in (commandline -opc)[2..-1]
    switch "$place/$word"
      case ${pathsOf(places).join(" ")}
        set place "$place/$word"
    end
  end
  test "$place" = "$argv[1]"
end
${lines.join("\n")}
`;
}

function fishFlag({ words, description, value, choices }: Flag): string {
  const names = words.map((word) => {
    return word.startsWith("--") ? ` -l ${word.slice(2)}` : ` -s ${word.slice(1)}`;
  });
  const follows = {
    none: "",
    choice: ` -x -a '${choices.join(" ")}'`,
    other: " -r",
  }[value];
  return `${names.join("")}${follows} -d '${fishQuoted(sentenceOf(description))}'`;
}

/** Every place but that of the program itself. */
function pathsOf(places: readonly Place[]): readonly string[] {
  return places.map(({ path }) => path).filter((path) => path !== "");
}

/** A row for each option that takes a value, with what the shell does behind it. */
function valueRows(
  places: readonly Place[],
  say: { readonly choice: (choices: readonly string[]) => string; readonly other: string },
): string {
  const rows = places.flatMap(({ path, flags }) => {
    return flags
      .filter(({ value }) => value !== "none")
      .map(({ words, value, choices }) => {
        const patterns = words.map((word) => `"${path} ${word}"`).join(" | ");
        return `    ${patterns}) ${value === "choice" ? say.choice(choices) : say.other} ;;\n`;
      });
  });
  return rows.join("");
}

/** For single quotes of bash and zsh. */
function quoted(text: string): string {
  return text.replaceAll("'", "'\\''");
}

/** For single quotes of fish. */
function fishQuoted(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("'", "\\'");
}
