import { z } from "zod";
import { ClusterUpgradeInput } from "#contract/cluster-inputs.ts";
import { Failure } from "#contract/failures.ts";
import type { ClusterState } from "#drivers/cluster-ports.ts";
import { nothing } from "#engine/kit.ts";
import { type ClusterContext, clusterPort, reading, refOf, workflow, writing } from "./kit.ts";
import { isAt, isWhole, look, waitFor } from "./look.ts";

/**
 * cluster.upgrade: brings a cluster to another Kubernetes version, control plane first.
 *
 *   validate ▶ preflight ═ apply-version ▶ await-control-plane ▶ await-workers ▶ record
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
      if (!isAskedFor(await look(context), input)) await refuseUnoffered(context);
      return { before: resource.spec.kubernetesVersion };
    },
  })
  .step("preflight", {
    expected: "2s",
    within: "15m",
    undo: nothing("reading changes nothing"),
    run: async (context) => {
      const state = await look(context);
      if (isAskedFor(state, context.input)) return;
      const isWell =
        state.observed &&
        state.settled &&
        !state.changing &&
        [state.controlPlane, ...state.nodePools].every(isWhole);
      return !isWell
        ? waitFor(context, "the cluster to be whole and at rest before it is upgraded", state)
        : undefined;
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
      const state = await look(context);
      return !state.observed || !isAt(state.controlPlane, kubernetesVersion)
        ? waitFor(context, `the control plane to be at ${kubernetesVersion}`, state)
        : undefined;
    },
  })
  .step("await-workers", {
    expected: "12m",
    within: "4h",
    poll: { min: "2s", max: "30s" },
    run: async (context) => {
      const { kubernetesVersion } = context.input;
      const state = await look(context);
      const isDone =
        state.observed &&
        state.settled &&
        !state.changing &&
        state.nodePools.every((group) => isAt(group, kubernetesVersion));
      return !isDone
        ? waitFor(context, `the workers to be at ${kubernetesVersion}`, state)
        : undefined;
    },
  })
  .step("record", {
    expected: "1s",
    run: async ({ input, prior, fact }) => {
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
  const own = offered.filter((offer) =>
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
