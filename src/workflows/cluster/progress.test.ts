import { describe, expect, it } from "vitest";
import type { GroupState } from "#drivers/cluster-ports.ts";
import { machinesIn, availableMachines, upgradedMachines } from "./progress.ts";

const group = (desired: number, more: Partial<GroupState> = {}): GroupState => ({
  desired,
  replicas: desired,
  available: desired,
  upToDate: desired,
  versions: [],
  ...more,
});
const versions = (counts: Readonly<Record<string, number>>): Partial<GroupState> => ({
  versions: Object.entries(counts).map(([version, count]) => ({ version, count })),
});
const cluster = (controlPlane: GroupState, ...pools: readonly GroupState[]) => ({
  observed: true,
  controlPlane,
  nodePools: pools.map((pool, n) => ({ name: `pool-${n}`, ...pool })),
});
const [old, next] = ["v1.33.9", "v1.34.1"];

describe("how far an upgrade is", () => {
  const said = (state: ReturnType<typeof cluster>) => upgradedMachines(state, next);

  it("is told by the versions of the machines, those of all pools together", () => {
    const half = group(3, versions({ [old]: 1, [next]: 2 }));
    const [two, three] = [group(2, versions({ [old]: 2 })), group(3, versions({ [old]: 3 }))];
    expect(said(cluster(half, two, three))).toBe(
      "2 of 3 control plane machines and 0 of 5 workers are at v1.34.1",
    );
  });

  it("counts a machine that is still to go, and one that is still to come", () => {
    const surplus = group(3, versions({ [old]: 1, [next]: 3 }));
    expect(said(cluster(surplus))).toBe("3 of 4 control plane machines are at v1.34.1");
    const short = group(3, versions({ [next]: 2 }));
    expect(said(cluster(short, group(0)))).toBe("2 of 3 control plane machines are at v1.34.1");
  });

  it("is not told of machines whose versions nobody counts", () => {
    const known = group(1, versions({ [next]: 1 }));
    const unknown = group(2, { upToDate: 2 });
    expect(said(cluster(known, unknown))).toBe("1 of 1 control plane machines are at v1.34.1");
    // Its pool has no machine yet, which is known.
    expect(said(cluster(known, group(2, { replicas: 0, available: 0 })))).toBe(
      "1 of 1 control plane machines and 0 of 2 workers are at v1.34.1",
    );
    expect(said(cluster(unknown, unknown))).toBeNull();
    expect(said({ ...cluster(known), observed: false })).toBeNull();
  });
});

describe("how many machines are available", () => {
  it("is told of all groups once there is a machine", () => {
    const none = group(5, { replicas: 0, available: 0 });
    expect(availableMachines(cluster(group(3, { available: 2 }), none))).toBe(
      "2 of 3 control plane machines and 0 of 5 workers are available",
    );
    expect(availableMachines(cluster(group(3, { available: 1 })))).toBe(
      "1 of 3 control plane machines are available",
    );
    expect(availableMachines(cluster(none, none))).toBeNull();
    expect(availableMachines({ ...cluster(group(3)), observed: false })).toBeNull();
  });

  it("is told of a pool that grows or shrinks by what is there", () => {
    const state = cluster(group(1), group(3, { replicas: 5, available: 4 }));
    expect(machinesIn(state, "pool-0")).toBe("it has 5 machines, 4 of them available");
    expect(machinesIn(state, "another")).toBeNull();
    expect(machinesIn(cluster(group(1), group(2, { replicas: 1, available: 0 })), "pool-0")).toBe(
      "it has 1 machine, 0 of them available",
    );
    expect(machinesIn({ ...state, observed: false }, "pool-0")).toBeNull();
    const unseen = group(3, { replicas: 0, available: 0 });
    expect(machinesIn(cluster(unseen, unseen), "pool-0")).toBeNull();
  });
});
