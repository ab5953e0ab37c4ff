import { z } from "zod";
import { ClusterUpgradeInput } from "#contract/cluster-inputs.ts";
import { Failure } from "#contract/failures.ts";
import { nothing } from "#engine/kit.ts";
import { clusterPort, reading, refOf, workflow, writing } from "./kit.ts";
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
      const { place, kubernetesVersion, class: clusterClass, template } = resource.spec;
      const offered = await clusterPort(context).offered(place, reading(context));
      const current = offered.filter(
        (offer) =>
          offer.version === kubernetesVersion &&
          (template === null ? offer.class === clusterClass : offer.template === template),
      );
      const upgrades = [...new Set(current.flatMap((offer) => offer.upgrades))];
      if (!upgrades.includes(input.kubernetesVersion))
        throw new Failure(
          "VALIDATION_ERROR",
          upgrades.length === 0
            ? `no upgrade from ${kubernetesVersion} is offered for cluster ${resource.spec.name}`
            : `cluster ${resource.spec.name} cannot be upgraded to ${input.kubernetesVersion}; offered are ${upgrades.join(", ")}`,
          {
            details: {
              fields: { kubernetesVersion: "must be offered as an upgrade" },
              from: kubernetesVersion,
              upgrades,
            },
          },
        );
      return { before: kubernetesVersion };
    },
  })
  .step("preflight", {
    expected: "2s",
    within: "15m",
    undo: nothing("reading changes nothing"),
    run: async (context) => {
      const state = await look(context);
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
