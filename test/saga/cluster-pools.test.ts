import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Failure } from "#contract/failures.ts";
import { backends } from "#test/backends.ts";
import { workflows } from "#workflows/registry.ts";
import { clusterOf, clusterSpeed, versions } from "./clusters.ts";
import { objectsOf, writing } from "./hosts.ts";
import { type MetalPlot, expectOwnHosts, plotMetal, standingMetal } from "./metal-clusters.ts";
import { type Site, openSite } from "./site.ts";
import { Troupe } from "./troupe.ts";

/** What a pool cannot give is refused by the run, with numbers, and leaves nothing behind; what a run has left is not taken twice. */

let site: Site;
beforeAll(async () => {
  const [backend] = backends;
  if (backend === undefined) throw new Error("there is no database");
  site = await openSite(backend, clusterSpeed);
}, 180_000);
afterAll(() => site.stop());

const by = { actor: "harness" };

it("a pool that is too small is left as it was", { timeout: 120_000 }, async () => {
  const plot = await plotMetal(site, { workers: 2, poolSize: 2 });
  const { id, spec, pool, servers } = plot;
  const troupe = new Troupe(site, "pools", workflows);
  await troupe.begin();
  const before = await plot.subject.world();
  const { run } = await troupe.engine.start({
    workflow: "cluster.create",
    input: { clusterId: id, region: "local", project: "default", spec, onFailure: "undo" },
    facts: [],
    project: "default",
    source: "arc",
    by,
  });
  const { status, cleanup, error } = await site.ended(run.id);
  await troupe.end();
  expect({ status, cleanup, error }).toMatchObject({
    status: "failed",
    cleanup: "complete",
    error: {
      code: "POOL_CAPACITY_EXCEEDED",
      step: "allocate-resources",
      details: { pool, needed: 3, free: 2, total: 2 },
    },
  });
  expect(await clusterOf(site, id)).toBeNull();
  expect(await plot.subject.world()).toEqual(before);
  for (const server of servers) {
    const { host } = await objectsOf(site, server);
    expect(host?.metadata.labels).not.toHaveProperty(["millwright.dev/cluster"]);
    expect(await site.view(server)).toMatchObject({ allocation: null });
  }
});

describe("an upgrade of servers", () => {
  const upgrade = async (troupe: Troupe, { id }: MetalPlot, spareServers = true) => {
    const { run } = await troupe.engine.start({
      workflow: "cluster.upgrade",
      input: { clusterId: id, kubernetesVersion: versions[1], spareServers },
      project: "default",
      source: "arc",
      by,
    });
    return site.ended(run.id);
  };

  it("without one to spare for each group is refused", { timeout: 120_000 }, async () => {
    const plot = await plotMetal(site, { workers: 1, poolSize: 3 });
    await standingMetal(site, plot);
    const troupe = new Troupe(site, "no-spares", workflows);
    await troupe.begin();
    const before = { world: await plot.subject.world(), view: await plot.subject.view() };
    const { status, cleanup, attention, error } = await upgrade(troupe, plot);
    await troupe.end();
    expect({ status, cleanup, attention, error }).toMatchObject({
      status: "failed",
      cleanup: "complete",
      attention: null,
      error: {
        code: "POOL_CAPACITY_EXCEEDED",
        message: expect.stringContaining('"spareServers": false'),
        step: "allocate-spares",
        details: { pool: plot.pool, needed: 2, free: 1, total: 3 },
      },
    });
    expect({ world: await plot.subject.world(), view: await plot.subject.view() }).toEqual(before);
  });

  it("that was given up leaves its spares to the next", { timeout: 120_000 }, async () => {
    const plot = await plotMetal(site, { workers: 1, poolSize: 4 });
    await standingMetal(site, plot);
    const stuck = workflows.map((workflow) => ({
      ...workflow,
      steps: workflow.steps.map((step) =>
        step.name === "await-control-plane" && workflow.type === "cluster.upgrade"
          ? { ...step, run: () => Promise.reject(new Failure("STEP_TIMEOUT", "given up on")) }
          : step,
      ),
    }));
    const troupe = new Troupe(site, "given-up", stuck);
    await troupe.begin();
    const failed = await upgrade(troupe, plot);
    expect(failed).toMatchObject({ status: "failed", attention: { step: "await-control-plane" } });
    await troupe.engine.abandon({ run: failed.id, by: { ...by, reason: "nobody waits for it" } });
    const { servers = [] } = (await clusterOf(site, plot.id)) ?? {};
    const groups = servers.map(({ group }) => group).toSorted();
    expect(groups).toEqual(["control-plane", "control-plane", "workers", "workers"]);

    await troupe.goOnWith(workflows);
    // The pool has no more, so a second spare server would be refused.
    const { status, error } = await upgrade(troupe, plot);
    await troupe.end();
    expect({ status, error }).toEqual({ status: "completed", error: null });
    await expectOwnHosts(site, plot, { workers: 1 });
  });
});
it(
  "hosts that a cluster of before has left its mark on are taken over",
  { timeout: 240_000 },
  async () => {
    const plot = await plotMetal(site, { workers: 1, poolSize: 2 });
    const { id, ref, spec, servers } = plot;
    const former = { ...ref, id: site.ids.make("cls"), name: "former" };
    const left = servers.map((server) => ({
      server,
      pool: site.ids.pool(),
      group: "workers",
      takenBy: writing().run,
    }));
    await site.front.ports.hostPool.assign(former, left, writing());
    const troupe = new Troupe(site, "marks", workflows);
    await troupe.begin();
    const { run } = await troupe.engine.start({
      workflow: "cluster.create",
      input: { clusterId: id, region: "local", project: "default", spec, onFailure: "undo" },
      facts: [],
      project: "default",
      source: "arc",
      by: { actor: "harness" },
    });
    const { status, error } = await site.ended(run.id);
    await troupe.end();
    expect({ status, error }).toEqual({ status: "completed", error: null });
    await expectOwnHosts(site, plot, { workers: 1 });
  },
);
