import { SightlineError } from "../../runtime/base/errors.ts";
import type { Verb } from "../verb.ts";

/** The toolchain takes as long to load as all else together: the other commands, and the daemon, do without. */
const subVerbs = async (): Promise<readonly Verb[]> => (await import("./model/sub-verbs.ts")).SUB_VERBS;

export const model: Verb = {
  name: "model",
  summary: "quantize, split, pack, sign, install and update models",
  usage: "model COMMAND …",
  async details() {
    const verbs = await subVerbs();
    return verbs.map(({ summary, usage }) => `${usage}\n      ${summary}`).join("\n");
  },
  async run([name, ...rest], context) {
    const verb = (await subVerbs()).find((sub) => sub.name === name);
    if (verb) return verb.run(rest, context);
    const message = name === undefined ? "say what to do with it" : `there is no command "${name}"`;
    throw new SightlineError("ERR_USAGE", `model: ${message}`, { hint: "Run `sightline help model`." });
  },
};
