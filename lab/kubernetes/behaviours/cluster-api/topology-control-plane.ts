import type { KubeObject } from "#lab/kubernetes/object.ts";
import type { ClusterClient } from "#lab/kubernetes/behaviours/behaviour.ts";
import { isTrue } from "./conditions.ts";
import { apiVersionOf, keyOf, namespaceOf, refTo } from "./kinds.ts";
import { replicasProblem } from "./kubeadm-control-plane-admission.ts";
import type { ClusterSpec, ControlPlaneSpec, ControlPlaneStatus } from "./model.ts";
import { endingFor } from "./names.ts";
import { follow, isDeleting, listOf, specOf, statusOf } from "./relations.ts";
import { type Blueprint, ownTemplate, partMetadata, resolve } from "./topology-parts.ts";
import { upgradePlan } from "./versions.ts";

/** Makes the infrastructure cluster when it is missing, and points the Cluster at it. */
export function applyInfrastructure(blueprint: Blueprint, cluster: ClusterClient): void {
  const { owner, spec } = blueprint;
  if (follow(newest(owner, cluster).infrastructureRef, owner, cluster) !== undefined) return;
  const ref = spec.infrastructure.templateRef;
  const content = resolve(
    blueprint,
    ref,
    { kind: ref.kind, for: "infrastructureCluster" },
    undefined,
    cluster,
  );
  const name = `${owner.metadata.name}-${endingFor(owner.metadata.uid, "infrastructure")}`;
  const infra = cluster.create({
    apiVersion: ref.apiVersion,
    kind: ref.kind.replace(/Template$/, ""),
    metadata: partMetadata(blueprint, name),
    spec: content,
  });
  cluster.update(keyOf(owner), (it) => ({
    ...it,
    spec: { ...specOf<ClusterSpec>(it), infrastructureRef: refTo(infra) },
  }));
}

export interface PlaneOutcome {
  /** The version that its machines are on the way to; null: they are there. */
  readonly upgrading: string | null;
  /** Versions that it still has to reach, the next one first. */
  readonly plan: readonly string[];
  /** Whether workers may follow it to the topology's version. */
  readonly isStable: boolean;
}

/**
 * Keeps the control plane as the topology says. Its version takes the next step of the plan only while nothing else is on the
 * way; its number of replicas follows at once.
 */
export function applyControlPlane(blueprint: Blueprint, cluster: ClusterClient): PlaneOutcome {
  const { owner, topology, spec } = blueprint;
  const ref = spec.controlPlane.templateRef;
  const overrides = topology.controlPlane?.variables?.overrides;
  const content = resolve(
    blueprint,
    ref,
    { kind: ref.kind, for: "controlPlane" },
    overrides,
    cluster,
  );
  const replicas = topology.controlPlane?.replicas ?? 1;
  const problem = replicasProblem(replicas);
  if (problem !== null) {
    throw new Error(
      `failed to create or patch KubeadmControlPlane: admission webhook "validation.kubeadmcontrolplane.controlplane.cluster.x-k8s.io" denied the request: spec.replicas: ${problem}`,
    );
  }
  const name = `${owner.metadata.name}-${endingFor(owner.metadata.uid, "control-plane")}`;
  const machines = machineTemplate(blueprint, name, cluster);
  const current = follow(newest(owner, cluster).controlPlaneRef, owner, cluster);
  if (current === undefined) {
    const plane = cluster.create({
      apiVersion: apiVersionOf("KubeadmControlPlane"),
      kind: "KubeadmControlPlane",
      metadata: partMetadata(blueprint, name),
      spec: {
        ...content,
        replicas,
        version: topology.version,
        machineTemplate: { spec: { infrastructureRef: refTo(machines) } },
      },
    });
    cluster.update(keyOf(owner), (it) => ({
      ...it,
      spec: { ...specOf<ClusterSpec>(it), controlPlaneRef: refTo(plane) },
    }));
    return { upgrading: null, plan: [], isStable: false };
  }
  const before = specOf<ControlPlaneSpec>(current);
  const plan = upgradePlan(before.version, topology.version, spec.kubernetesVersions ?? []);
  const [next] = plan;
  const mayStep = next !== undefined && isSettled(current) && !workersOnTheWay(owner, cluster);
  const version = mayStep ? next : before.version;
  if (!isDeleting(current)) {
    cluster.update(keyOf(current), (it) => ({
      ...it,
      spec: {
        ...specOf<ControlPlaneSpec>(it),
        ...content,
        replicas,
        version,
        machineTemplate: {
          spec: { ...before.machineTemplate.spec, infrastructureRef: refTo(machines) },
        },
      },
    }));
  }
  const after = cluster.get(keyOf(current)) ?? current;
  const has = statusOf<ControlPlaneStatus>(after).version;
  const isUpgrading = mayStep || (has !== undefined && has !== version);
  return {
    upgrading: isUpgrading ? version : null,
    plan: isUpgrading ? [version, ...plan.filter((later) => later !== version)] : plan,
    isStable: !mayStep && version === topology.version && isSettled(after),
  };
}

/** Whether nothing of it is on the way: not its first machine, no other number, no other version. */
function isSettled(plane: KubeObject): boolean {
  const { version, replicas = 1 } = specOf<ControlPlaneSpec>(plane);
  const status = statusOf<ControlPlaneStatus & { observedGeneration: number }>(plane);
  return (
    status.observedGeneration === (plane.metadata.generation ?? 1) &&
    status.version === version &&
    status.versions?.length === 1 &&
    status.replicas === replicas &&
    status.readyReplicas === replicas &&
    status.upToDateReplicas === replicas
  );
}

function workersOnTheWay(owner: KubeObject, cluster: ClusterClient): boolean {
  const of = { namespace: namespaceOf(owner), name: owner.metadata.name };
  return listOf(cluster, "MachineDeployment", of).some((deployment) =>
    isTrue(deployment, "RollingOut"),
  );
}

function machineTemplate(blueprint: Blueprint, prefix: string, cluster: ClusterClient): KubeObject {
  const ref = blueprint.spec.controlPlane.machineInfrastructure?.templateRef;
  if (ref === undefined)
    throw new Error("the ClusterClass has no controlPlane.machineInfrastructure");
  const overrides = blueprint.topology.controlPlane?.variables?.overrides;
  const target = { kind: ref.kind, for: "controlPlane" } as const;
  const content = resolve(blueprint, ref, target, overrides, cluster);
  return ownTemplate(blueprint, ref, prefix, content, cluster);
}

function newest(owner: KubeObject, cluster: ClusterClient): ClusterSpec {
  return specOf<ClusterSpec>(cluster.get(keyOf(owner)) ?? owner);
}
