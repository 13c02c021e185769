import { verbs } from "../../cli/commands.ts";

/** A verb as its help describes it. */
interface Described {
  name: string;
  summary: string;
  usage: string;
}

/** Every verb, with the usage of its sub-commands. */
export async function describedVerbs(): Promise<Described[]> {
  const all = await verbs();
  return Promise.all(
    all.map(async ({ details, name, summary, usage }) => ({
      ...{ name, summary },
      usage: details ? await details() : usage,
    })),
  );
}

const optionsIn = (usage: string): string[] => [...new Set(usage.match(/--[a-z][a-z-]*/g) ?? [])].sort();

/** The words that may follow a verb: `model list` and `model install …` give `list` and `install`. */
function wordsAfter({ name, usage }: Described): string[] {
  const lines = usage.split("\n").filter((line) => line.startsWith(`${name} `));
  return [...new Set(lines.flatMap((line) => /^\S+ ([a-z]+)\b/.exec(line)?.[1] ?? []))].sort();
}

/** A script for bash: verbs, their sub-commands and options, and file names. */
export function bashCompletion(described: readonly Described[]): string {
  const cases = described.map((verb) => {
    const words = [...wordsAfter(verb), ...optionsIn(verb.usage)].join(" ");
    return `    ${verb.name}) words="${words}" ;;`;
  });
  return `# bash completion for sightline(1)
_sightline() {
  local word="\${COMP_WORDS[COMP_CWORD]}" words=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "help version ${described.map(({ name }) => name).join(" ")}" -- "$word"))
    return
  fi
  case "\${COMP_WORDS[1]}" in
${cases.join("\n")}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$word") $(compgen -f -- "$word"))
}
complete -o filenames -F _sightline sightline
`;
}

/** roff reads a dot or an apostrophe at the start of a line, and a backslash anywhere, as its own. */
const escaped = (text: string): string =>
  text
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replace(/^(?=[.'])/gm, "\\&");

/** sightline(1), in the language of man(7). */
export function manPage(described: readonly Described[], version: string): string {
  const commands = described.map(
    ({ name, summary, usage }) =>
      `.SS ${name}\n${escaped(summary)}.\n.PP\n.nf\n${escaped(usage.replace(/^(?! )/gm, "sightline "))}\n.fi`,
  );
  return `.TH SIGHTLINE 1 "" "sightline ${version}" "User Commands"
.SH NAME
sightline \\- visual inspection on the edge
.SH SYNOPSIS
.B sightline
.I COMMAND
[\\fIOPTIONS\\fR]
.SH DESCRIPTION
Runs defect detection on cameras and publishes verdicts over MQTT. The service sightline.service runs
.B sightline run
with the configuration below.
.SH COMMANDS
${commands.join("\n")}
.SH EXIT STATUS
0: success. 1: a problem was found or met. 2: the command line was not understood.
.SH FILES
.TP
.I /etc/sightline/sightline.yaml
the configuration of the service
.TP
.I /var/lib/sightline
results that wait for the broker, evidence, installed models
.SH SEE ALSO
systemctl(1), journalctl(1); the pages in /usr/share/doc/sightline
`;
}
