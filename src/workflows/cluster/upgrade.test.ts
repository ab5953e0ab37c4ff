import { describe, expect, it } from "vitest";
import { Failure } from "#contract/failures.ts";
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

const group = { desired: 1, replicas: 2, available: 1, upToDate: 1, versions: [] };

interface Played {
  readonly checkUpgrade?: () => Promise<void>;
  readonly seen?: object;
}

/** Plays a step on a cluster whose wish is at `version`, in the middle of a roll-out. */
const play = (
  name: string,
  version: string,
  versions: readonly OfferedVersion[],
  { checkUpgrade = async () => undefined, seen = {} }: Played = {},
): unknown => {
  const offered = { versions, classes: [spec.class], anyHost: [] };
  const step = clusterUpgrade.steps.find((each) => each.name === name)!;
  const state = {
    kubernetesVersion: version,
    observed: true,
    settled: false,
    changing: true,
    controlPlane: group,
    nodePools: [],
    summary: "rolling out",
    problems: [],
    paused: false,
    ...seen,
  };
  const context = {
    input: { clusterId, kubernetesVersion: target },
    resource: { id: clusterId, spec, problems: [] },
    ports: {
      clusters: {
        "cluster-api": { read: async () => state, offered: async () => offered, checkUpgrade },
      },
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

  it("is not asked for while somebody else sets it, which is told before the point of no return", async () => {
    const refusal = new Failure("CONFLICT", "argocd sets it");
    const check = { checkUpgrade: () => Promise.reject(refusal) };
    await expect(play("validate", from, [offer(true, [target])], check)).rejects.toBe(refusal);
    expect(await play("validate", target, [], check)).toEqual({ before: from });
  });

  it("is that of an upgrade that failed half-way, which goes on without a rest", async () => {
    expect(await play("validate", target, [])).toEqual({ before: from });
    expect(await play("preflight", target, [])).toBeUndefined();
    expect(await play("preflight", from, [])).toMatchObject({ kind: "wait" });
  });
});

describe("the workers of an upgrade", () => {
  const versions = [{ version: target, count: 1 }];
  const group = { desired: 1, replicas: 1, available: 1, upToDate: 1, versions };
  const whole = { observed: true, settled: true, changing: false, nodePools: [group] };
  const awaitWorkers = (more: object) =>
    play("await-workers", target, [], { seen: { ...whole, ...more } });

  it("are there when the whole cluster is", async () => {
    expect(await awaitWorkers({})).toBeUndefined();
  });

  it.each([
    ["the operator has not looked at the change", { observed: false }],
    ["the cluster is not settled", { settled: false }],
    ["something is still changing", { changing: true }],
    [
      "one has an older version",
      { nodePools: [{ ...group, versions: [{ version: from, count: 1 }] }] },
    ],
    ["one is of an older wish", { nodePools: [{ ...group, upToDate: 0 }] }],
  ])("are waited for while %s", async (_what, more) => {
    expect(await awaitWorkers(more)).toMatchObject({ kind: "wait" });
  });
});

it("refuses a paused cluster before anything is asked", async () => {
  for (const version of [from, target])
    await expect(
      play("validate", version, [offer(true, [target])], { seen: { paused: true } }),
    ).rejects.toMatchObject({ code: "CONFLICT", details: { reason: "paused" } });
});

it.each(["await-control-plane", "await-workers"])(
  "%s says how far the machines are",
  async (step) => {
    const versions = [
      { version: from, count: 2 },
      { version: target, count: 1 },
    ];
    const seen = { controlPlane: { ...group, desired: 3, versions } };
    expect(await play(step, target, [], { seen })).toMatchObject({
      reason: expect.stringContaining(
        `${target}: 1 of 3 control plane machines are at ${target}; rolling out`,
      ),
    });
  },
);

describe("the spare servers of an upgrade", () => {
  const [allocate, release] = ["allocate-spares", "release-spares"].map((name) =>
    clusterUpgrade.steps.find((each) => each.name === name)!,
  );
  const virtual = {
    ...spec,
    nodePools: spec.nodePools.map((pool) => ({ ...pool, pool: null })),
  };
  const empty = { ...spec, nodePools: spec.nodePools.map((pool) => ({ ...pool, nodeCount: 0 })) };

  it.each([
    ["are taken for groups from pools", spec, true, [null, null]],
    ["are not taken unless they are wanted", spec, false, [expect.stringMatching("said"), null]],
    ["are not taken for no machines", empty, true, [expect.stringMatching("no machines"), null]],
    ["are no matter without pools", virtual, true, ["its machines are not drawn from a pool"]],
  ])("%s", (_what, wish, spareServers, [taken, returned = taken]) => {
    const input = { clusterId, kubernetesVersion: target, spareServers };
    const asked = { input, resource: { id: clusterId, spec: wish } };
    expect(allocate?.skipWhen?.(asked)).toEqual(taken);
    expect(release?.skipWhen?.(asked)).toEqual(returned);
  });

  it("stay where an earlier upgrade goes on that may need them", async () => {
    const undo = (version: string): unknown => {
      const context = {
        input: { clusterId, kubernetesVersion: target, spareServers: true },
        resource: { id: clusterId, spec, servers: [] },
        run: { id: "run" },
        ports: {
          clusters: { "cluster-api": { read: async () => ({ kubernetesVersion: version }) } },
          allocations: { held: () => Promise.reject(new Error("asked for what is held")) },
        },
      };
      const undoing = allocate?.undo as (context: unknown) => Promise<unknown>;
      return undoing(context);
    };
    expect(await undo(target)).toBeUndefined();
    await expect(undo(from)).rejects.toThrow("asked for what is held");
  });
});
