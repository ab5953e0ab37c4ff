import type { KubeObject } from "#lab/kubernetes/object.ts";
import type { ClusterClient } from "#lab/kubernetes/behaviours/behaviour.ts";
import { isTrue } from "./conditions.ts";
import { apiVersionOf, keyOf, namespaceOf, refTo } from "./kinds.ts";
import type { DeploymentClass, DeploymentSpec, DeploymentTopology } from "./model.ts";
import { endingFor } from "./names.ts";
import { annotations, isDeleting, labels, listOf, specOf, statusOf } from "./relations.ts";
import { type Blueprint, ownTemplate, partMetadata, resolve } from "./topology-parts.ts";

/** Names of MachineDeployment topologies by how far their upgrade is. */
export interface WorkersOutcome {
  readonly upgrading: readonly string[];
  readonly pending: readonly string[];
  readonly deferred: readonly string[];
}

/** Keeps one MachineDeployment for each that the topology names, and removes the others. One upgrades at a time. */
export function applyWorkers(
  blueprint: Blueprint,
  controlPlaneIsStable: boolean,
  cluster: ClusterClient,
): WorkersOutcome {
  const { owner, topology } = blueprint;
  const wanted = topology.workers?.machineDeployments ?? [];
  const of = { namespace: namespaceOf(owner), name: owner.metadata.name };
  const current = listOf(cluster, "MachineDeployment", of, { [labels.topologyOwned]: "" });
  const names = new Set(wanted.map(({ name }) => name));
  for (const deployment of current) {
    if (!names.has(topologyNameOf(deployment))) cluster.delete(keyOf(deployment));
  }

  const outcome = { upgrading: [] as string[], pending: [] as string[], deferred: [] as string[] };
  let isHolding = false;
  for (const given of wanted) {
    const existing = current.find((deployment) => topologyNameOf(deployment) === given.name);
    if (existing === undefined) {
      create(blueprint, given, cluster);
      continue;
    }
    const { version } = specOf<DeploymentSpec>(existing).template.spec;
    const isBehind = version !== topology.version;
    isHolding ||= isBehind && isHeldBack(given);
    const isOnTheWay = !isBehind && isUpgrading(existing);
    const mayUpgrade =
      isBehind &&
      !isHolding &&
      controlPlaneIsStable &&
      outcome.upgrading.length === 0 &&
      !current.some((other) => other !== existing && isUpgrading(other));
    if (isOnTheWay || mayUpgrade) outcome.upgrading.push(given.name);
    else if (isBehind) (isHolding ? outcome.deferred : outcome.pending).push(given.name);
    update(blueprint, given, existing, mayUpgrade ? topology.version : version, cluster);
  }
  return outcome;
}

function isUpgrading(deployment: KubeObject): boolean {
  const { version } = specOf<DeploymentSpec>(deployment).template.spec;
  const { versions = [] } = statusOf<{ versions: readonly { version: string }[] }>(deployment);
  return isTrue(deployment, "RollingOut") && versions.some((count) => count.version !== version);
}

function topologyNameOf(deployment: KubeObject): string {
  return deployment.metadata.labels?.[labels.topologyDeployment] ?? "";
}

function create(blueprint: Blueprint, given: DeploymentTopology, cluster: ClusterClient): void {
  const { owner, topology } = blueprint;
  const ending = endingFor(owner.metadata.uid, "workers", given.name);
  const name = `${owner.metadata.name}-${given.name}-${ending}`;
  const metadata = partMetadata(blueprint, name);
  const own = { ...metadata.labels, [labels.topologyDeployment]: given.name };
  cluster.create({
    apiVersion: apiVersionOf("MachineDeployment"),
    kind: "MachineDeployment",
    metadata: {
      ...metadata,
      labels: own,
    },
    spec: {
      ...desired(blueprint, given, name, topology.version, cluster),
      replicas: given.replicas ?? 1,
    },
  });
}

function update(
  blueprint: Blueprint,
  given: DeploymentTopology,
  existing: KubeObject,
  version: string | undefined,
  cluster: ClusterClient,
): void {
  if (isDeleting(existing)) return;
  const wanted = desired(blueprint, given, existing.metadata.name, version, cluster);
  cluster.update(keyOf(existing), (it) => ({
    ...it,
    // Without a number of its own the topology leaves the deployment's to an autoscaler.
    spec: {
      ...specOf<DeploymentSpec>(it),
      ...wanted,
      ...(typeof given.replicas === "number" ? { replicas: given.replicas } : {}),
    },
  }));
}

function desired(
  blueprint: Blueprint,
  given: DeploymentTopology,
  name: string,
  version: string | undefined,
  cluster: ClusterClient,
): object {
  const { owner } = blueprint;
  const deploymentClass = classOf(blueprint, given);
  const copy = (part: "infrastructure" | "bootstrap"): KubeObject => {
    const ref = deploymentClass[part].templateRef;
    const target = { kind: ref.kind, for: "machineDeployment", class: given.class } as const;
    const content = resolve(blueprint, ref, target, given.variables?.overrides, cluster);
    return ownTemplate(blueprint, ref, name, content, cluster);
  };
  const own = {
    [labels.clusterName]: owner.metadata.name,
    [labels.topologyOwned]: "",
    [labels.topologyDeployment]: given.name,
    [labels.deploymentName]: name,
  };
  const rollout = given.rollout ?? deploymentClass.rollout;
  const deletion = given.deletion ?? deploymentClass.deletion;
  return {
    clusterName: owner.metadata.name,
    selector: { matchLabels: own },
    ...(rollout === undefined ? {} : { rollout }),
    ...(deletion?.order === undefined ? {} : { deletion: { order: deletion.order } }),
    template: {
      metadata: { labels: own },
      spec: {
        clusterName: owner.metadata.name,
        ...(version === undefined ? {} : { version }),
        bootstrap: { configRef: refTo(copy("bootstrap")) },
        infrastructureRef: refTo(copy("infrastructure")),
      },
    },
  };
}

function classOf(blueprint: Blueprint, given: DeploymentTopology): DeploymentClass {
  const classes = blueprint.spec.workers?.machineDeployments ?? [];
  const found = classes.find((candidate) => candidate.class === given.class);
  if (found === undefined) {
    throw new Error(`MachineDeployment class ${given.class} not found in the ClusterClass`);
  }
  return found;
}

/** Whether a client holds the upgrade of a MachineDeployment topology back. */
function isHeldBack(given: {
  readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> };
}): boolean {
  const own = given.metadata?.annotations ?? {};
  return annotations.deferUpgrade in own || annotations.holdUpgrades in own;
}
