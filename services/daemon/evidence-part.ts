import { isDeepStrictEqual } from "node:util";
import type { Config } from "../../config/schema/schema.ts";
import type { Clock } from "../../runtime/base/clock.ts";
import type { Logger } from "../../runtime/base/logger.ts";
import { EvidenceKeeper, type EvidenceStats } from "../evidence/evidence-keeper.ts";
import type { EvidenceSink, KeptPictures } from "../line/recorder.ts";
import type { Part, PartChange } from "./part.ts";

type Deps = { clock: Clock; logger: Logger };
type Options = Config["evidence"];

const NO_PICTURES: KeptPictures = { links: [], error: null };

/** Pictures of what was judged, where the configuration wants them. */
export class EvidencePart implements Part, EvidenceSink {
  readonly name = "evidence";
  readonly sections = ["evidence"] as const;
  readonly #deps: Deps;
  #options: Options;
  #keeper: EvidenceKeeper | undefined;

  constructor(deps: Deps, { evidence }: Config) {
    this.#deps = deps;
    this.#options = evidence;
  }

  get stats(): (EvidenceStats & object) | undefined {
    return this.#keeper?.stats;
  }

  async start(): Promise<void> {
    this.#keeper = this.#make(this.#options);
    await this.#keeper?.start();
  }

  /** Writes what waits. */
  async stop(): Promise<void> {
    await this.#keeper?.stop();
  }

  keep(...args: Parameters<EvidenceSink["keep"]>): Promise<KeptPictures> {
    return this.#keeper?.keep(...args) ?? Promise.resolve(NO_PICTURES);
  }

  /** Where a link leads; undefined when the path is none. */
  fileOf(path: string): string | undefined {
    return this.#keeper?.fileOf(path);
  }

  async prepare({ evidence }: Config): Promise<PartChange | undefined> {
    if (isDeepStrictEqual(evidence, this.#options)) return undefined;
    const apply = async () => {
      const before = this.#keeper;
      const keeper = this.#make(evidence);
      await keeper?.start();
      [this.#keeper, this.#options] = [keeper, evidence];
      await before?.stop();
      return ["evidence"];
    };
    return { apply };
  }

  #make(evidence: Options): EvidenceKeeper | undefined {
    return (
      evidence &&
      new EvidenceKeeper(this.#deps, {
        folder: evidence.path,
        verdicts: evidence.verdicts,
        auditSample: evidence.audit_sample,
        bytesMax: evidence.max_size,
        bytesMaxOf: evidence.max_size_of,
        ageMsMax: evidence.max_age,
        freePercentMin: evidence.min_free_percent,
      })
    );
  }
}
