import {
  ClusterCreateInput,
  ClusterDeleteInput,
  ClusterScaleInput,
  ClusterUpgradeInput,
} from "#contract/cluster-inputs.ts";
import {
  CreateClusterBody,
  DeleteClusterQuery,
  ScaleClusterBody,
  UpgradeClusterBody,
} from "#contract/cluster-requests.ts";
import type { WorkflowType } from "#contract/run.ts";
import { type RequestEdit, editOf, withoutNulls } from "#domain/request-edit.ts";
import { createInput, deleteInput, scaleInput, upgradeInput } from "./run-inputs.ts";

/** What a retry may change of the requests to clusters. */

const creation = editOf({
  input: ClusterCreateInput,
  request: CreateClusterBody,
  fixed: { driver: "cannot be edited: ask for another cluster with the other driver" },
  amid: ["protected", "onFailure"],
  before({ spec, onFailure }) {
    const { place, controlPlane, nodePools, ...rest } = spec;
    return {
      ...rest,
      controlPlane: withoutNulls(controlPlane),
      nodePools: nodePools.map(withoutNulls),
      managementCluster: place.managementCluster,
      onFailure,
    };
  },
  apply({ clusterId, region, project, spec }, body) {
    const managementCluster = body.managementCluster ?? spec.place.managementCluster;
    const chosen = {
      place: { ...spec.place, managementCluster },
      // What was chosen for the request stays chosen until another is named.
      class: body.class ?? spec.class,
      template: body.template ?? spec.template,
    };
    return { input: createInput({ body, chosen, clusterId, region, project }), clear: {} };
  },
});

const scaling = editOf({
  input: ClusterScaleInput,
  request: ScaleClusterBody,
  amid: [],
  before: ({ nodePool, nodeCount }) => ({ nodePool, nodeCount }),
  apply: ({ clusterId }, body) => ({ input: scaleInput(clusterId, body), clear: {} }),
});

const upgrading = editOf({
  input: ClusterUpgradeInput,
  request: UpgradeClusterBody,
  amid: [],
  before: ({ kubernetesVersion, spareServers }) => ({ kubernetesVersion, spareServers }),
  apply: ({ clusterId }, body) => ({ input: upgradeInput(clusterId, body), clear: {} }),
});

const deletion = editOf({
  input: ClusterDeleteInput,
  request: DeleteClusterQuery,
  amid: [],
  before: () => ({}),
  apply: ({ clusterId }) => ({ input: deleteInput(clusterId), clear: {} }),
});

export const clusterEdits = {
  "cluster.create": creation,
  "cluster.scale": scaling,
  "cluster.upgrade": upgrading,
  "cluster.delete": deletion,
} as const satisfies Partial<Record<WorkflowType, RequestEdit>>;
