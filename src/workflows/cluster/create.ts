import { z } from "zod";
import { ClusterServer } from "#contract/cluster.ts";
import { ClusterCreateInput } from "#contract/cluster-inputs.ts";
import { SecretId } from "#contract/ids.ts";
import { pooledGroups } from "#domain/cluster/pooled-groups.ts";
import { type ClusterState, isWhole } from "#drivers/cluster-ports.ts";
import { nothing, wait } from "#engine/kit.ts";
import { reading, refOf, writing } from "#workflows/kubernetes.ts";
import { clusterPort, wantedOf, workflow } from "./kit.ts";
import { look, waitFor } from "./look.ts";
import { availableMachines } from "./progress.ts";
import { allOfThem, confirmServers, hasNoPools, returnSpares, takeServers } from "./servers.ts";

/**
 * cluster.create: builds a Kubernetes cluster on the management cluster, from servers of pools where it asks for some.
 *
 *   validate ▶ create-record ▶ allocate-resources ▶ apply-cluster ▶ await-infrastructure ▶ await-control-plane ▶ await-workers
 *     ▶ store-kubeconfig ▶ record
 *
 * There is no pivot: a create that fails at any step leaves no object, no allocation and no record. Taking the objects back
 * means to wait until they are gone, because the machines behind them are somebody's money.
 */
export const clusterCreate = workflow("cluster.create", {
  version: 1,
  summary: "Builds a Kubernetes cluster, from servers of pools where it asks for some.",
  input: ClusterCreateInput,
  resource: ({ input }) => ({ type: "cluster", id: input.clusterId }),
  onFailure: ({ input }) => input.onFailure,
})
  .step("validate", {
    expected: "2s",
    undo: nothing("reading changes nothing"),
    run: (context) =>
      clusterPort(context).check(
        refOf(context.resource),
        wantedOf(context.resource),
        reading(context),
      ),
  })
  .step("create-record", {
    expected: "1s",
    // The record was written with the request, which took its name; this is where it is taken back.
    run: async () => undefined,
    undo: async ({ fact }) => fact({ type: "cluster.creation_undone", data: {} }),
  })
  .step("allocate-resources", {
    skipWhen: hasNoPools,
    expected: "1s",
    // Its undo waits until Metal3 has cleaned what was used.
    within: "1h",
    output: z.object({ servers: z.array(ClusterServer) }).nullable(),
    run: async (context) => {
      const servers = await takeServers(context, pooledGroups(context.resource));
      return { servers: servers.map(publicServer) };
    },
    undo: async (context) => (await returnSpares(context, allOfThem)) ?? undefined,
  })
  .step("apply-cluster", {
    expected: "2s",
    // Its undo waits until every machine is gone.
    within: "1h",
    run: async (context) => {
      const { resource } = context;
      await clusterPort(context).create(refOf(resource), wantedOf(resource), writing(context));
    },
    undo: async (context) => {
      const asked = await clusterPort(context).delete(refOf(context.resource), writing(context));
      return asked === "asked" ? wait("waiting until the cluster's objects are gone") : undefined;
    },
  })
  .step("await-infrastructure", {
    expected: "1m",
    within: "30m",
    poll: { min: "3s", max: "1m" },
    undo: nothing("waiting changes nothing"),
    run: async (context) => {
      const isDone = (seen: ClusterState) => seen.observed && seen.infrastructureReady;
      const state = await look(context, isDone);
      return isDone(state) ? undefined : waitFor(context, "the infrastructure", state);
    },
  })
  .step("await-control-plane", {
    expected: "5m",
    within: "45m",
    poll: { min: "5s", max: "1m" },
    undo: nothing("waiting changes nothing"),
    run: async (context) => {
      const isDone = (seen: ClusterState) =>
        seen.observed && seen.controlPlaneInitialized && seen.controlPlaneAvailable;
      const state = await look(context, isDone);
      return isDone(state)
        ? undefined
        : waitFor(context, "the control plane", state, availableMachines(state));
    },
  })
  .step("await-workers", {
    expected: "4m",
    within: "60m",
    poll: { min: "5s", max: "1m" },
    output: z.object({ endpoint: z.string().nullable() }),
    undo: nothing("waiting changes nothing"),
    run: async (context) => {
      const isDone = (seen: ClusterState) =>
        seen.observed && seen.settled && seen.nodePools.every(isWhole);
      const state = await look(context, isDone);
      return isDone(state)
        ? { endpoint: state.endpoint }
        : waitFor(context, "the workers", state, availableMachines(state));
    },
  })
  .step("store-kubeconfig", {
    expected: "2s",
    output: z.object({ secret: SecretId }),
    run: async (context) => {
      const { ports, resource, fact } = context;
      const text = await clusterPort(context).kubeconfig(refOf(resource), reading(context));
      if (text === null) return wait("waiting for the cluster's kubeconfig");
      const secret = await ports.secrets.keep({ owner: resource.id, name: "kubeconfig" }, text);
      if (resource.kubeconfig !== secret)
        fact({ type: "cluster.kubeconfig_stored", data: { secret } });
      return { secret };
    },
    undo: async ({ ports, resource, output, fact }) => {
      const secret = output?.secret ?? resource.kubeconfig;
      // One that was kept by a step that died before it could tell goes with its owner, the record.
      if (secret !== null) await ports.secrets.forget(secret);
      if (resource.kubeconfig !== null) fact({ type: "cluster.kubeconfig_removed", data: {} });
    },
  })
  .step("record", {
    expected: "1s",
    undo: nothing("the record goes with the step that made it"),
    run: async (context) => {
      const { prior, fact } = context;
      await confirmServers(context);
      fact({
        type: "cluster.created",
        data: { endpoint: prior["await-workers"].endpoint },
      });
    },
  })
  .result(({ input, prior }) => ({
    clusterId: input.clusterId,
    kubernetesVersion: input.spec.kubernetesVersion,
    endpoint: prior["await-workers"].endpoint,
    servers: prior["allocate-resources"]?.servers ?? [],
  }));

const publicServer = ({ server, pool, group }: ClusterServer): ClusterServer => ({
  server,
  pool,
  group,
});
