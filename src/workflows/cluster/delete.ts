import { ClusterDeleteInput } from "#contract/cluster-inputs.ts";
import { nothing } from "#engine/kit.ts";
import { lookUnlessAway, reading, refOf, writing } from "#workflows/kubernetes.ts";
import { clusterPort, workflow } from "./kit.ts";
import { standing, tellProblems, waitFor } from "./look.ts";
import { allOfThem, returnSpares } from "./servers.ts";

/**
 * cluster.delete: takes a cluster away, machines and all.
 *
 *   validate ═ delete-cluster ▶ await-gone ▶ release-resources ▶ record
 *
 * It has succeeded when the cluster is gone, not when it was asked to go. Its servers come back once their hosts are clean.
 */
export const clusterDelete = workflow("cluster.delete", {
  version: 1,
  summary: "Deletes a cluster and gives its servers back.",
  input: ClusterDeleteInput,
  resource: ({ input }) => ({ type: "cluster", id: input.clusterId }),
  onFailure: "undo",
})
  .step("validate", {
    expected: "2s",
    within: "10m",
    undo: nothing("reading changes nothing"),
    run: async (context) => {
      // Whose object it is must be known before the pivot; that it is gone already is no reason to refuse.
      const { wait } = await lookUnlessAway(context, () =>
        clusterPort(context).read(refOf(context.resource), reading(context)),
      );
      return wait;
    },
  })
  .pivot("a deletion cannot be called back: what it has taken away is gone")
  .step("delete-cluster", {
    expected: "2s",
    run: async (context) => {
      await clusterPort(context).delete(refOf(context.resource), writing(context));
    },
  })
  .step("await-gone", {
    expected: "3m",
    within: "2h",
    poll: { min: "2s", max: "30s" },
    run: async (context) => {
      const { resource } = context;
      const state = await clusterPort(context).read(refOf(resource), reading(context));
      if (state === null) return;
      // It was restored from a backup, or made anew: what does not go by itself is asked again.
      if (!state.deleting) await clusterPort(context).delete(refOf(resource), writing(context));
      tellProblems(context, standing(context, state.problems), false);
      return waitFor(context, "the cluster to be gone", state);
    },
  })
  .step("release-resources", {
    expected: "5s",
    within: "2h",
    poll: { min: "5s", max: "30s" },
    run: async (context) => (await returnSpares(context, allOfThem)) ?? undefined,
  })
  .step("record", {
    expected: "1s",
    run: async ({ fact }) => fact({ type: "cluster.deleted", data: {} }),
  })
  .result(({ input }) => ({ clusterId: input.clusterId }));
