import { Failure } from "#contract/failures.ts";
import type { ClusterRef } from "#drivers/cluster-ports.ts";
import { refuseManaged } from "#drivers/kubernetes/managers.ts";
import type { JsonPatch } from "#drivers/kubernetes/object.ts";
import type { ClusterDeployment, ClusterTemplate } from "./kinds.ts";
import { templateFor } from "./offered.ts";

/** The cluster's template that gives a version, its own first. KUBERNETES_REJECTED where none that it can be upgraded to does. */
export const templateGiving = (
  kubernetesVersion: string,
  { spec, status }: ClusterDeployment,
  templates: readonly ClusterTemplate[],
): string => {
  const found =
    templateFor(kubernetesVersion, [spec.template], templates) ??
    templateFor(kubernetesVersion, status.availableUpgrades, templates);
  if (found !== null) return found;
  throw new Failure(
    "KUBERNETES_REJECTED",
    `no template that ${spec.template} can be upgraded to gives ${kubernetesVersion}`,
    { details: { reason: "no-upgrade", availableUpgrades: status.availableUpgrades } },
  );
};

/** The patch that sets the template of a cluster; null when it is that. CONFLICT where another field manager set it. */
export const upgradeOf = (
  { name: cluster }: Pick<ClusterRef, "name">,
  template: string,
  { metadata, spec }: ClusterDeployment,
): readonly JsonPatch[] | null => {
  if (spec.template === template) return null;
  const field = ["spec", "template"];
  refuseManaged(metadata.managedFields, field, `the template of cluster ${cluster}`);
  const path = `/${field.join("/")}`;
  return [
    { op: "test", path, value: spec.template },
    { op: "replace", path, value: template },
  ];
};
