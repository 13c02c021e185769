import { SightlineError } from "../../runtime/base/errors.ts";

const ID = /^[a-z0-9_-]{1,64}$/;
const LEVEL = /^[^+#/\0$][^+#/\0]*$/;

/** Whether a device, camera or pipeline id can be a topic level as it is. */
export const isTopicId = (id: string): boolean => ID.test(id);

/** The tree below `{baseTopic}/{deviceId}`; docs/mqtt.md describes every topic. */
export class Topics {
  readonly root: string;

  /** `baseTopic` may have several levels: `acme/plant1/line3`. Errors: ERR_CONFIG_INVALID. */
  constructor(baseTopic: string, deviceId: string) {
    if (!baseTopic.split("/").every((level) => LEVEL.test(level))) {
      throw new SightlineError(
        "ERR_CONFIG_INVALID",
        `mqtt.base_topic "${baseTopic}" has an empty level or one of + # $`,
      );
    }
    this.root = `${baseTopic}/${checked(deviceId)}`;
  }

  get state(): string {
    return `${this.root}/state`;
  }

  result(pipeline: string): string {
    return `${this.root}/pipeline/${checked(pipeline)}/result`;
  }

  verdict(pipeline: string): string {
    return `${this.root}/pipeline/${checked(pipeline)}/verdict`;
  }

  get requests(): string {
    return `${this.root}/request/#`;
  }

  /** What a request's topic asks for, `model/load` for example; undefined when it is not one that we know to read. */
  verbOf(topic: string): string | undefined {
    const verb = topic.startsWith(`${this.root}/request/`) ? topic.slice(`${this.root}/request/`.length) : "";
    return verb.split("/").every(isTopicId) ? verb : undefined;
  }

  isForAnswers(topic: string): boolean {
    const levels = topic.split("/");
    return topic.startsWith(`${this.root}/response/`) && levels.every((level) => LEVEL.test(level));
  }

  /** `suffix`: `info`, `health`, `camera/x/status`, `pipeline/x/counters`. */
  below(suffix: string): string {
    return `${this.root}/${suffix.split("/").map(checked).join("/")}`;
  }
}

function checked(id: string): string {
  if (isTopicId(id)) return id;
  throw new SightlineError(
    "ERR_CONFIG_INVALID",
    `"${id}" cannot be a topic level: ids are 1 to 64 of a-z 0-9 _ -`,
  );
}
