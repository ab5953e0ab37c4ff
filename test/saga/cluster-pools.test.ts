import { afterAll, beforeAll, expect, it } from "vitest";
import { backends } from "#test/backends.ts";
import { workflows } from "#workflows/registry.ts";
import { clusterOf } from "./clusters.ts";
import { objectsOf } from "./hosts.ts";
import { plotMetal } from "./metal-clusters.ts";
import { type Site, openSite } from "./site.ts";
import { Troupe } from "./troupe.ts";

/** What a pool cannot give is refused by the run, with numbers, and leaves nothing behind. */

let site: Site;
beforeAll(async () => {
  const [backend] = backends;
  if (backend === undefined) throw new Error("there is no database");
  site = await openSite(backend, 600);
}, 180_000);
afterAll(() => site.stop());

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
    by: { actor: "harness" },
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
