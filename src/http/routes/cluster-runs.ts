import { z } from "zod";
import {
  CreateClusterBody,
  ScaleClusterBody,
  UpdateClusterBody,
  UpgradeClusterBody,
} from "#contract/cluster-requests.ts";
import { ClusterCreateInput } from "#contract/cluster-inputs.ts";
import { Cluster } from "#contract/cluster.ts";
import { Failure, type FailureCode } from "#contract/failures.ts";
import type { ClusterId } from "#contract/ids.ts";
import { createInput, deleteInput, scaleInput, upgradeInput } from "#domain/cluster/run-inputs.ts";
import {
  type LackingGroup,
  drawnByCreate,
  drawnByScale,
  drawnByUpgrade,
} from "#domain/cluster/pooled-groups.ts";
import type { ClusterState } from "#domain/cluster/state.ts";
import { protection } from "#domain/cluster/update.ts";
import { upgradeProblem } from "#domain/cluster/upgrade-path.ts";
import { nameTaken } from "#engine/refusals.ts";
import { mutationHeaders } from "#http/accepted.ts";
import { clusterSubject } from "#http/compute-subjects.ts";
import type { ApiDependencies } from "#http/dependencies.ts";
import { type Call, type Route, route } from "#http/endpoint.ts";
import { type Reply, accepted, single } from "#http/envelope.ts";
import { chooseFor, configured, refuseUnoffered } from "#http/kubernetes-choice.ts";
import type { Once } from "#http/once.ts";
import { ClusterParams, type Place, PlaceParams, placeOf } from "#http/place.ts";
import { Plan } from "#http/plan.ts";
import { PlanQuery } from "#http/queries.ts";
import { recordChange } from "#http/record-change.ts";
import { refuseUnknownPools } from "#http/server-pools.ts";
import { type Door, type Foreseen, type Wanted, notThere, startRun } from "#http/start-run.ts";
import { clusterPath, clustersPath } from "./clusters.ts";

/** What is done to clusters: each starts a run, but for their protection. */

const startAnswers = {
  200: {
    description:
      "With `Prefer: wait`: the cluster, once the run has ended; `meta.workflowId` is the run, which says whether it completed. With `plan=true`: the plan",
    schema: single(z.union([Cluster, Plan])),
  },
  202: {
    description: "Accepted; the cluster as it now is, and the run in `meta.workflowId`",
    schema: accepted(Cluster),
    headers: {
      Location: "Where the run is read",
      "Retry-After": "Seconds until a look is worth it",
    },
  },
};

/** Of the run, when it was waited for. */
const creationRefusals: readonly FailureCode[] = [
  "POOL_CAPACITY_EXCEEDED",
  "RUN_CANCELLED",
  "KUBERNETES_UNAVAILABLE",
  "KUBERNETES_REJECTED",
  "KUBERNETES_FORBIDDEN",
  "STEP_TIMEOUT",
];

const shared = {
  tag: "Clusters",
  access: "key",
  query: PlanQuery,
  headers: mutationHeaders,
  answers: startAnswers,
} as const;

const changeRefusals: readonly FailureCode[] = [
  "NOT_FOUND",
  "CONFLICT",
  "INVALID_STATE_TRANSITION",
  "IDEMPOTENCY_KEY_REUSED",
];

const example = {
  name: "prod",
  driver: "cluster-api",
  kubernetesVersion: "v1.34.2",
  class: "metal",
  controlPlane: { replicas: 3, pool: "gpu-a" },
  nodePools: [{ name: "workers", nodeCount: 4, pool: "gpu-a" }],
};

const createRoute = (deps: ApiDependencies, door: Door): Route =>
  route(
    {
      ...shared,
      method: "post",
      path: clustersPath,
      summary: "Create a cluster",
      description:
        "Everything is undone when it fails, unless `onFailure` says otherwise: a failed creation leaves no cluster. Without a configured management cluster it is refused as UNAVAILABLE.",
      params: PlaceParams,
      body: { schema: CreateClusterBody, example },
      refusals: ["NOT_FOUND", "CONFLICT", "IDEMPOTENCY_KEY_REUSED", ...creationRefusals],
    },
    async (call) => {
      const place = placeOf(call.params, deps.region);
      const wanted = async () => {
        const { controlPlane, nodePools } = call.body;
        await refuseUnknownPools(deps, place, {
          "controlPlane.pool": controlPlane.pool,
          ...Object.fromEntries(nodePools.map(({ pool }, n) => [`nodePools[${n}].pool`, pool])),
        });
        const chosen = await chooseFor(configured(deps.kubernetes), call.body);
        const clusterId = deps.ids.cluster();
        const input = createInput({ body: call.body, chosen, clusterId, ...place });
        // No facts of ours, but said: the cluster is new, so there is nothing to be read before it is written.
        return { workflow: "cluster.create", input, facts: [] } as const;
      };
      const foreseen: Foreseen = async ({ input }) => {
        const { spec } = ClusterCreateInput.parse(input);
        const [bearer, shortage] = await Promise.all([
          deps.clusters.bearer(spec.place, spec.name),
          deps.pools.shortage(drawnByCreate(spec), spec.place, place),
        ]);
        const taken = bearer === null ? [] : [nameTaken("cluster", bearer)];
        return shortage === null ? taken : [...taken, shortage];
      };
      return startRun(door, call, { place, wanted, foreseen });
    },
  );

interface Changed {
  readonly clusterId: ClusterId;
  readonly place: Place;
}

/** Whether the pools have what a change of the cluster would draw from them. */
const drawing =
  (
    deps: ApiDependencies,
    { clusterId, place }: Changed,
    drawn: (cluster: ClusterState) => readonly LackingGroup[],
  ): Foreseen =>
  async () => {
    const cluster = await deps.clusters.stored(clusterId, place);
    if (cluster === null) return [];
    const shortage = await deps.pools.shortage(drawn(cluster), cluster.spec.place, place);
    return shortage === null ? [] : [shortage];
  };

const scaling = (deps: ApiDependencies, changed: Changed, body: ScaleClusterBody) => ({
  place: changed.place,
  wanted: async (): Promise<Wanted> => ({
    workflow: "cluster.scale",
    input: scaleInput(changed.clusterId, body),
  }),
  foreseen: drawing(deps, changed, (cluster) => drawnByScale(cluster, body)),
});

const upgrading = (deps: ApiDependencies, changed: Changed, body: UpgradeClusterBody) => ({
  place: changed.place,
  wanted: async (): Promise<Wanted> => {
    const { clusterId, place } = changed;
    const cluster = await deps.clusters.stored(clusterId, place);
    if (cluster === null) throw notThere("cluster", clusterId);
    const { spec } = cluster;
    const { kubernetesVersion } = body;
    // What cannot follow the present version is refused as that, by the cluster itself.
    if (upgradeProblem(spec.kubernetesVersion, kubernetesVersion) === null)
      await refuseUnoffered(deps.kubernetes, spec, kubernetesVersion);
    return { workflow: "cluster.upgrade", input: upgradeInput(clusterId, body) };
  },
  foreseen: drawing(deps, changed, (cluster) => (body.spareServers ? drawnByUpgrade(cluster) : [])),
});

const scaleRoute = (deps: ApiDependencies, door: Door): Route =>
  route(
    {
      ...shared,
      method: "post",
      path: `${clusterPath}/scale`,
      summary: "Scale a node pool",
      description:
        "The number that it has already is a success that says so. One that another field manager or an autoscaler sets is not taken over: the run ends with CONFLICT.",
      params: ClusterParams,
      body: { schema: ScaleClusterBody, example: { nodePool: "workers", nodeCount: 6 } },
      refusals: changeRefusals,
    },
    (call) =>
      startRun(
        door,
        call,
        scaling(
          deps,
          { clusterId: call.params.clusterId, place: placeOf(call.params, deps.region) },
          call.body,
        ),
      ),
  );

const upgradeRoute = (deps: ApiDependencies, door: Door): Route =>
  route(
    {
      ...shared,
      method: "post",
      path: `${clusterPath}/upgrade`,
      summary: "Upgrade Kubernetes",
      description:
        "One minor version at a time, and never back: from its pivot on the run can only go forward. Groups of machines that come from a pool have one more of its servers for that time, unless `spareServers` is false. A version that another field manager sets is not taken over: the run ends with CONFLICT.",
      params: ClusterParams,
      body: { schema: UpgradeClusterBody, example: { kubernetesVersion: "v1.35.0" } },
      refusals: changeRefusals,
    },
    (call) => {
      const place = placeOf(call.params, deps.region);
      const { clusterId } = call.params;
      return startRun(door, call, upgrading(deps, { clusterId, place }, call.body));
    },
  );

type UpdateCall = Call<
  z.output<typeof ClusterParams>,
  z.output<typeof PlanQuery>,
  UpdateClusterBody
>;

/** Protection is a matter of the record alone, so it takes effect at once. */
function protect(
  deps: ApiDependencies,
  { once, call }: { readonly once: Once; readonly call: UpdateCall },
  isProtected: boolean,
): Promise<Reply> {
  const { clusterId: id } = call.params;
  const place = placeOf(call.params, deps.region);
  const { view } = clusterSubject(deps);
  return recordChange<null>({ deps, once }, call, {
    changes: async () => {
      if ((await deps.clusters.stored(id, place)) === null) throw notThere("cluster", id);
      const facts = (state: unknown) => protection(state as ClusterState | null, id, isProtected);
      return { changes: [{ resource: { type: "cluster", id }, facts }], seen: null };
    },
    answer: (state) => ({ status: 200, headers: {}, data: view(state), meta: {} }),
  });
}

const updateRoute = (deps: ApiDependencies, door: Door): Route =>
  route(
    {
      ...shared,
      method: "patch",
      path: clusterPath,
      summary: "Change a cluster",
      description:
        "One change at a time: `nodePool` with `nodeCount` scales, `kubernetesVersion` (with `spareServers`, if wished) upgrades, each by a run; `protected` takes effect at once.",
      params: ClusterParams,
      body: { schema: UpdateClusterBody, example: { protected: true } },
      answers: {
        ...startAnswers,
        200: {
          ...startAnswers[200],
          description: `${startAnswers[200].description}. Of \`protected\`: the cluster as it now is`,
        },
      },
      refusals: changeRefusals,
    },
    async (call) => {
      const { nodePool, nodeCount, kubernetesVersion, protected: isProtected } = call.body;
      const { spareServers = true } = call.body;
      const { clusterId } = call.params;
      const place = placeOf(call.params, deps.region);
      if (isProtected !== undefined) return protect(deps, { once: door.once, call }, isProtected);
      const changed = { clusterId, place };
      if (kubernetesVersion !== undefined)
        return startRun(door, call, upgrading(deps, changed, { kubernetesVersion, spareServers }));
      if (nodePool === undefined || nodeCount === undefined)
        throw new Failure("INTERNAL_ERROR", "a checked change names its fields");
      return startRun(door, call, scaling(deps, changed, { nodePool, nodeCount }));
    },
  );

const deleteRoute = (deps: ApiDependencies, door: Door): Route =>
  route(
    {
      ...shared,
      method: "delete",
      path: clusterPath,
      summary: "Delete a cluster",
      description:
        "Refused while it is protected. Success means that it is gone, and that its servers are free again.",
      params: ClusterParams,
      refusals: changeRefusals,
    },
    (call) =>
      startRun(door, call, {
        place: placeOf(call.params, deps.region),
        wanted: async () => ({
          workflow: "cluster.delete",
          input: deleteInput(call.params.clusterId),
        }),
      }),
  );

export function clusterRunRoutes(deps: ApiDependencies, once: Once): Route[] {
  const door: Door = { ...deps, once, subject: clusterSubject(deps) };
  return [
    createRoute(deps, door),
    scaleRoute(deps, door),
    upgradeRoute(deps, door),
    updateRoute(deps, door),
    deleteRoute(deps, door),
  ];
}
