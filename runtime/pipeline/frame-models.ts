import type { ModelLeases } from "../loader/model-status.ts";
import type { VisionModel } from "./vision-model.ts";

/** What a result says of a model that had a part in it. */
export interface ModelIdentity {
  name: string;
  version: string;
  sha256: string;
}

/** The models of one frame, each in one version from its first tile to its last crop. */
export interface FrameModels {
  /** By its name in the configuration. */
  of(name: string): VisionModel;
  readonly identities: readonly ModelIdentity[];
  release(): void;
}

/** Leases what a frame needs. Errors: those of opening a model. */
export type LeaseModels = () => Promise<FrameModels>;

export function frameModels(
  leases: ModelLeases<{ model: VisionModel }>,
  names: readonly string[],
): FrameModels {
  return {
    of: (name) => leases.of(name).model,
    identities: names.map((name) => identityOf(leases.of(name).model)),
    release: () => leases.release(),
  };
}

export const identityOf = ({ options: { name, sha256, version } }: VisionModel): ModelIdentity => ({
  name,
  version,
  sha256,
});
