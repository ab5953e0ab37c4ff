import type { Behaviour } from "#lab/kubernetes/behaviours/behaviour.ts";
import { clusterClasses } from "./cluster-class.ts";
import { clusters } from "./cluster.ts";
import { devProvider } from "./dev-provider.ts";
import { kubeadmBootstrap } from "./kubeadm-config.ts";
import { kubeadmControlPlanes } from "./kubeadm-control-plane.ts";
import { machineDeployments } from "./machine-deployment.ts";
import { machineSets } from "./machine-set.ts";
import { machines } from "./machine.ts";
import { metal3Provider } from "./metal3-provider.ts";
import { topologies } from "./topology.ts";

/** Cluster API and the providers that the lab has, one behaviour for each controller, as their field managers show it. */
export const clusterApi: readonly Behaviour[] = [
  clusterClasses,
  topologies,
  clusters,
  kubeadmControlPlanes,
  kubeadmBootstrap,
  machineDeployments,
  machineSets,
  machines,
  devProvider,
  metal3Provider,
];
