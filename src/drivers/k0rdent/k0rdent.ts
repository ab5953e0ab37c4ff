import { Failure } from "#contract/failures.ts";
import type { RunId } from "#contract/ids.ts";
import { clusterKind } from "#drivers/cluster-api/kinds.ts";
import { readKubeconfig, readParts } from "#drivers/cluster-api/look.ts";
import type { ClusterPort, ClusterRef, WantedCluster } from "#drivers/cluster-ports.ts";
import type { KubernetesClient } from "#drivers/kubernetes/client.ts";
import type { Clients } from "#drivers/kubernetes/clients.ts";
import { tryOut } from "#drivers/kubernetes/dry-run.ts";
import { ownLabels } from "#drivers/kubernetes/labels.ts";
import { apiVersionOf, type Manifest } from "#drivers/kubernetes/object.ts";
import {
  checkEdit,
  edit,
  ensure,
  type Ours,
  readOurs,
  removeIfOurs,
} from "#drivers/kubernetes/ours.ts";
import type { ReadOptions } from "#drivers/ports.ts";
import {
  type ClusterTemplate,
  clusterDeploymentKind,
  clusterTemplateChainKind,
  clusterTemplateKind,
  credentialKind,
} from "./kinds.ts";
import { nodePoolAnnotation, stateOf } from "./look.ts";
import { offeredBy } from "./offered.ts";
import { scaleOf } from "./scale.ts";
import { readTemplate, withV } from "./template.ts";
import { templateGiving, upgradeOf } from "./upgrade.ts";
import { configOf } from "./values.ts";

const oursOf = ({ id, place, name }: ClusterRef): Ours => ({
  id,
  namespace: place.namespace,
  name,
});

const manifestOf = async (
  client: KubernetesClient,
  cluster: ClusterRef,
  wanted: WantedCluster,
  options: ReadOptions & { readonly run: RunId | null },
): Promise<Manifest> => {
  const template = await readTemplate(client, cluster.place, wanted.template, options);
  const [pool] = wanted.nodePools;
  return {
    apiVersion: apiVersionOf(clusterDeploymentKind.group, clusterDeploymentKind.versions[0]),
    kind: clusterDeploymentKind.kind,
    metadata: {
      name: cluster.name,
      namespace: cluster.place.namespace,
      labels: ownLabels({ run: options.run, id: cluster.id }),
      ...(pool === undefined ? {} : { annotations: { [nodePoolAnnotation]: pool.name } }),
    },
    spec: {
      template: template.name,
      ...(wanted.credential === null ? {} : { credential: wanted.credential }),
      dryRun: false,
      config: configOf(wanted, template),
    },
  };
};

const wrongCredential = (why: string): Failure =>
  new Failure("VALIDATION_ERROR", `the credential cannot be used: ${why}`, {
    details: { fields: { credential: why } },
  });

/**
 * VALIDATION_ERROR when there is no credential, whose name k0rdent looks up for every cluster; when it is not there, k0rdent cannot use it, or it is a region's: the credential alone decides the region, and
 * there no look at the management cluster counts machines. https://docs.k0rdent.io/latest/admin/regional-clusters/
 */
const checkCredential = async (
  client: KubernetesClient,
  namespace: string,
  name: string | null,
  options: ReadOptions,
): Promise<void> => {
  if (name === null) throw wrongCredential("is required");
  const found = await client.read(credentialKind, { namespace, name }, options);
  if (found !== null && found.spec.region !== "") {
    const elsewhere = `its machines would be those of region ${found.spec.region}, whose objects another management cluster keeps`;
    throw wrongCredential(elsewhere);
  }
  if (found?.status.ready === true) return;
  const said = found?.status.conditions.find(({ status }) => status !== "True")?.message;
  const why =
    found === null
      ? `there is no Credential ${namespace}/${name}`
      : `k0rdent cannot use it${said === undefined ? "" : `: ${said}`}`;
  throw wrongCredential(why);
};

const templatesAt = (
  client: KubernetesClient,
  { place: { namespace } }: ClusterRef,
  options: ReadOptions,
): Promise<readonly ClusterTemplate[]> => client.list(clusterTemplateKind, { namespace }, options);

/**
 * Clusters by k0rdent: one object, a ClusterDeployment of a ClusterTemplate in its own namespace. The template decides the Kubernetes version and
 * which values count machines, so another version is another template. Templates know one group of workers: one node pool.
 */
export const createK0rdent = (clients: Clients): ClusterPort => ({
  async offered(place, options) {
    const client = clients.at(place);
    if (!(await client.serves(clusterDeploymentKind.group, options))) return null;
    const { namespace } = place;
    const templates = await client.list(clusterTemplateKind, { namespace }, options);
    const chains = await client.list(clusterTemplateChainKind, { namespace }, options);
    return { versions: offeredBy(templates, chains), classes: [], anyHost: [] };
  },

  async check(cluster, wanted, options) {
    const client = clients.at(cluster.place);
    const manifest = await manifestOf(client, cluster, wanted, { ...options, run: null });
    await checkCredential(client, cluster.place.namespace, wanted.credential, options);
    await tryOut(client, clusterDeploymentKind, manifest, cluster, options);
  },

  async create(cluster, wanted, options) {
    const client = clients.at(cluster.place);
    const manifest = await manifestOf(client, cluster, wanted, options);
    return ensure(client, clusterDeploymentKind, manifest, cluster, options);
  },

  async read(cluster, options) {
    const client = clients.at(cluster.place);
    const found = await readOurs(client, clusterDeploymentKind, oursOf(cluster), options);
    if (found === null) return null;
    const { namespace } = cluster.place;
    const below = await client.read(clusterKind, { namespace, name: cluster.name }, options);
    const template = await client.read(
      clusterTemplateKind,
      { namespace, name: found.spec.template },
      options,
    );
    const parts = below === null ? null : await readParts(client, below, options);
    return stateOf(found, parts, withV(template?.status.k8sVersion ?? ""));
  },

  checkScale: (cluster, change, options) =>
    checkEdit(
      clients.at(cluster.place),
      clusterDeploymentKind,
      oursOf(cluster),
      (found) => scaleOf(cluster, change, found),
      options,
    ),

  scale: (cluster, change, options) =>
    edit(
      clients.at(cluster.place),
      clusterDeploymentKind,
      oursOf(cluster),
      (found) => scaleOf(cluster, change, found),
      options,
    ),

  async checkUpgrade(cluster, kubernetesVersion, options) {
    const client = clients.at(cluster.place);
    const templates = await templatesAt(client, cluster, options);
    await checkEdit(
      client,
      clusterDeploymentKind,
      oursOf(cluster),
      (found) => upgradeOf(cluster, templateGiving(kubernetesVersion, found, templates), found),
      options,
    );
  },

  async upgrade(cluster, kubernetesVersion, options) {
    const client = clients.at(cluster.place);
    const templates = await templatesAt(client, cluster, options);
    let template: string | null = null;
    const outcome = await edit(
      client,
      clusterDeploymentKind,
      oursOf(cluster),
      (found) => {
        template = templateGiving(kubernetesVersion, found, templates);
        return upgradeOf(cluster, template, found);
      },
      options,
    );
    return { asked: outcome === "asked", template };
  },

  delete: (cluster, options) =>
    removeIfOurs(clients.at(cluster.place), clusterDeploymentKind, oursOf(cluster), options),

  async kubeconfig(cluster, options) {
    const client = clients.at(cluster.place);
    const found = await readOurs(client, clusterDeploymentKind, oursOf(cluster), options);
    return found === null ? null : readKubeconfig(client, cluster, options);
  },
});
