import { expect } from "vitest";
import { backends } from "#test/backends.ts";
import { clusterCreate } from "#workflows/cluster/create.ts";
import {
  type ArrangedCluster,
  type Plot,
  clusterOf,
  machinesOf,
  plotCluster,
  clusterSpeed,
} from "./clusters.ts";
import { type Arrangement, sagaCases } from "./harness.ts";
import { type ArrangedMetal, expectOwnHosts, plotMetal } from "./metal-clusters.ts";
import type { Site } from "./site.ts";

/** Building a cluster of virtual machines. What fails leaves no object, no secret and no record behind. */

interface Created extends ArrangedCluster {
  readonly plot: Plot;
}

const creation = (driver: "cluster-api" | "k0rdent"): Arrangement<Created> => ({
  title: `by ${driver}`,
  skips: ["allocate-resources"],
  labSpeed: clusterSpeed,
  async arrange(site) {
    const plot = plotCluster(site, driver === "k0rdent" ? fromTemplate : {});
    const { id, ref, spec, subject } = plot;
    const input = { clusterId: id, region: "local", project: "default", spec, onFailure: "undo" };
    return {
      id,
      ref,
      subject,
      plot,
      request: { workflow: "cluster.create", input, facts: [] },
    };
  },
  async completed(site, { id, plot }) {
    expect(await plot.subject.view()).toMatchObject({ state: "running", hasKubeconfig: true });
    expect(await machinesOf(site, plot)).toMatchObject({ controlPlane: 1 });
    const cluster = await clusterOf(site, id);
    expect(await site.front.secrets.reveal(cluster!.kubeconfig!)).toContain("kind: Config");
    const made = (await plot.subject.effects()).filter(({ action }) => action === "node-joined");
    expect(made.length).toBeGreaterThan(0);
    expect(new Set(made.map(({ target }) => target)).size).toBe(made.length);
  },
  next: (_site: Site, { id }) => ({
    workflow: "cluster.scale",
    input: {
      clusterId: id,
      nodePool: driver === "k0rdent" ? "workers" : "workers",
      nodeCount: 1,
    },
  }),
});

const fromTemplate = {
  driver: "k0rdent",
  class: null,
  template: "lab-standalone-cp-1-0-0",
  credential: "lab-credential",
} as const;

sagaCases(clusterCreate, creation("cluster-api"), backends);

/** The other driver, in the steps that it has a part in. */
sagaCases(clusterCreate, {
  ...creation("k0rdent"),
  steps: ["validate", "apply-cluster", "await-control-plane"],
});

/** Of servers under Metal3: what fails gives them back, and none is found by another cluster's machines. */
sagaCases<ArrangedMetal>(clusterCreate, {
  title: "from a pool of servers",
  steps: ["allocate-resources", "apply-cluster"],
  async arrange(site) {
    const plot = await plotMetal(site, { workers: 1, poolSize: 2 });
    const { id, ref, spec, subject } = plot;
    const input = { clusterId: id, region: "local", project: "default", spec, onFailure: "undo" };
    return { id, ref, subject, plot, request: { workflow: "cluster.create", input, facts: [] } };
  },
  async completed(site, { plot }) {
    expect(await plot.subject.view()).toMatchObject({ state: "running", hasKubeconfig: true });
    await expectOwnHosts(site, plot, { workers: 1 });
  },
  next: (_site, { id }) => ({
    workflow: "cluster.scale",
    input: { clusterId: id, nodePool: "workers", nodeCount: 1 },
  }),
});
