import type { z } from "zod";
import {
  ClusterCreateInput,
  ClusterDeleteInput,
  ClusterScaleInput,
  ClusterUpgradeInput,
} from "#contract/cluster-inputs.ts";
import type { ClusterFact } from "#contract/cluster.ts";
import { Failure } from "#contract/failures.ts";
import type { SecretId } from "#contract/ids.ts";
import { VmCreateInput, VmDeleteInput, VmPowerInput } from "#contract/vm-inputs.ts";
import type { VmFact, VmPower, VmPowerAction } from "#contract/vm.ts";
import { clusterTable } from "#domain/cluster/row.ts";
import type { ClusterState } from "#domain/cluster/state.ts";
import { vmTable } from "#domain/vm/row.ts";
import type { VmState } from "#domain/vm/state.ts";
import { type Wait, type Workflow, nothing, wait, workflowKit } from "#engine/kit.ts";
import { type ResourceBindings, bindResource } from "#engine/resources.ts";

/** Workflows on clusters and virtual machines whose one step does as the test says, and then tells the fact that is due. */

interface Ports {
  readonly behaviour: "end" | "wait" | "fail";
  keep(place: { readonly owner: string; readonly name: string }, text: string): Promise<SecretId>;
}

export const computeBindings: ResourceBindings = {
  cluster: bindResource<ClusterState, ClusterFact>(clusterTable),
  vm: bindResource<VmState, VmFact>(vmTable),
};

/** What a cluster's kubeconfig says in these tests. */
export const kubeconfigText = "apiVersion: v1\nkind: Config\n";

async function act({ ports }: { readonly ports: Ports }): Promise<void | Wait> {
  switch (ports.behaviour) {
    case "end":
      return;
    case "wait":
      return wait("the test has not said go", { for: "20s" });
    case "fail":
      throw new Failure("KUBERNETES_REJECTED", "the management cluster says no");
  }
}

const onCluster = workflowKit<{ ports: Ports; resource: ClusterState; fact: ClusterFact }>();
const clusterHead = <Input extends { readonly clusterId: string }>(input: z.ZodType<Input>) => ({
  version: 1,
  summary: "Does as the test says.",
  input,
  resource: (given: { readonly input: { readonly clusterId: string } }) => ({
    type: "cluster" as const,
    id: given.input.clusterId,
  }),
});
const onVm = workflowKit<{ ports: Ports; resource: VmState; fact: VmFact }>();
const vmHead = <Input extends { readonly vmId: string }>(input: z.ZodType<Input>) => ({
  version: 1,
  summary: "Does as the test says.",
  input,
  resource: (given: { readonly input: { readonly vmId: string } }) => ({
    type: "vm" as const,
    id: given.input.vmId,
  }),
});

const times = { expected: "1s" } as const;
const byInput = ({ input }: { readonly input: { readonly onFailure: "undo" | "hold" } }) =>
  input.onFailure;
const tellsOnly = nothing("telling changes nothing in the world");

const poweredBy = {
  start: "running",
  stop: "stopped",
  restart: "running",
  pause: "paused",
  unpause: "running",
} as const satisfies Record<VmPowerAction, VmPower>;

export const computeWorkflows: readonly Workflow[] = [
  onCluster("cluster.create", { ...clusterHead(ClusterCreateInput), onFailure: byInput })
    .step("act", { ...times, run: act, undo: async () => undefined })
    .step("record", {
      ...times,
      undo: tellsOnly,
      async run({ fact, input, ports }) {
        const place = { owner: input.clusterId, name: "kubeconfig" };
        const secret = await ports.keep(place, kubeconfigText);
        fact({ type: "cluster.kubeconfig_stored", data: { secret } });
        fact({ type: "cluster.created", data: { endpoint: "192.0.2.20:6443" } });
      },
    })
    .result(() => ({})),
  onCluster("cluster.scale", { ...clusterHead(ClusterScaleInput), onFailure: "undo" })
    .step("act", { ...times, run: act, undo: async () => undefined })
    .step("record", {
      ...times,
      undo: tellsOnly,
      run: async ({ fact, input: { nodePool, nodeCount } }) =>
        fact({ type: "cluster.scaled", data: { nodePool, nodeCount } }),
    })
    .result(() => ({})),
  onCluster("cluster.upgrade", { ...clusterHead(ClusterUpgradeInput), onFailure: "undo" })
    .step("validate", { ...times, undo: tellsOnly, run: async () => undefined })
    .pivot("control planes cannot be downgraded")
    .step("act", { ...times, run: act })
    .step("record", {
      ...times,
      run: async ({ fact, input: { kubernetesVersion } }) =>
        fact({ type: "cluster.upgraded", data: { kubernetesVersion, template: null } }),
    })
    .result(() => ({})),
  onCluster("cluster.delete", { ...clusterHead(ClusterDeleteInput), onFailure: "undo" })
    .step("validate", { ...times, undo: tellsOnly, run: async () => undefined })
    .pivot("what is deleted is gone")
    .step("act", { ...times, run: act })
    .step("record", {
      ...times,
      run: async ({ fact }) => fact({ type: "cluster.deleted", data: {} }),
    })
    .result(() => ({})),
  onVm("vm.create", { ...vmHead(VmCreateInput), onFailure: byInput })
    .step("act", { ...times, run: act, undo: async () => undefined })
    .step("record", {
      ...times,
      undo: tellsOnly,
      run: async ({ fact }) => fact({ type: "vm.created", data: {} }),
    })
    .result(() => ({})),
  onVm("vm.power", { ...vmHead(VmPowerInput), onFailure: "undo" })
    .step("validate", { ...times, undo: tellsOnly, run: async () => undefined })
    .pivot("a power action cannot be taken back")
    .step("act", { ...times, run: act })
    .step("record", {
      ...times,
      run: async ({ fact, input: { action } }) =>
        fact({
          type: "vm.power_changed",
          data: { power: poweredBy[action], node: "worker-1", addresses: [] },
        }),
    })
    .result(() => ({})),
  onVm("vm.delete", { ...vmHead(VmDeleteInput), onFailure: "undo" })
    .step("validate", { ...times, undo: tellsOnly, run: async () => undefined })
    .pivot("what is deleted is gone")
    .step("act", { ...times, run: act })
    .step("record", {
      ...times,
      run: async ({ fact, input: { keepDisks } }) =>
        fact({ type: "vm.deleted", data: { disksKept: keepDisks } }),
    })
    .result(() => ({})),
];
