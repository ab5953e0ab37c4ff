import { z } from "zod";
import { ClusterScaleInput } from "#contract/cluster-inputs.ts";
import { ClusterServer } from "#contract/cluster.ts";
import { Failure } from "#contract/failures.ts";
import { nothing, skip } from "#engine/kit.ts";
import { clusterPort, reading, refOf, workflow, writing } from "./kit.ts";
import { isWhole, look, waitFor } from "./look.ts";
import { returnGrowth, returnSpare, takeServers } from "./servers.ts";

/**
 * cluster.scale: changes the number of a node pool's machines.
 *
 *   validate ▶ allocate-resources ▶ apply-scale ▶ await-nodes ═ release-resources ▶ record
 *
 * Until the nodes are there, or gone, a failure sets the number back and returns what was taken. Servers that were given back
 * may be another's a moment later, so from there on the way is forward.
 */
export const clusterScale = workflow("cluster.scale", {
  version: 1,
  summary: "Changes the number of machines of a cluster's node pool.",
  input: ClusterScaleInput,
  resource: ({ input }) => ({ type: "cluster", id: input.clusterId }),
  onFailure: "undo",
})
  .step("validate", {
    expected: "2s",
    output: z.object({ before: z.number(), pool: z.string().nullable() }),
    undo: nothing("reading changes nothing"),
    run: async (context) => {
      const { input, resource } = context;
      const pool = resource.spec.nodePools.find(({ name }) => name === input.nodePool);
      if (pool === undefined)
        throw new Failure(
          "VALIDATION_ERROR",
          `cluster ${resource.spec.name} has no node pool ${input.nodePool}`,
          { details: { fields: { nodePool: "must be one of the cluster's node pools" } } },
        );
      await look(context);
      return { before: pool.nodeCount, pool: pool.pool };
    },
  })
  .step("allocate-resources", {
    expected: "1s",
    // Its undo waits until Metal3 has cleaned what was used.
    within: "1h",
    output: z.object({ servers: z.array(ClusterServer) }),
    run: async (context) => {
      const { input, prior } = context;
      const { pool, before } = prior.validate;
      if (pool === null) return skip("its machines are not drawn from a pool", { servers: [] });
      if (input.nodeCount <= before) return skip("it does not grow", { servers: [] });
      const { place } = context.resource.spec;
      const wish = { pool, group: input.nodePool, count: input.nodeCount, place };
      const servers = await takeServers(context, [{ ...wish, provisioner: "metal3" }]);
      return {
        servers: servers.map(({ server, pool: from, group }) => ({ server, pool: from, group })),
      };
    },
    undo: async (context) => {
      const { pool, before } = context.prior.validate ?? { pool: null, before: 0 };
      if (pool === null) return;
      return (
        (await returnGrowth(context, { group: context.input.nodePool, keep: before })) ?? undefined
      );
    },
  })
  .step("apply-scale", {
    expected: "2s",
    // Its undo waits until the machines that it made are gone.
    within: "1h",
    run: async (context) => {
      const { nodePool, nodeCount } = context.input;
      await clusterPort(context).scale(
        refOf(context.resource),
        { nodePool, nodeCount },
        writing(context),
      );
    },
    undo: async (context) => {
      const { prior, input, resource } = context;
      const before = prior.validate?.before;
      if (before === undefined) return;
      const { nodePool } = input;
      const port = clusterPort(context);
      // One that is gone has no number to set back.
      if ((await port.read(refOf(resource), reading(context))) === null) return;
      await port.scale(refOf(resource), { nodePool, nodeCount: before }, writing(context));
      const state = await look(context);
      const group = state.nodePools.find(({ name }) => name === nodePool);
      // The machines that are taken back must be gone before their servers are.
      return !state.observed || (group !== undefined && group.replicas > before)
        ? waitFor(context, `${nodePool} to be back at ${before}`, state)
        : undefined;
    },
  })
  .step("await-nodes", {
    expected: "4m",
    within: "60m",
    poll: { min: "2s", max: "20s" },
    undo: nothing("waiting changes nothing"),
    run: async (context) => {
      const { nodePool, nodeCount } = context.input;
      const state = await look(context);
      const group = state.nodePools.find(({ name }) => name === nodePool);
      const isDone =
        state.observed &&
        group !== undefined &&
        group.desired === nodeCount &&
        isWhole(group) &&
        !state.changing;
      return !isDone ? waitFor(context, `${nodeCount} nodes in ${nodePool}`, state) : undefined;
    },
  })
  .pivot("servers that are given back may be somebody else's at once")
  .step("release-resources", {
    expected: "5s",
    within: "60m",
    poll: { min: "5s", max: "30s" },
    run: async (context) => {
      const { input, prior } = context;
      if (prior.validate.pool === null) return skip("its machines are not drawn from a pool");
      const spare = { group: input.nodePool, keep: input.nodeCount };
      return (await returnSpare(context, spare)) ?? undefined;
    },
  })
  .step("record", {
    expected: "1s",
    run: async (context) => {
      const { input, ports, resource, run, fact } = context;
      const { nodePool, nodeCount } = input;
      await ports.allocations.confirm({ cluster: resource.id, run: run.id }, reading(context));
      fact({ type: "cluster.scaled", data: { nodePool, nodeCount } });
    },
  })
  .result(({ input, prior }) => ({
    clusterId: input.clusterId,
    nodePool: input.nodePool,
    before: prior.validate.before,
    nodeCount: input.nodeCount,
    servers: prior["allocate-resources"].servers,
  }));
