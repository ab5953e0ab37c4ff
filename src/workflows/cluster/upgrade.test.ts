import { describe, expect, it } from "vitest";
import { clusterId, spec } from "#domain/cluster/testing/story.ts";
import type { OfferedVersion } from "#drivers/cluster-ports.ts";
import { clusterUpgrade } from "./upgrade.ts";

const from = spec.kubernetesVersion;
const target = "v1.35.0";
const offer = (listed: boolean, upgrades: readonly string[] = []): OfferedVersion => ({
  version: from,
  class: spec.class,
  template: null,
  upgrades,
  listed,
});

/** Plays a step on a cluster whose wish is at `version`, in the middle of a roll-out. */
const play = (name: string, version: string, offered: readonly OfferedVersion[]): unknown => {
  const step = clusterUpgrade.steps.find((each) => each.name === name)!;
  const group = { desired: 1, replicas: 2, ready: 1, upToDate: 1, versions: [] };
  const state = {
    kubernetesVersion: version,
    observed: true,
    settled: false,
    changing: true,
    controlPlane: group,
    nodePools: [],
    summary: "rolling out",
    problems: [],
  };
  const context = {
    input: { clusterId, kubernetesVersion: target },
    resource: { id: clusterId, spec, problems: [] },
    ports: {
      clusters: { "cluster-api": { read: async () => state, offered: async () => offered } },
    },
    fact: () => undefined,
    now: () => 0,
    pace: 1,
  };
  return step.run(context as unknown as Parameters<typeof step.run>[0]);
};

describe("the version of an upgrade", () => {
  it("is one that the class lists after the present one", async () => {
    expect(await play("validate", from, [offer(true, [target])])).toEqual({ before: from });
    await expect(play("validate", from, [offer(true, ["v1.34.9"])])).rejects.toMatchObject({
      code: "VALIDATION_ERROR",
      details: { upgrades: ["v1.34.9"] },
    });
    await expect(play("validate", from, [])).rejects.toMatchObject({ code: "VALIDATION_ERROR" });
  });

  it("is the API server's to judge when the class lists none", async () => {
    expect(await play("validate", from, [offer(false)])).toEqual({ before: from });
    const other = { ...offer(false), class: "another" };
    await expect(play("validate", from, [other])).rejects.toMatchObject({
      code: "VALIDATION_ERROR",
    });
  });

  it("is that of an upgrade that failed half-way, which goes on without a rest", async () => {
    expect(await play("validate", target, [])).toEqual({ before: from });
    expect(await play("preflight", target, [])).toBeUndefined();
    expect(await play("preflight", from, [])).toMatchObject({ kind: "wait" });
  });
});
