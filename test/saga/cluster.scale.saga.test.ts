import { expect } from "vitest";
import { clusterScale } from "#workflows/cluster/scale.ts";
import {
  type ArrangedCluster,
  type Plot,
  machinesOf,
  plotCluster,
  standingCluster,
  clusterSpeed,
} from "./clusters.ts";
import { type Arrangement, sagaCases } from "./harness.ts";
import { type ArrangedMetal, expectOwnHosts, plotMetal, standingMetal } from "./metal-clusters.ts";

/** Growing and shrinking a node pool. What fails sets the number back, and the machines follow. */

interface Scaled extends ArrangedCluster {
  readonly plot: Plot;
}

const scaling = (from: number, to: number): Arrangement<Scaled> => ({
  title: `from ${from} to ${to}`,
  skips: ["allocate-resources", "release-resources"],
  labSpeed: clusterSpeed,
  async arrange(site) {
    const plot = plotCluster(site, {
      nodePools: [{ name: "workers", nodeCount: from, pool: null }],
    });
    await standingCluster(site, plot);
    const { id, ref, subject } = plot;
    const input = { clusterId: id, nodePool: "workers", nodeCount: to };
    return { id, ref, subject, plot, request: { workflow: "cluster.scale", input } };
  },
  async completed(site, { plot }) {
    expect(await plot.subject.view()).toMatchObject({
      state: "running",
      nodePools: [{ name: "workers", nodeCount: to }],
    });
    expect(await machinesOf(site, plot)).toMatchObject({
      workers: [{ name: "workers", available: to }],
    });
  },
  next: (_site, { id }) => ({
    workflow: "cluster.scale",
    input: { clusterId: id, nodePool: "workers", nodeCount: to },
  }),
});

sagaCases(clusterScale, scaling(1, 2));
sagaCases(clusterScale, { ...scaling(2, 1), steps: ["apply-scale"] });

/** With servers of a pool: growing draws one more, shrinking gives one back, once it is clean. */
const scalingMetal = (from: number, to: number): Arrangement<ArrangedMetal> => ({
  title: `from ${from} to ${to} servers`,
  skips: to > from ? [] : ["allocate-resources"],
  async arrange(site) {
    const plot = await plotMetal(site, { workers: from, poolSize: 1 + Math.max(from, to) });
    await standingMetal(site, plot);
    const { id, ref, subject } = plot;
    const input = { clusterId: id, nodePool: "workers", nodeCount: to };
    return { id, ref, subject, plot, request: { workflow: "cluster.scale", input } };
  },
  completed: (site, { plot }) => expectOwnHosts(site, plot, { workers: to }),
  next: (_site, { id }) => ({
    workflow: "cluster.scale",
    input: { clusterId: id, nodePool: "workers", nodeCount: to },
  }),
});

sagaCases(clusterScale, { ...scalingMetal(1, 2), steps: ["allocate-resources"] });
sagaCases(clusterScale, { ...scalingMetal(2, 1), steps: ["release-resources"] });
