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
import { type ArrangedMetal, expectOwnHosts, plotMetal, standingMetal } from "./metal-clusters.ts";

interface Upgraded extends ArrangedCluster {
  readonly plot: Plot;
}

/** One minor version up: control plane first, then the workers. */
sagaCases<Upgraded>(clusterUpgrade, {
  labSpeed: clusterSpeed,
  skips: ["allocate-spares", "release-spares"],
  async arrange(site) {
    const plot = plotCluster(site);
    await standingCluster(site, plot);
    const { id, ref, subject } = plot;
    const input = { clusterId: id, kubernetesVersion: versions[1], spareServers: true };
    return { id, ref, subject, plot, request: { workflow: "cluster.upgrade", input } };
  },
  async completed(site, { plot }) {
    expect(await plot.subject.view()).toMatchObject({
      state: "running",
      kubernetesVersion: versions[1],
    });
    expect(await machinesOf(site, plot)).toMatchObject({
      controlPlane: 1,
      workers: [{ name: "workers", available: 1 }],
      versions: [versions[1]],
    });
  },
  next: (_site, { id }) => ({
    workflow: "cluster.scale",
    input: { clusterId: id, nodePool: "workers", nodeCount: 1 },
  }),
});

/** With servers of a pool: each group has one more while it is upgraded, and gives one back once it is clean. */
sagaCases<ArrangedMetal>(clusterUpgrade, {
  title: "on servers",
  labSpeed: clusterSpeed,
  steps: ["allocate-spares", "release-spares"],
  async arrange(site) {
    const plot = await plotMetal(site, { workers: 1, poolSize: 4 });
    await standingMetal(site, plot);
    const { id, ref, subject } = plot;
    const input = { clusterId: id, kubernetesVersion: versions[1], spareServers: true };
    return { id, ref, subject, plot, request: { workflow: "cluster.upgrade", input } };
  },
  async completed(site, { plot }) {
    expect(await plot.subject.view()).toMatchObject({ kubernetesVersion: versions[1] });
    await expectOwnHosts(site, plot, { workers: 1 });
  },
  next: (_site, { id }) => ({
    workflow: "cluster.scale",
    input: { clusterId: id, nodePool: "workers", nodeCount: 1 },
  }),
});
