import { describe, expect, it } from "vitest";
import { runId } from "#domain/testing/story.ts";
import { allocated, confirmed, released } from "./allocation.ts";
import { allowedActions } from "./can.ts";
import { serverModel } from "./model.ts";
import { serverTable } from "./row.ts";
import type { ServerState } from "./state.ts";
import { Story, inspected, lifecycleInput, provisionInput, serverId } from "./testing/story.ts";
import { updated } from "./update.ts";
import { serverView } from "./view.ts";

const cluster = `cls_${"0".repeat(26)}`;
const other = `cls_${"1".repeat(26)}`;
const pool = `pool_${"0".repeat(26)}`;
const to = { cluster, pool, group: "workers", run: runId(90) };

const stateOf = ({ server }: Story): ServerState => {
  if (server === null) throw new Error("there is no server");
  return server;
};
const free = (): Story => new Story().available();
const drawn = (): Story => {
  const story = free();
  return story.happened(to.run, allocated(stateOf(story), to)!);
};

describe("an available server", () => {
  it("is free, and since when; a run that is at work on it, or a failed health, ends that", () => {
    const story = free();
    const since = stateOf(story).freeSince;
    expect(since).toBe(stateOf(story).updatedAt);
    story.happened(null, { type: "server.updated", data: { displayName: "x" } });
    expect(stateOf(story).freeSince).toBe(since);
    expect(serverTable.toColumns(stateOf(story), null).free_since).toEqual(new Date(since!));

    const run = story.begin("server.lifecycle", lifecycleInput("power-on"));
    expect(stateOf(story).freeSince).toBeNull();
    expect(allocated(stateOf(story), to)).toBeNull();
    story.end(run, "completed");
    expect(stateOf(story).freeSince).toBeGreaterThan(since!);

    const fact = inspected();
    if (fact.type !== "server.inspected") throw new Error("not an inspection");
    story.happened(null, { ...fact, data: { ...fact.data, health: "failed" } });
    expect(stateOf(story).freeSince).toBeNull();
    expect(allocated(stateOf(story), to)).toBeNull();
  });

  it("is no longer known to be on or off, from when it is drawn and when it comes back", () => {
    const story = free();
    const switched = { type: "server.power_changed", data: { power: "on" } } as const;
    story.happened(null, switched);
    story.happened(to.run, { type: "server.allocated", data: to });
    expect(stateOf(story).power).toBe("unknown");
    story.happened(null, switched);
    story.happened(to.run, { type: "server.allocated", data: to });
    expect(stateOf(story).power).toBe("on");
    const data = { cluster: to.cluster, run: to.run };
    story.happened(to.run, { type: "server.allocation_released", data });
    expect(stateOf(story).power).toBe("unknown");
  });

  it("is drawn once", () => {
    const story = drawn();
    expect(serverView(stateOf(story)).allocation).toEqual({
      ...to,
      state: "reserved",
      since: new Date(stateOf(story).updatedAt).toISOString(),
    });
    expect(stateOf(story).freeSince).toBeNull();
    expect(allocated(stateOf(story), { ...to, cluster: other })).toBeNull();
    expect(allocated(stateOf(story), { ...to, group: "others" })).toBeNull();
  });
});

describe("a server in a cluster", () => {
  it("may be switched and inspected, and nothing that takes it away", () => {
    const story = drawn();
    const actions = allowedActions(stateOf(story));
    expect(actions).toEqual(
      allowedActions({ ...stateOf(story), allocation: null }).filter(
        (action) => !["provision", "decommission", "enter-maintenance"].includes(action),
      ),
    );
    expect(actions).toContain("power-off");
    expect(serverView(stateOf(story)).actions).toEqual(actions);
    for (const [workflow, input] of [
      ["server.provision", provisionInput],
      ["server.lifecycle", lifecycleInput("enter-maintenance")],
      ["server.decommission", { serverId, skipErase: false, reason: null }],
    ] as const) {
      expect(story.ask(workflow, input), workflow).toMatchObject({
        code: "CONFLICT",
        message: expect.stringContaining(cluster) as string,
        details: { clusterId: cluster },
      });
    }
    // What its state would not allow either is refused for that.
    expect(story.ask("server.lifecycle", lifecycleInput("deprovision"))).toMatchObject({
      code: "INVALID_STATE_TRANSITION",
    });
    expect(story.ask("server.lifecycle", lifecycleInput("power-off"))).not.toBeInstanceOf(Error);
  });

  it("with a system on it is neither reprovisioned nor deprovisioned", () => {
    const story = new Story().ready();
    story.happened(to.run, { type: "server.allocated", data: to });
    for (const action of ["reprovision", "deprovision"] as const)
      expect(story.ask("server.lifecycle", lifecycleInput(action)), action).toMatchObject({
        code: "CONFLICT",
      });
  });

  it("stays on its list, and may be renamed", () => {
    const server = stateOf(drawn());
    expect(updated(server, serverId, { pool: "elsewhere" })).toMatchObject({ code: "CONFLICT" });
    expect(updated(server, serverId, { pool: null, displayName: "x" })).toHaveLength(1);
  });

  it("is used once that is confirmed, and free again once it is given back, by its cluster only", () => {
    const story = drawn();
    const by = { cluster, run: runId(91) };
    expect(confirmed(stateOf(story), other)).toBeNull();
    expect(released(stateOf(story), { ...by, cluster: other })).toBeNull();
    story.happened(by.run, confirmed(stateOf(story), cluster)!);
    expect(stateOf(story).allocation).toMatchObject({ state: "used", run: to.run });
    expect(confirmed(stateOf(story), cluster)).toBeNull();
    expect(allocated(stateOf(story), { ...to, run: by.run })).toBeNull();
    story.happened(by.run, released(stateOf(story), by)!);
    expect(stateOf(story)).toMatchObject({ allocation: null, freeSince: expect.any(Number) });
    expect(released(stateOf(story), by)).toBeNull();
  });

  it("is taken over by a retry and belongs to the cluster as long as before", () => {
    const story = drawn();
    const { since } = stateOf(story).allocation!;
    const retry = runId(92);
    story.happened(retry, allocated(stateOf(story), { ...to, run: retry })!);
    expect(stateOf(story).allocation).toMatchObject({ run: retry, state: "reserved", since });
  });
});

it("a server out of use is in no pool", () => {
  const story = free();
  story.happened(null, { type: "server.updated", data: { pool: "gpu-a" } });
  story.happened(null, { type: "server.decommissioned", data: { erased: true } });
  expect(stateOf(story)).toMatchObject({ pool: null, freeSince: null });
});

it("facts about allocations that do not fit change nothing", () => {
  const before = stateOf(free());
  const fact = { type: "server.allocation_confirmed", data: { cluster } } as const;
  const after = serverModel.evolve(before, { ...fact, at: 1, run: null });
  expect(after).toEqual({ ...before, updatedAt: 1 });
});
