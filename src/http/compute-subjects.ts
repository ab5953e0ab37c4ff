import type { ClusterState } from "#domain/cluster/state.ts";
import { clusterView } from "#domain/cluster/view.ts";
import type { VmState } from "#domain/vm/state.ts";
import { vmView } from "#domain/vm/view.ts";
import type { ApiDependencies } from "./dependencies.ts";
import type { Subject } from "./start-run.ts";

/** Clusters and virtual machines, as those on which runs are started. */

export const clusterSubject = ({ clusters }: Pick<ApiDependencies, "clusters">): Subject => ({
  type: "cluster",
  source: "arc",
  view: (state) => clusterView(state as ClusterState),
  read: (id, place) => clusters.get(id, place),
});

export const vmSubject = ({ vms }: Pick<ApiDependencies, "vms">): Subject => ({
  type: "vm",
  source: "arc",
  view: (state) => vmView(state as VmState),
  read: (id, place) => vms.get(id, place),
});
