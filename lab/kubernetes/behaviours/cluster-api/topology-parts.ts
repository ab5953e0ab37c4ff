import type { KubeObject } from "#lab/kubernetes/object.ts";
import type { ClusterClient } from "#lab/kubernetes/behaviours/behaviour.ts";
import { groupOf, keyOf, kindOf, namespaceOf, ownedBy } from "./kinds.ts";
import type { ClusterClassSpec, Template, Topology, Variable } from "./model.ts";
import { hashOf } from "./names.ts";
import { patched, type PatchTarget, valuesFor } from "./patches.ts";
import { annotations, labels, listOf, specOf } from "./relations.ts";

/** A Cluster with its class. */
export interface Blueprint {
  readonly owner: KubeObject;
  readonly topology: Topology;
  readonly spec: ClusterClassSpec;
  readonly classNamespace: string;
}

interface TemplateRef {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
}

/** A class's template as patches and variables leave it for this cluster. Throws when it does not exist. */
export function resolve(
  blueprint: Blueprint,
  ref: TemplateRef,
  target: PatchTarget,
  overrides: readonly Variable[] | undefined,
  cluster: ClusterClient,
): object {
  const template = cluster.get({
    kind: kindOf(ref),
    namespace: blueprint.classNamespace,
    name: ref.name,
  });
  if (template === undefined) {
    throw new Error(
      `failed to get ${kindOf(ref)} ${blueprint.classNamespace}/${ref.name}: ${ref.kind}.${groupOf(ref.apiVersion)} "${ref.name}" not found`,
    );
  }
  const values = valuesFor(blueprint.spec, blueprint.topology, overrides);
  const { template: inner } = specOf<Template>(template);
  return patched(inner.spec ?? {}, blueprint.spec.patches ?? [], target, values);
}

/** What the topology controller puts on everything that it makes. */
export function partMetadata(blueprint: Blueprint, name: string) {
  const { owner } = blueprint;
  return {
    name,
    namespace: namespaceOf(owner),
    labels: { [labels.clusterName]: owner.metadata.name, [labels.topologyOwned]: "" },
    ownerReferences: [ownedBy(owner, false)],
  };
}

/**
 * The cluster's own copy of a template. Another content has another name, so that what refers to it rolls out; a second call
 * with the same content gives the same one.
 */
export function ownTemplate(
  blueprint: Blueprint,
  ref: TemplateRef,
  prefix: string,
  content: object,
  cluster: ClusterClient,
): KubeObject {
  const metadata = partMetadata(blueprint, `${prefix}-${hashOf(content)}`);
  return cluster.create({
    apiVersion: ref.apiVersion,
    kind: ref.kind,
    metadata: { ...metadata, annotations: { [annotations.clonedFrom]: ref.name } },
    spec: { template: { spec: content } },
  });
}

/** Removes this cluster's templates that nothing refers to any more. */
export function retireTemplates(blueprint: Blueprint, cluster: ClusterClient): void {
  const owner = { namespace: namespaceOf(blueprint.owner), name: blueprint.owner.metadata.name };
  const users = [
    ...listOf(cluster, "KubeadmControlPlane", owner),
    ...listOf(cluster, "MachineDeployment", owner),
    ...listOf(cluster, "MachineSet", owner),
  ];
  const used = JSON.stringify(users.map((user) => user["spec"]));
  for (const template of templatesOf(blueprint.owner, cluster)) {
    if (!used.includes(`"${template.metadata.name}"`)) cluster.delete(keyOf(template));
  }
}

export function templatesOf(owner: KubeObject, cluster: ClusterClient): readonly KubeObject[] {
  const of = { namespace: namespaceOf(owner), name: owner.metadata.name };
  return (
    ["DevMachineTemplate", "Metal3MachineTemplate", "KubeadmConfigTemplate"] as const
  ).flatMap((kind) => listOf(cluster, kind, of));
}
