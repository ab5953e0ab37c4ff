import type { Behaviour } from "#lab/kubernetes/behaviours/behaviour.ts";
import { clusterDeployments } from "./cluster-deployment.ts";
import { helmReleases } from "./helm-release.ts";
import { templateOperators } from "./templates.ts";

/** k0rdent's cluster manager and the Flux that it installs with. The clusters themselves are Cluster API's. */
export const k0rdent: readonly Behaviour[] = [templateOperators, clusterDeployments, helmReleases];
