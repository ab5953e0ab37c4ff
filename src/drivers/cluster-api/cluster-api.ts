import { Failure } from "#contract/failures.ts";
import type { KubernetesPlace } from "#contract/cluster.ts";
import type { ClusterPort, ClusterRef, WantedCluster } from "#drivers/cluster-ports.ts";
import type { KubernetesClient } from "#drivers/kubernetes/client.ts";
import type { Clients } from "#drivers/kubernetes/clients.ts";
import { conditionOf } from "#drivers/kubernetes/conditions.ts";
import { tryOut } from "#drivers/kubernetes/dry-run.ts";
import {
  checkEdit,
  edit,
  ensure,
  type Ours,
  readOurs,
  removeIfOurs,
} from "#drivers/kubernetes/ours.ts";
import type { ReadOptions } from "#drivers/ports.ts";
import { type ClusterClass, clusterClassKind, clusterKind } from "./kinds.ts";
import { readKubeconfig, readParts, stateOf } from "./look.ts";
import { anyHostOf, clusterManifest } from "./manifest.ts";
import { offeredBy } from "./offered.ts";
import { scaleOf } from "./scale.ts";
import { upgradeOf } from "./upgrade.ts";

const oursOf = ({ id, place, name }: ClusterRef): Ours => ({
  id,
  namespace: place.namespace,
  name,
});

const wrongClass = (why: string): Failure =>
  new Failure("VALIDATION_ERROR", `the class cannot be used: ${why}`, {
    details: { fields: { class: why } },
  });

/** Reads the class that is wanted. VALIDATION_ERROR without one, or while its controller calls it broken. */
const readClass = async (
  client: KubernetesClient,
  place: KubernetesPlace,
  wanted: WantedCluster,
  options: ReadOptions,
): Promise<ClusterClass> => {
  if (wanted.class === null) throw wrongClass("is required");
  const at = { namespace: place.namespace, name: wanted.class };
  const found = await client.read(clusterClassKind, at, options);
  if (found === null) throw wrongClass(`there is no ClusterClass ${at.namespace}/${at.name}`);
  const variables = conditionOf(found.conditions, "VariablesReady");
  if (variables?.status === "False") throw wrongClass(variables.message || variables.reason);
  return found;
};

/**
 * Clusters by Cluster API: one object, a Cluster with a topology of a ClusterClass in its own namespace; everything else is made, changed
 * and removed by Cluster API. Node pools are MachineDeployments of the class's first class of workers.
 */
export const createClusterApi = (clients: Clients): ClusterPort => ({
  async offered(place, options) {
    const client = clients.at(place);
    if (!(await client.serves(clusterKind.group, options))) return null;
    const { namespace } = place;
    const classes = await client.list(clusterClassKind, { namespace }, options);
    const listsAll = classes.every(({ kubernetesVersions }) => kubernetesVersions.length > 0);
    const clusters = listsAll ? [] : await client.list(clusterKind, { namespace }, options);
    return {
      versions: classes.flatMap((clusterClass) => offeredBy(clusterClass, clusters)),
      classes: classes.map(({ metadata }) => metadata.name),
      anyHost: classes.flatMap(anyHostOf),
    };
  },

  async check(cluster, wanted, options) {
    const client = clients.at(cluster.place);
    const clusterClass = await readClass(client, cluster.place, wanted, options);
    const version = await client.version(clusterKind, options);
    const manifest = clusterManifest(cluster, wanted, clusterClass, { run: null, version });
    await tryOut(client, clusterKind, manifest, cluster, options);
  },

  async create(cluster, wanted, options) {
    const client = clients.at(cluster.place);
    const clusterClass = await readClass(client, cluster.place, wanted, options);
    const version = await client.version(clusterKind, options);
    const manifest = clusterManifest(cluster, wanted, clusterClass, { run: options.run, version });
    return ensure(client, clusterKind, manifest, cluster, options);
  },

  async read(cluster, options) {
    const client = clients.at(cluster.place);
    const found = await readOurs(client, clusterKind, oursOf(cluster), options);
    return found === null ? null : stateOf(await readParts(client, found, options));
  },

  checkScale: (cluster, change, options) =>
    checkEdit(
      clients.at(cluster.place),
      clusterKind,
      oursOf(cluster),
      (found) => scaleOf(cluster, change, found),
      options,
    ),

  scale: (cluster, change, options) =>
    edit(
      clients.at(cluster.place),
      clusterKind,
      oursOf(cluster),
      (found) => scaleOf(cluster, change, found),
      options,
    ),

  checkUpgrade: (cluster, kubernetesVersion, options) =>
    checkEdit(
      clients.at(cluster.place),
      clusterKind,
      oursOf(cluster),
      (found) => upgradeOf(cluster, kubernetesVersion, found),
      options,
    ),

  async upgrade(cluster, kubernetesVersion, options) {
    const outcome = await edit(
      clients.at(cluster.place),
      clusterKind,
      oursOf(cluster),
      (found) => upgradeOf(cluster, kubernetesVersion, found),
      options,
    );
    return { asked: outcome === "asked", template: null };
  },

  delete: (cluster, options) =>
    removeIfOurs(clients.at(cluster.place), clusterKind, oursOf(cluster), options),

  async kubeconfig(cluster, options) {
    const client = clients.at(cluster.place);
    const found = await readOurs(client, clusterKind, oursOf(cluster), options);
    return found === null ? null : readKubeconfig(client, cluster, options);
  },
});
