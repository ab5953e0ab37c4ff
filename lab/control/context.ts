import type { Faults } from "#lab/bmc/fault.ts";
import type { Fleet } from "#lab/fleet.ts";
import type { LabImage } from "#lab/images/catalogue.ts";
import type { Kubernetes } from "#lab/kubernetes/kubernetes.ts";
import type { World } from "#lab/world/world.ts";

/** What the control API works on. */
export interface Context {
  readonly world: World;
  readonly fleet: Fleet;
  readonly faults: Faults;
  readonly images: readonly LabImage[];
  /** Null when the lab has no cluster. */
  readonly kubernetes: Kubernetes | null;
  /** Where its kubeconfig is written. */
  readonly kubeconfigFile: string;
  readonly speed: number;
  /** Origin of the control API itself. */
  readonly url: string;
  /** Origin of a BMC's port. */
  readonly addressOf: (port: number) => string;
}

export interface Asked {
  /** The path's segments, decoded. */
  readonly segments: readonly string[];
  readonly query: URLSearchParams;
  /** Parsed JSON, `{}` when there was no body. */
  readonly body: unknown;
}
