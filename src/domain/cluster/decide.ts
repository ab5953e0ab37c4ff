import {
  ClusterCreateInput,
  ClusterDeleteInput,
  ClusterScaleInput,
  ClusterUpgradeInput,
} from "#contract/cluster-inputs.ts";
import { machinesOf, maxMachines, tooManyMachines } from "#contract/cluster-requests.ts";
import type { ClusterAction, ClusterFact, ClusterLifecycleState } from "#contract/cluster.ts";
import { Failure } from "#contract/failures.ts";
import { busy, checked, invalid, moved, notAsChild, unknown } from "#domain/admission.ts";
import type { Admission } from "#domain/resource-model.ts";
import { refusal } from "./can.ts";
import type { ClusterState } from "./state.ts";
import { upgradeProblem } from "./upgrade-path.ts";

/**
 * Whether a workflow may start on the cluster, and with which facts. Everything that the request and the record
 * alone can tell is refused here, before anything is written; what only the management cluster can tell is left to
 * the workflow's first step.
 */
export function admit(
  cluster: ClusterState | null,
  admission: Admission,
): readonly ClusterFact[] | Failure {
  const onCluster = on(cluster, admission);
  switch (admission.workflow) {
    case "cluster.create":
      return checked(ClusterCreateInput, admission, (input) =>
        admitCreation(cluster, input, admission),
      );
    case "cluster.scale":
      return checked(ClusterScaleInput, admission, (input) =>
        onCluster(input, { action: "scale", shows: "scaling" }, ({ spec }) =>
          scaleRefusal(spec, input),
        ),
      );
    case "cluster.upgrade":
      return checked(ClusterUpgradeInput, admission, (input) =>
        onCluster(input, { action: "upgrade", shows: "upgrading" }, (found) =>
          upgradeRefusal(found, input.kubernetesVersion),
        ),
      );
    case "cluster.delete":
      return checked(ClusterDeleteInput, admission, (input) =>
        onCluster(input, { action: "delete", shows: "deleting" }),
      );
    case "server.register":
    case "server.inspect":
    case "server.provision":
    case "server.lifecycle":
    case "server.decommission":
    case "vm.create":
    case "vm.power":
    case "vm.delete":
    case "sync.server-state":
    case "sync.cluster-state":
      return invalid("workflow", `${admission.workflow} does not change a cluster`);
  }
}

function admitCreation(
  cluster: ClusterState | null,
  input: ClusterCreateInput,
  { run, workflow }: Admission,
): readonly ClusterFact[] | Failure {
  // A retry of a creation that is held meets its own record; any other record is in the way.
  const isRetry = cluster?.rest.state === "error" && cluster.rest.trouble === "creation";
  if (cluster !== null && !isRetry)
    return new Failure(
      "INVALID_STATE_TRANSITION",
      `cluster ${cluster.id} exists already; ask for a new one`,
      { details: { state: cluster.rest.state, clusterId: cluster.id } },
    );
  const { clusterId, region, project } = input;
  const problem = moved(cluster?.spec ?? null, input.spec);
  if (problem !== null) return problem;
  // Protection that was given to the record since then is not taken away by a retry.
  const spec = {
    ...input.spec,
    protected: input.spec.protected || cluster?.spec.protected === true,
  };
  return [
    { type: "cluster.requested", data: { cluster: clusterId, region, project, spec } },
    { type: "cluster.run_began", data: { run, workflow, state: "creating" } },
  ];
}

/** Admits a change of a cluster that exists: its state first, then what the request asks of it. */
const on =
  (cluster: ClusterState | null, admission: Admission) =>
  (
    { clusterId: id }: { readonly clusterId: string },
    { action, shows }: { readonly action: ClusterAction; readonly shows: ClusterLifecycleState },
    problem: (cluster: ClusterState) => Failure | null = () => null,
  ): readonly ClusterFact[] | Failure => {
    const named = { noun: "cluster", id };
    if (cluster === null) return unknown(named);
    const { run, workflow, parent } = admission;
    if (parent !== null) return notAsChild(named, admission, cluster);
    return (
      busy(named, cluster) ??
      refusal(cluster, action) ??
      problem(cluster) ?? [{ type: "cluster.run_began", data: { run, workflow, state: shows } }]
    );
  };

function scaleRefusal(spec: ClusterState["spec"], asked: ClusterScaleInput): Failure | null {
  const pool = spec.nodePools.find(({ name }) => name === asked.nodePool);
  if (pool === undefined) return invalid("nodePool", `must be one of ${poolNames(spec)}`);
  const machines = machinesOf(spec) - pool.nodeCount + asked.nodeCount;
  // One that is larger already may become smaller.
  const isRefused = machines > maxMachines && asked.nodeCount > pool.nodeCount;
  return isRefused ? invalid("nodeCount", tooManyMachines(machines)) : null;
}

const poolNames = ({ nodePools }: ClusterState["spec"]): string =>
  nodePools.length === 0
    ? "its node pools, and it has none"
    : nodePools.map(({ name }) => name).join(", ");

function upgradeRefusal({ id, spec }: ClusterState, asked: string): Failure | null {
  const problem = upgradeProblem(spec.kubernetesVersion, asked);
  return problem === null
    ? null
    : new Failure(
        "INVALID_STATE_TRANSITION",
        `cluster ${id} cannot be upgraded to ${asked}: ${problem}`,
        { details: { clusterId: id, kubernetesVersion: spec.kubernetesVersion, asked } },
      );
}
