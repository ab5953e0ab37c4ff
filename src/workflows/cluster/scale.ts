import { z } from "zod";
import { ClusterScaleInput } from "#contract/cluster-inputs.ts";
import { ClusterServer } from "#contract/cluster.ts";
import { Failure } from "#contract/failures.ts";
import { pooledGroups } from "#domain/cluster/pooled-groups.ts";
import type { ClusterState as ClusterRecord } from "#domain/cluster/state.ts";
import { type ClusterState, isWhole } from "#drivers/cluster-ports.ts";
import { nothing } from "#engine/kit.ts";
import { reading, refOf, writing } from "#workflows/kubernetes.ts";
import { clusterPort, workflow } from "./kit.ts";
import { look, refusePaused, waitFor } from "./look.ts";
import { machinesIn } from "./progress.ts";
import { confirmServers, returnGrowth, returnSpares, takeServers } from "./servers.ts";

interface Scaling {
  readonly input: ClusterScaleInput;
  readonly resource: Pick<ClusterRecord, "spec">;
}

/** The node pool, as the record has it until the end, if its machines come from a pool of servers. */
const fromPool = ({ input, resource }: Scaling) =>
  pooledGroups(resource).filter(({ group }) => group === input.nodePool);

const hasNoPool = (scaling: Scaling): string | null =>
  fromPool(scaling).length === 0 ? "its machines are not drawn from a pool" : null;

const drawsNone = (scaling: Scaling): string | null => {
  const grows = fromPool(scaling).some(({ count }) => scaling.input.nodeCount > count);
  return grows ? null : (hasNoPool(scaling) ?? "it does not grow");
};

/**
 * cluster.scale: changes the number of a node pool's machines.
 *
 *   validate ▶ allocate-resources ▶ apply-scale ▶ await-nodes ═ release-resources ▶ record
 *
 * A number that somebody else sets (another field manager, an autoscaler) is refused before anything is taken. Until the nodes are
 * there, or gone, a failure sets the number back and returns what was taken. Servers that were given back may be another's a moment
 * later, so from there on the way is forward.
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
    output: z.object({ before: z.number() }),
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
      refusePaused(context, await look(context));
      const change = { nodePool: input.nodePool, nodeCount: input.nodeCount };
      await clusterPort(context).checkScale(refOf(resource), change, reading(context));
      return { before: pool.nodeCount };
    },
  })
  .step("allocate-resources", {
    skipWhen: drawsNone,
    expected: "1s",
    // Its undo waits until Metal3 has cleaned what was used.
    within: "1h",
    output: z.object({ servers: z.array(ClusterServer) }).nullable(),
    run: async (context) => {
      const { nodeCount } = context.input;
      const grown = fromPool(context).map((group) => ({ ...group, count: nodeCount }));
      const servers = await takeServers(context, grown);
      return { servers: servers.map(({ server, pool, group }) => ({ server, pool, group })) };
    },
    undo: async (context) => {
      const before = fromPool(context).map(({ group, count }) => ({ group, keep: count }));
      return (await returnGrowth(context, before)) ?? undefined;
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
      const change = { nodePool, nodeCount: before };
      try {
        await port.scale(refOf(resource), change, writing(context));
      } catch (thrown) {
        // Somebody else sets the number now, which is why it was not set or is not ours to set back; only idle servers are given back.
        if (isOthersNumber(thrown)) return;
        throw thrown;
      }
      // The machines that are taken back must be gone before their servers are.
      const isDone = ({ observed, nodePools }: ClusterState): boolean =>
        observed &&
        nodePools.every(({ name, replicas }) => name !== nodePool || replicas <= before);
      const state = await look(context, isDone);
      return isDone(state)
        ? undefined
        : waitFor(
            context,
            `${nodePool} to be back at ${before}`,
            state,
            machinesIn(state, nodePool),
          );
    },
  })
  .step("await-nodes", {
    expected: "4m",
    within: "60m",
    poll: { min: "2s", max: "20s" },
    undo: nothing("waiting changes nothing"),
    run: async (context) => {
      const { nodePool, nodeCount } = context.input;
      // Of this pool only: a broken node elsewhere is no reason to take good ones away again.
      const isDone = ({ observed, reconciled, nodePools }: ClusterState): boolean => {
        const pool = nodePools.find(({ name }) => name === nodePool);
        const isThere = pool?.desired === nodeCount && isWhole(pool) && !pool.busy;
        return observed && reconciled && isThere;
      };
      const state = await look(context, isDone);
      return isDone(state)
        ? undefined
        : waitFor(context, `${nodeCount} nodes in ${nodePool}`, state, machinesIn(state, nodePool));
    },
  })
  .pivot("servers that are given back may be somebody else's at once")
  .step("release-resources", {
    skipWhen: hasNoPool,
    expected: "5s",
    within: "60m",
    poll: { min: "5s", max: "30s" },
    run: async (context) => {
      const { input } = context;
      const spare = { group: input.nodePool, keep: input.nodeCount };
      return (await returnSpares(context, [spare])) ?? undefined;
    },
  })
  .step("record", {
    expected: "1s",
    run: async (context) => {
      const { input, fact } = context;
      const { nodePool, nodeCount } = input;
      await confirmServers(context);
      fact({ type: "cluster.scaled", data: { nodePool, nodeCount } });
    },
  })
  .result(({ input, prior }) => ({
    clusterId: input.clusterId,
    nodePool: input.nodePool,
    before: prior.validate.before,
    nodeCount: input.nodeCount,
    servers: prior["allocate-resources"]?.servers ?? [],
  }));

/** As the drivers refuse a number that another field manager, or the autoscaler, sets. */
const isOthersNumber = (thrown: unknown): boolean =>
  thrown instanceof Failure &&
  thrown.code === "CONFLICT" &&
  ["FieldManagerConflict", "autoscaled"].includes(String(thrown.details?.["reason"]));
