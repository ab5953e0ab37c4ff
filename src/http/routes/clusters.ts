import { z } from "zod";
import { Cluster, ClusterDriver, ClusterLifecycleState } from "#contract/cluster.ts";
import { ManagementCluster } from "#contract/cluster-requests.ts";
import { Failure } from "#contract/failures.ts";
import { Instant } from "#contract/ids.ts";
import type { ClusterState } from "#domain/cluster/state.ts";
import { kubeconfigRead } from "#domain/cluster/update.ts";
import { listQuery, paginationOf } from "#http/cursor.ts";
import type { ApiDependencies } from "#http/dependencies.ts";
import { type Route, route } from "#http/endpoint.ts";
import { Meta, headersFor, list, single } from "#http/envelope.ts";
import { configured, placeFor } from "#http/kubernetes-choice.ts";
import { ClusterParams, PlaceParams, placeOf } from "#http/place.ts";
import { name, paging } from "#http/queries.ts";
import { notThere } from "#http/start-run.ts";
import { ComputeKey, computeSorts } from "#projections/compute-reader.ts";
import { historyRoutes } from "./compute-history.ts";

/** Reading clusters, and what can be asked for. */

export const clustersPath = "/v1/regions/{region}/projects/{project}/compute/clusters";
export const clusterPath = `${clustersPath}/{clusterId}`;

const ListQuery = z.strictObject({
  state: ClusterLifecycleState.optional(),
  driver: ClusterDriver.optional(),
  name: name.optional(),
  sort: z.enum(computeSorts).default("-createdAt"),
  ...paging,
});

const listRoute = (deps: ApiDependencies): Route =>
  route(
    {
      method: "get",
      path: clustersPath,
      tag: "Clusters",
      summary: "List clusters",
      access: "key",
      params: PlaceParams,
      query: ListQuery,
      answers: { 200: { description: "A page of clusters", schema: list(Cluster) } },
      refusals: ["NOT_FOUND"],
    },
    async ({ params, query }) => {
      const { limit, cursor, page, sort, ...rest } = query;
      const filter = { ...placeOf(params, deps.region), ...rest };
      const paged = { limit, cursor, page };
      const found = await deps.clusters.list(listQuery({ filter, sort, page: paged }, ComputeKey));
      return {
        status: 200,
        data: found.items,
        meta: { pagination: paginationOf(found, paged, [filter, sort]) },
      };
    },
  );

const getRoute = (deps: ApiDependencies): Route =>
  route(
    {
      method: "get",
      path: clusterPath,
      tag: "Clusters",
      summary: "Read a cluster",
      access: "key",
      params: ClusterParams,
      answers: { 200: { description: "The cluster", schema: single(Cluster) } },
      refusals: ["NOT_FOUND"],
    },
    async ({ params }) => {
      const cluster = await deps.clusters.get(params.clusterId, placeOf(params, deps.region));
      if (cluster === null) throw notThere("cluster", params.clusterId);
      return { status: 200, data: cluster };
    },
  );

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
      description: "Why the newest look brought nothing, so that this is older; null: it did",
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
      const { versions, seenAt, problem } = kubernetes.offers.of(query.driver, managementCluster);
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

const kubeconfigRoute = (deps: ApiDependencies): Route =>
  route(
    {
      method: "get",
      path: `${clusterPath}/kubeconfig`,
      tag: "Clusters",
      summary: "Read a cluster's kubeconfig",
      description:
        "The administrator's. That it was read, and by whom, is a fact of the cluster before it is answered.",
      access: "key",
      params: ClusterParams,
      answers: { 200: { description: "The kubeconfig", mediaType: "application/yaml" } },
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
      if (stored.kubeconfig === null)
        throw new Failure(
          "NOT_FOUND",
          `cluster ${clusterId} has no kubeconfig: it is ${shown.state === "error" ? "in error" : shown.state}`,
          { details: { clusterId, state: shown.state } },
        );
      const text = await deps.reveal(stored.kubeconfig);
      const resource = { type: "cluster", id: clusterId } as const;
      const facts = (state: unknown) => kubeconfigRead(state as ClusterState | null, clusterId);
      await deps.engine.record({ changes: async () => [{ resource, facts }], by });
      const headers = headersFor(requestId, {
        "Content-Type": "application/yaml; charset=utf-8",
        "Content-Disposition": `attachment; filename="${stored.spec.name}.kubeconfig.yaml"`,
      });
      return new Response(text, { status: 200, headers });
    },
  );

export const clusterRoutes = (deps: ApiDependencies): Route[] => [
  listRoute(deps),
  versionsRoute(deps),
  getRoute(deps),
  kubeconfigRoute(deps),
  ...historyRoutes(deps, {
    type: "cluster",
    words: "a cluster",
    tag: "Clusters",
    path: clusterPath,
    params: ClusterParams,
    idOf: ({ clusterId }) => clusterId,
    stored: (id, place) => deps.clusters.stored(id, place),
  }),
];
