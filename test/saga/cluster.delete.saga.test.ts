import { expect } from "vitest";
import { clusterDelete } from "#workflows/cluster/delete.ts";
import {
  type ArrangedCluster,
  type Plot,
  plotCluster,
  standingCluster,
  clusterSpeed,
} from "./clusters.ts";
import { sagaCases } from "./harness.ts";
import { objectsOf } from "./hosts.ts";
import { type ArrangedMetal, plotMetal, standingMetal } from "./metal-clusters.ts";

interface Deleted extends ArrangedCluster {
  readonly plot: Plot;
}

/** Taking a cluster away. Afterwards its name is free. */
sagaCases<Deleted>(clusterDelete, {
  labSpeed: clusterSpeed,
  async arrange(site) {
    const plot = plotCluster(site);
    await standingCluster(site, plot);
    const { id, ref, subject } = plot;
    const request = { workflow: "cluster.delete", input: { clusterId: id } } as const;
    return { id, ref, subject, plot, request };
  },
  async completed(site, { id, plot }) {
    expect(await plot.subject.view()).toMatchObject({ state: "deleted" });
    expect(await plot.subject.world()).toEqual({ kinds: {}, topology: null, allocated: [] });
    expect(await site.database.query("select id from secrets where owner = $1", [id])).toEqual([]);
  },
  next(site, { plot }) {
    const id = site.ids.cluster();
    const { spec } = plot;
    const input = { clusterId: id, region: "local", project: "default", spec, onFailure: "undo" };
    return { workflow: "cluster.create", input, facts: [] };
  },
});

/** With servers of a pool, which are free again afterwards, and nothing is on them. */
sagaCases<ArrangedMetal>(clusterDelete, {
  title: "with servers of a pool",
  steps: ["release-resources"],
  async arrange(site) {
    const plot = await plotMetal(site, { workers: 1, poolSize: 2 });
    await standingMetal(site, plot);
    const { id, ref, subject } = plot;
    const request = { workflow: "cluster.delete", input: { clusterId: id } } as const;
    return { id, ref, subject, plot, request };
  },
  async completed(site, { plot }) {
    expect(await plot.subject.view()).toMatchObject({ state: "deleted" });
    for (const id of plot.servers) {
      const { host } = await objectsOf(site, id);
      expect(host?.metadata.labels).not.toHaveProperty(["millwright.dev/cluster"]);
      expect(host?.spec["consumerRef"]).toBeUndefined();
      expect(host?.status.provisioning).toEqual({ state: "available", image: { url: "" } });
      expect(await site.view(id)).toMatchObject({ state: "available", allocation: null });
    }
  },
  next(site, { plot }) {
    const id = site.ids.cluster();
    const { spec } = plot;
    const input = { clusterId: id, region: "local", project: "default", spec, onFailure: "undo" };
    return { workflow: "cluster.create", input, facts: [] };
  },
});
