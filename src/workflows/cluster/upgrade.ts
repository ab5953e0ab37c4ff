import { z } from "zod";
import { ClusterUpgradeInput } from "#contract/cluster-inputs.ts";
import { Failure } from "#contract/failures.ts";
import { type ClusterState, isWhole } from "#drivers/cluster-ports.ts";
import { nothing } from "#engine/kit.ts";
import { reading, refOf, writing } from "#workflows/kubernetes.ts";
import { type ClusterContext, clusterPort, workflow } from "./kit.ts";
import { isAt, look, refusePaused, waitFor } from "./look.ts";
import { availableMachines, upgradedMachines } from "./progress.ts";
import { confirmServers, hasNoPools } from "./servers.ts";
import { giveSparesBack, takeSpares, undoSpares, wantsNoSpares } from "./spares.ts";

/**
 * cluster.upgrade: brings a cluster to another Kubernetes version, control plane first. Groups of machines that come from pools
 * have one server more while that lasts. A version that another field manager sets is refused before anything is taken.
 *
 *   validate ▶ preflight ▶ allocate-spares ═ apply-version ▶ await-control-plane ▶ await-workers ▶ release-spares ▶ record
 *
 * What a run that was given up past the pivot has left of them is the cluster's, until the next upgrade, scaling or deletion.
 */
export const clusterUpgrade = workflow("cluster.upgrade", {
  version: 1,
  summary: "Brings a cluster to another Kubernetes version.",
  input: ClusterUpgradeInput,
  resource: ({ input }) => ({ type: "cluster", id: input.clusterId }),
  onFailure: "undo",
})
  .step("validate", {
    expected: "2s",
    output: z.object({ before: z.string() }),
    undo: nothing("reading changes nothing"),
    run: async (context) => {
      const { input, resource } = context;
      const state = await look(context);
      refusePaused(context, state);
      if (!isAskedFor(state, input)) {
        await refuseUnoffered(context);
        const { kubernetesVersion } = input;
        await clusterPort(context).checkUpgrade(
          refOf(resource),
          kubernetesVersion,
          reading(context),
        );
      }
      return { before: resource.spec.kubernetesVersion };
    },
  })
  .step("preflight", {
    expected: "2s",
    within: "15m",
    undo: nothing("reading changes nothing"),
    run: async (context) => {
      const isDone = (seen: ClusterState): boolean =>
        isAskedFor(seen, context.input) ||
        (seen.observed &&
          seen.settled &&
          !seen.changing &&
          [seen.controlPlane, ...seen.nodePools].every(isWhole));
      const state = await look(context, isDone);
      return isDone(state)
        ? undefined
        : waitFor(
            context,
            "the cluster to be whole and at rest before it is upgraded",
            state,
            availableMachines(state),
          );
    },
  })
  .step("allocate-spares", {
    skipWhen: wantsNoSpares,
    expected: "1s",
    run: takeSpares,
    undo: async (context) => {
      const { resource, input } = context;
      const state = await clusterPort(context).read(refOf(resource), reading(context));
      // An upgrade that failed half-way goes on without us, and may be waiting for just this server.
      if (state !== null && isAskedFor(state, input)) return;
      return (await undoSpares(context)) ?? undefined;
    },
  })
  .pivot("control planes cannot be downgraded")
  .step("apply-version", {
    expected: "2s",
    output: z.object({ template: z.string().nullable() }),
    run: async (context) => {
      const { kubernetesVersion } = context.input;
      const { template } = await clusterPort(context).upgrade(
        refOf(context.resource),
        kubernetesVersion,
        writing(context),
      );
      return { template };
    },
  })
  .step("await-control-plane", {
    expected: "12m",
    within: "2h",
    poll: { min: "2s", max: "30s" },
    run: async (context) => {
      const { kubernetesVersion } = context.input;
      const isDone = (seen: ClusterState) =>
        seen.observed && isAt(seen.controlPlane, kubernetesVersion);
      const state = await look(context, isDone);
      return isDone(state)
        ? undefined
        : waitFor(
            context,
            `the control plane to be at ${kubernetesVersion}`,
            state,
            upgradedMachines(state, kubernetesVersion),
          );
    },
  })
  .step("await-workers", {
    expected: "12m",
    within: "4h",
    poll: { min: "2s", max: "30s" },
    run: async (context) => {
      const { kubernetesVersion } = context.input;
      const isDone = (seen: ClusterState) =>
        seen.observed &&
        seen.settled &&
        !seen.changing &&
        seen.nodePools.every((group) => isAt(group, kubernetesVersion));
      const state = await look(context, isDone);
      return isDone(state)
        ? undefined
        : waitFor(
            context,
            `the workers to be at ${kubernetesVersion}`,
            state,
            upgradedMachines(state, kubernetesVersion),
          );
    },
  })
  .step("release-spares", {
    skipWhen: hasNoPools,
    expected: "5s",
    within: "60m",
    poll: { min: "5s", max: "30s" },
    run: async (context) => (await giveSparesBack(context)) ?? undefined,
  })
  .step("record", {
    expected: "1s",
    run: async (context) => {
      const { input, prior, fact } = context;
      await confirmServers(context);
      const { template } = prior["apply-version"];
      fact({
        type: "cluster.upgraded",
        data: { kubernetesVersion: input.kubernetesVersion, template },
      });
    },
  })
  .result(({ input, prior }) => ({
    clusterId: input.clusterId,
    before: prior.validate.before,
    kubernetesVersion: input.kubernetesVersion,
  }));

/** An upgrade that failed half-way has left the wish behind: the cluster is on its way there, and there is no other. */
const isAskedFor = ({ kubernetesVersion }: ClusterState, wanted: ClusterUpgradeInput): boolean =>
  kubernetesVersion === wanted.kubernetesVersion;

async function refuseUnoffered(
  context: ClusterContext & { readonly input: ClusterUpgradeInput },
): Promise<void> {
  const { input, resource } = context;
  const { name, place, kubernetesVersion, class: clusterClass, template } = resource.spec;
  const offered = await clusterPort(context).offered(place, reading(context));
  const own = (offered?.versions ?? []).filter((offer) =>
    template === null ? offer.class === clusterClass : offer.template === template,
  );
  // That it may follow the present version was judged when the run was accepted; the rest is the API server's to say.
  if (own.some(({ listed }) => !listed)) return;
  const current = own.filter(({ version }) => version === kubernetesVersion);
  const upgrades = [...new Set(current.flatMap((offer) => offer.upgrades))];
  if (upgrades.includes(input.kubernetesVersion)) return;
  throw new Failure(
    "VALIDATION_ERROR",
    upgrades.length === 0
      ? `no upgrade from ${kubernetesVersion} is offered for cluster ${name}`
      : `cluster ${name} cannot be upgraded to ${input.kubernetesVersion}; offered are ${upgrades.join(", ")}`,
    {
      details: {
        fields: { kubernetesVersion: "must be offered as an upgrade" },
        from: kubernetesVersion,
        upgrades,
      },
    },
  );
}
