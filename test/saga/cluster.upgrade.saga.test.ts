import { expect } from "vitest";
import { clusterUpgrade } from "#workflows/cluster/upgrade.ts";
import {
  type ArrangedCluster,
  type Plot,
  machinesOf,
  plotCluster,
  standingCluster,
  versions,
  clusterSpeed,
} from "./clusters.ts";
import { sagaCases } from "./harness.ts";

interface Upgraded extends ArrangedCluster {
  readonly plot: Plot;
}

/** One minor version up: control plane first, then the workers. */
sagaCases<Upgraded>(clusterUpgrade, {
  labSpeed: clusterSpeed,
  async arrange(site) {
    const plot = plotCluster(site);
    await standingCluster(site, plot);
    const { id, ref, subject } = plot;
    const input = { clusterId: id, kubernetesVersion: versions[1] };
    return { id, ref, subject, plot, request: { workflow: "cluster.upgrade", input } };
  },
  async completed(site, { plot }) {
    expect(await plot.subject.view()).toMatchObject({
      state: "running",
      kubernetesVersion: versions[1],
    });
    expect(await machinesOf(site, plot)).toMatchObject({
      controlPlane: 1,
      workers: [{ name: "workers", ready: 1 }],
      versions: [versions[1]],
    });
  },
  next: (_site, { id }) => ({
    workflow: "cluster.scale",
    input: { clusterId: id, nodePool: "workers", nodeCount: 1 },
  }),
});
