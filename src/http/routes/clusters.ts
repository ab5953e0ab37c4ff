import { z } from "zod";
import { Cluster, ClusterDriver, ClusterLifecycleState } from "#contract/cluster.ts";
import { ManagementCluster } from "#contract/cluster-requests.ts";
import { Failure } from "#contract/failures.ts";
import { Instant } from "#contract/ids.ts";
import type { ClusterState } from "#domain/cluster/state.ts";
import { kubeconfigRead } from "#domain/cluster/update.ts";
import { newestKubeconfig } from "#http/newest-kubeconfig.ts";
import type { ApiDependencies } from "#http/dependencies.ts";
import { type Route, route } from "#http/endpoint.ts";
import { Meta, headersFor } from "#http/envelope.ts";
import { configured, notServed, placeFor } from "#http/kubernetes-choice.ts";
import { ClusterParams, PlaceParams, placeOf } from "#http/place.ts";
import { name } from "#http/queries.ts";
import { notThere } from "#http/start-run.ts";
import { ComputeKey, computeSorts } from "#projections/compute-reader.ts";
import { eventsRoute, runsRoute } from "./history.ts";
import { listRoute, readRoute } from "./reading.ts";

/** Reading clusters, and what can be asked for. */

export const clustersPath = "/v1/regions/{region}/projects/{project}/compute/clusters";
export const clusterPath = `${clustersPath}/{clusterId}`;

const shown = {
  type: "cluster",
  noun: "cluster",
  tag: "Clusters",
  path: clusterPath,
  params: ClusterParams,
  idOf: ({ clusterId }: z.output<typeof ClusterParams>) => clusterId,
  schema: Cluster,
} as const;

const listed = {
  ...shown,
  path: clustersPath,
  filters: {
    state: ClusterLifecycleState.optional(),
    driver: ClusterDriver.optional(),
    name: name.optional(),
  },
  sorts: computeSorts,
  key: ComputeKey,
} as const;

const VersionsQuery = z.strictObject({
  driver: ClusterDriver.default("cluster-api"),
  managementCluster: ManagementCluster.optional(),
});

const OfferedVersions = z.object({
  success: z.literal(true),
  data: z.array(
    z
      .object({
        version: z.string(),
        class: z.string().optional().meta({ description: "cluster-api: the ClusterClass" }),
        template: z.string().optional().meta({ description: "k0rdent: the ClusterTemplate" }),
        upgrades: z
          .array(z.string())
          .meta({ description: "Versions that it can be upgraded to in one run" }),
      })
      .meta({ id: "OfferedVersion" }),
  ),
  meta: Meta.extend({
    managementCluster: z.string(),
    seenAt: Instant.meta({ description: "When the management cluster said so" }),
    problem: z.string().nullable().meta({
      description:
        "Why the newest look brought nothing, so that this is older, or that the driver's operator is not installed there; null: all is well",
    }),
  }).meta({ id: "OffersMeta" }),
});

const versionsRoute = (deps: ApiDependencies): Route =>
  route(
    {
      method: "get",
      path: `${clustersPath}/versions`,
      tag: "Clusters",
      summary: "List the Kubernetes versions that can be asked for",
      description:
        "As the management cluster last said, `meta.seenAt`. A ClusterClass that does not list its versions takes others too: of it only those are shown that clusters have.",
      access: "key",
      params: PlaceParams,
      query: VersionsQuery,
      answers: { 200: { description: "What is offered", schema: OfferedVersions } },
      refusals: ["NOT_FOUND"],
    },
    async ({ params, query }) => {
      placeOf(params, deps.region);
      const kubernetes = configured(deps.kubernetes);
      const { managementCluster } = placeFor(kubernetes, query.managementCluster);
      const { driver } = query;
      const offers = kubernetes.offers.of(driver, managementCluster);
      const { versions, seenAt } = offers;
      const problem = offers.isServed ? offers.problem : notServed(driver, managementCluster);
      return {
        status: 200,
        data: versions.map((offered) => ({
          version: offered.version,
          ...(offered.class !== null && { class: offered.class }),
          ...(offered.template !== null && { template: offered.template }),
          upgrades: offered.upgrades,
        })),
        meta: { managementCluster, seenAt: new Date(seenAt).toISOString(), problem },
      };
    },
  );

/** It is stored by the creation's last steps, and goes with the cluster. */
const noKubeconfig = ({ id, state }: Cluster): Failure =>
  new Failure(
    "NOT_FOUND",
    state === "deleted"
      ? `cluster ${id} is deleted, and its kubeconfig with it`
      : `cluster ${id} has no kubeconfig yet, which its creation stores at its end: it is ${state === "error" ? "in error" : state}`,
    { details: { clusterId: id, state } },
  );

const kubeconfigRoute = (deps: ApiDependencies): Route =>
  route(
    {
      method: "get",
      path: `${clusterPath}/kubeconfig`,
      tag: "Clusters",
      summary: "Read a cluster's kubeconfig",
      description:
        "The administrator's, as the management cluster has it now; where that does not answer within 3 s, as it was stored. That it was read, and by whom, is a fact of the cluster before it is answered.",
      access: "key",
      params: ClusterParams,
      answers: {
        200: {
          description: "The kubeconfig",
          mediaType: "application/yaml",
          headers: {
            "Kubeconfig-Current":
              "`true`: the management cluster gave it just now. `false`: it could not, and this is the stored one, whose certificate may have been renewed since",
            "Kubeconfig-Read-At": "When the management cluster gave it (ISO 8601)",
          },
        },
      },
      refusals: ["NOT_FOUND"],
    },
    async ({ params, by, requestId }) => {
      const { clusterId } = params;
      const place = placeOf(params, deps.region);
      const [stored, shown] = await Promise.all([
        deps.clusters.stored(clusterId, place),
        deps.clusters.get(clusterId, place),
      ]);
      if (stored === null || shown === null) throw notThere("cluster", clusterId);
      const found = await newestKubeconfig(deps, stored);
      if (found === null) throw noKubeconfig(shown);
      const resource = { type: "cluster", id: clusterId } as const;
      const facts = (state: unknown) =>
        kubeconfigRead(state as ClusterState | null, clusterId, found);
      await deps.engine.record({ changes: async () => [{ resource, facts }], by });
      const headers = headersFor(requestId, {
        "Content-Type": "application/yaml; charset=utf-8",
        "Content-Disposition": `attachment; filename="${stored.spec.name}.kubeconfig.yaml"`,
        "Kubeconfig-Current": String(found.isCurrent),
        ...(found.readAt !== null && {
          "Kubeconfig-Read-At": new Date(found.readAt).toISOString(),
        }),
      });
      return new Response(found.text, { status: 200, headers });
    },
  );

export function clusterRoutes(deps: ApiDependencies): Route[] {
  const kind = { ...deps.clusters, ...shown };
  return [
    listRoute(deps, { ...listed, reader: deps.clusters }),
    versionsRoute(deps),
    readRoute(deps, kind),
    kubeconfigRoute(deps),
    eventsRoute(deps, kind),
    runsRoute(deps, kind),
  ];
}
