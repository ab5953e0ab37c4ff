import { shownState } from "#domain/at-work.ts";
import { vmModel } from "./model.ts";
import type { VmState } from "./state.ts";

/**
 * How virtual machines are kept in the table `vms`: functions of the folded stream and nothing else, so that a rebuild
 * gives the same rows. Names are unique among those at one place that are not deleted.
 */
export const vmTable = {
  model: vmModel,
  table: "vms",
  smallColumns: ["body"],
  largeColumns: [],
  /** All columns but `id` and `stream_version`. */
  toColumns: (vm: VmState) => ({
    region: vm.region,
    project: vm.project,
    state: shownState(vm),
    name: vm.spec.name,
    management_cluster: vm.spec.place.managementCluster,
    namespace: vm.spec.place.namespace,
    created_at: new Date(vm.createdAt),
    body: vm,
  }),
  fromRow: (row: Readonly<Record<string, unknown>>): VmState => row["body"] as VmState,
} as const;
