import { resolve } from "node:path";
import { type Checked, checkConfig } from "../../config/load.ts";
import { problemText } from "../../config/problem.ts";
import type { Config } from "../../config/schema/schema.ts";
import { budgetProblems } from "../model-budget.ts";
import { parseVerbArgs, requirePositionals, usageError, type Verb } from "../verb.ts";

/** Exit code 0 if the file is valid, 1 if not. */
export const check: Verb = {
  name: "check",
  summary: "check a configuration and list all its problems",
  usage: "check FILE [-f text|json]",
  async run(args, context) {
    const { values, positionals } = parseVerbArgs(check, args, {
      format: { type: "string", short: "f", default: "text" },
    });
    const [file = ""] = requirePositionals(check, ["FILE"], positionals);
    const print = Object.hasOwn(FORMATS, values.format) ? FORMATS[values.format as Format] : undefined;
    if (!print) throw usageError(check, `"${values.format}" is not a format`);
    const {
      config,
      notices = [],
      problemAt,
      problems,
    } = checkConfig(resolve(context.cwd, file), { env: context.env });
    for (const { hint, message, path } of config ? await budgetProblems(config) : []) {
      if (problemAt) problems.push(problemAt(path, message, hint));
    }
    for (const notice of notices) context.err(`notice: ${problemText({ ...notice, file })}`);
    const isValid = config !== undefined && problems.length === 0;
    const underGivenName = problems.map((problem) => ({ ...problem, file }));
    print(file, { ...(isValid && { config }), problems: underGivenName }, context.out);
    return isValid ? 0 : 1;
  },
};

type Format = keyof typeof FORMATS;

const FORMATS = { text: printText, json: printJson };

function printText(file: string, { config, problems }: Checked, out: (line: string) => void): void {
  for (const problem of problems) out(problemText(problem));
  out(config ? `${file} is valid: ${summary(config)}` : counted(problems.length, "problem"));
}

function printJson(file: string, { config, problems }: Checked, out: (line: string) => void): void {
  out(JSON.stringify({ file, valid: config !== undefined, ...(config && countsOf(config)), problems }));
}

const summary = (config: Config): string =>
  Object.entries(countsOf(config))
    .map(([section, n]) => counted(n, section.slice(0, -1)))
    .join(", ");

const countsOf = ({ cameras, models, pipelines }: Config) => ({
  cameras: Object.keys(cameras).length,
  models: Object.keys(models).length,
  pipelines: Object.keys(pipelines).length,
});

const counted = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? "" : "s"}`;
