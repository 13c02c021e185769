import { SightlineError } from "../base/errors.ts";
import type { Semaphore } from "../base/semaphore.ts";
import type { FrameModels, LeaseModels } from "./frame-models.ts";
import { identityOf } from "./frame-models.ts";
import type { VisionModel } from "./vision-model.ts";

/**
 * What one frame holds while it is inspected: a permit to be worked on, and the lease of all its models. Both are taken
 * together and once, before the frame is chosen, and given back by whoever inspects it.
 */
export interface Admission {
  /** Whether it had to wait for a permit. */
  readonly hasWaited: boolean;
  /** Throws what opening the models failed with. */
  readonly models: FrameModels;
  /** Gives the permit to another frame while this one waits for somebody else; it keeps its models. May be called twice. */
  yieldPermit(): void;
  /** Gives everything back. May be called twice. */
  release(): void;
}

/** Admits the next frame of a pipeline. Never rejects. */
export type Admit = () => Promise<Admission>;

interface Deps {
  /** Shared by all pipelines: with more frames at work each would take longer, and be decoded too early. */
  permits: Semaphore;
  lease: LeaseModels;
}

/**
 * Models come before the permit. So whoever waits for a model to be opened, or for memory, holds no permit, and whoever
 * holds a permit needs nothing more that another frame could hold: everybody who inspects comes to an end.
 */
export function admitBy({ lease, permits }: Deps): Admit {
  return async () => {
    const leased = await lease().then(
      (models) => ({ models }),
      (error: unknown) => ({ error }),
    );
    const { hasWaited, release } = await permits.acquire();
    return {
      hasWaited,
      get models() {
        if ("error" in leased) throw leased.error;
        return leased.models;
      },
      yieldPermit: release,
      release: () => {
        release();
        if ("models" in leased) leased.models.release();
      },
    };
  };
}

/** For frames that come one at a time, and whose stages bring their models themselves. */
export const freeAdmission: Admission = {
  hasWaited: false,
  models: {
    of: (name) => {
      throw new SightlineError("ERR_MODEL_UNKNOWN", `the frame was admitted without a model "${name}"`);
    },
    identities: [],
    release: () => {},
  },
  yieldPermit: () => {},
  release: () => {},
};

/** The same for one model, whatever it is called. */
export const soleAdmission = (model: VisionModel): Admission => ({
  ...freeAdmission,
  models: { of: () => model, identities: [identityOf(model)], release: () => {} },
});
