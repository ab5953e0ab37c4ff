import { describe, expect, it } from "vitest";
import type { ServerLifecycleState } from "#contract/server.ts";
import { shownState } from "#domain/at-work.ts";
import { type EndKind, runId } from "#domain/testing/story.ts";
import { allowedActions } from "./can.ts";
import { serverModel } from "./model.ts";
import { serverView } from "./view.ts";
import {
  Story,
  inspected,
  installation,
  lifecycleInput,
  provisionInput,
  registerInput,
  serverId,
} from "./testing/story.ts";

const shown = (story: Story): ServerLifecycleState | null =>
  story.server === null ? null : shownState(story.server);

describe("a run's end leaves the server", () => {
  const inspect = (story: Story): string => story.begin("server.inspect", { serverId });
  const provision = (story: Story): string => story.begin("server.provision", provisionInput);
  const powerOn = (story: Story): string =>
    story.begin("server.lifecycle", lifecycleInput("power-on"));
  const decommission = (story: Story): string =>
    story.begin("server.decommission", { serverId, skipErase: false, reason: null });
  const register = (story: Story): string => story.begin("server.register", registerInput);

  const cases: readonly {
    readonly given: "nothing" | "available" | "ready";
    readonly run: (story: Story) => string;
    readonly during: ServerLifecycleState;
    readonly end: EndKind;
    readonly after: ServerLifecycleState | null;
  }[] = [
    { given: "nothing", run: register, during: "registering", end: "undone", after: null },
    { given: "nothing", run: register, during: "registering", end: "cancelled", after: null },
    { given: "nothing", run: register, during: "registering", end: "held", after: "error" },
    { given: "available", run: inspect, during: "inspecting", end: "undone", after: "available" },
    { given: "ready", run: inspect, during: "inspecting", end: "undone", after: "ready" },
    {
      given: "available",
      run: provision,
      during: "provisioning",
      end: "undone",
      after: "available",
    },
    {
      given: "available",
      run: provision,
      during: "provisioning",
      end: "cancelled",
      after: "available",
    },
    { given: "available", run: provision, during: "provisioning", end: "held", after: "error" },
    {
      given: "available",
      run: provision,
      during: "provisioning",
      end: "pastPivot",
      after: "error",
    },
    { given: "ready", run: powerOn, during: "ready", end: "completed", after: "ready" },
    { given: "ready", run: powerOn, during: "ready", end: "pastPivot", after: "error" },
    { given: "ready", run: decommission, during: "deprovisioning", end: "undone", after: "ready" },
    {
      given: "ready",
      run: decommission,
      during: "deprovisioning",
      end: "pastPivot",
      after: "error",
    },
  ];

  it.each(cases)("$given, $during, $end: $after", ({ given, run, during, end, after }) => {
    const story = new Story();
    if (given !== "nothing") story[given]();
    const id = run(story);
    expect(shown(story)).toBe(during);
    story.end(id, end);
    expect(shown(story)).toBe(after);
    expect(story.server?.runs ?? []).toEqual([]);
  });
});

describe("a held or incomplete run", () => {
  const seen = (story: Story) => {
    const { activeRunId, actions } = serverView(story.server!);
    return { activeRunId, actions: actions.length > 0 };
  };
  const free = { activeRunId: null, actions: true };

  it("is shown as the run that has the server, while it keeps the lock", () => {
    const story = new Story().available();
    const run = story.begin("server.provision", provisionInput);
    story.end(run, "held");
    expect(seen(story)).toEqual({ activeRunId: run, actions: false });
    // An undo that cannot be finished gives the lock back, and so does a person's word.
    story.end(run, "held", { cleanup: "incomplete" });
    expect(seen(story)).toEqual(free);
    expect(story.server?.rest).toMatchObject({ state: "error", restorable: true });

    const abandoned = story.begin("server.provision", provisionInput);
    story.end(abandoned, "held").end(abandoned, "held", { abandoned: true });
    expect(seen(story)).toEqual(free);
  });

  it("hands the server to its retry, which leaves it free however it ends", () => {
    for (const end of ["undone", "cancelled", "pastPivot"] as const) {
      const story = new Story().available();
      const first = story.begin("server.provision", provisionInput);
      story.end(first, "held");
      const retry = story.begin("server.provision", provisionInput);
      expect(seen(story)).toEqual({ activeRunId: retry, actions: false });
      story.end(retry, end);
      expect(seen(story), end).toEqual(free);
    }
  });

  it("has nothing when it was a child, whose parent's lock went with the parent", () => {
    const story = new Story().ready();
    const parent = story.begin("server.lifecycle", lifecycleInput("reprovision"));
    const child = story.begin("server.provision", provisionInput, parent);
    story.end(child, "held").end(parent, "pastPivot");
    expect(shown(story)).toBe("error");
    expect(seen(story)).toEqual(free);
  });

  it("gives the server back when its undo completes later", () => {
    const story = new Story().ready();
    const run = story.begin("server.decommission", { serverId, skipErase: false, reason: null });
    story.end(run, "held");
    expect(shown(story)).toBe("error");
    story.end(run, "undone");
    expect(shown(story)).toBe("ready");
  });

  it("gives back an earlier error too, not something sounder", () => {
    const story = new Story().available();
    story.end(story.begin("server.provision", provisionInput), "pastPivot");
    const second = story.begin("server.provision", provisionInput);
    story.end(second, "held");
    story.end(second, "undone");
    expect(story.server?.rest).toMatchObject({ state: "error", trouble: "installation" });
  });

  it("says nothing more once another run has made the server sound", () => {
    const story = new Story().available();
    const first = story.begin("server.provision", provisionInput);
    story.end(first, "held", { cleanup: "incomplete" });
    const second = story.begin("server.provision", provisionInput);
    story.happened(second, { type: "server.provisioned", data: installation });
    story.end(second, "completed");
    story.end(first, "held", { cleanup: "incomplete" });
    expect(shown(story)).toBe("ready");
    story.end(first, "undone");
    expect(shown(story)).toBe("ready");
  });

  it("does not take a server away again that was put to rest since", () => {
    const story = new Story();
    const first = story.begin("server.register", registerInput);
    story.end(first, "held", { cleanup: "incomplete" });
    const last = story.begin("server.decommission", { serverId, skipErase: true, reason: "dead" });
    story.happened(last, { type: "server.decommissioned", data: { erased: false } });
    story.end(last, "completed").end(first, "undone");
    expect(shown(story)).toBe("decommissioned");
  });

  it("keeps the memory of what was before small, however often things fail", () => {
    const story = new Story().available();
    for (let round = 0; round < 20; round += 1) {
      const run = story.begin("server.provision", provisionInput);
      story.end(run, round % 2 === 0 ? "held" : "pastPivot", { cleanup: "incomplete" });
    }
    expect(JSON.stringify(story.server?.rest).match(/"state"/g)?.length).toBeLessThanOrEqual(3);
  });
});

describe("error", () => {
  it("after a power action is left by a completed inspection, to what was before", () => {
    const story = new Story().ready();
    story.end(story.begin("server.lifecycle", lifecycleInput("power-on")), "pastPivot");
    expect(story.server?.rest).toMatchObject({ state: "error", code: "STEP_TIMEOUT" });
    const run = story.begin("server.inspect", { serverId });
    story.happened(run, inspected()).end(run, "completed");
    expect(shown(story)).toBe("ready");
  });

  it("after a broken installation is not left by looking, only by installing or deprovisioning", () => {
    const story = new Story().available();
    story.end(story.begin("server.provision", provisionInput), "pastPivot");
    const look = story.begin("server.inspect", { serverId });
    story.happened(look, inspected()).end(look, "completed");
    expect(shown(story)).toBe("error");
    const run = story.begin("server.lifecycle", lifecycleInput("deprovision"));
    story.happened(run, {
      type: "server.deprovisioned",
      data: { erased: false, method: null },
    });
    story.end(run, "completed");
    expect(shown(story)).toBe("available");
  });

  it("is not entered for a light that would not light", () => {
    const story = new Story().ready();
    story.end(story.begin("server.lifecycle", lifecycleInput("identify-led-on")), "pastPivot");
    expect(shown(story)).toBe("ready");
  });

  it("of a reprovisioning is its child's to tell", () => {
    const story = new Story().ready();
    const parent = story.begin("server.lifecycle", lifecycleInput("reprovision"));
    const child = story.begin("server.provision", provisionInput, parent);
    expect(shown(story)).toBe("provisioning");
    story.end(child, "undone");
    story.end(parent, "pastPivot");
    expect(shown(story)).toBe("ready");
  });
});

describe("an abandoned run", () => {
  it("of a decommissioning ends the server with a record that says not erased", () => {
    const story = new Story().ready();
    const run = story.begin("server.decommission", { serverId, skipErase: false, reason: null });
    const abandonReason = "shredded by hand";
    story.end(run, "pastPivot").end(run, "pastPivot", { abandoned: true, abandonReason });
    expect(shown(story)).toBe("decommissioned");
    expect(story.server?.erase).toMatchObject({
      state: "not erased",
      reason: expect.stringContaining(abandonReason),
    });
    expect(story.facts).toContainEqual({
      type: "server.decommissioned",
      data: { erased: false },
    });
  });

  it("of a decommissioning that got to erase keeps the proof", () => {
    const story = new Story().ready();
    const run = story.begin("server.decommission", { serverId, skipErase: false, reason: null });
    const drive = { serial: "S1", driveId: "0", method: "CryptographicErase", proof: "done" };
    story.happened(run, {
      type: "server.erased",
      data: { method: "CryptographicErase", drives: [drive] },
    });
    story.end(run, "pastPivot").end(run, "pastPivot", { abandoned: true });
    expect(shown(story)).toBe("decommissioned");
    expect(story.server?.erase).toMatchObject({ state: "erased", method: "CryptographicErase" });
  });

  it("of a registration removes the server", () => {
    const story = new Story();
    const run = story.begin("server.register", registerInput);
    story.end(run, "held").end(run, "held", { abandoned: true });
    expect(story.server).toBeNull();
  });

  it("of a broken installation leaves it broken: nobody has installed anything", () => {
    const story = new Story().available();
    const run = story.begin("server.provision", provisionInput);
    story.end(run, "pastPivot").end(run, "pastPivot", { abandoned: true });
    expect(shown(story)).toBe("error");
    expect(allowedActions(story.server!)).toContain("provision");
  });

  it("of an installation held before its pivot leaves what was before", () => {
    const story = new Story().available();
    const run = story.begin("server.provision", provisionInput);
    story.end(run, "held").end(run, "held", { abandoned: true });
    expect(shown(story)).toBe("available");
  });

  it("changes nothing when the server has moved on since", () => {
    const story = new Story().ready();
    const run = story.begin("server.decommission", { serverId, skipErase: false, reason: null });
    story.end(run, "pastPivot");
    const back = story.begin("server.lifecycle", lifecycleInput("deprovision"));
    story.happened(back, { type: "server.deprovisioned", data: { erased: false, method: null } });
    story.end(back, "completed");
    story.end(run, "pastPivot", { abandoned: true });
    expect(shown(story)).toBe("available");
  });
});

describe("a run inside a run", () => {
  it("shows its own state and gives the outer one's back", () => {
    const story = new Story();
    const parent = story.begin("server.register", registerInput);
    story.happened(parent, { type: "server.registered", data: {} });
    expect(shown(story)).toBe("registering");
    const child = story.begin("server.inspect", { serverId }, parent);
    expect(shown(story)).toBe("inspecting");
    story.end(child, "undone");
    expect(shown(story)).toBe("registering");
    story.end(parent, "completed");
    expect(shown(story)).toBe("registered");
  });

  it("is taken off with its parent if its own end was never told", () => {
    const story = new Story();
    const parent = story.begin("server.register", registerInput);
    story.happened(parent, { type: "server.registered", data: {} });
    story.begin("server.inspect", { serverId }, parent);
    story.end(parent, "completed");
    expect(story.server?.runs).toEqual([]);
  });
});

it("maintenance remembers what it interrupted, also through an error", () => {
  const story = new Story().ready();
  const enter = story.begin("server.lifecycle", lifecycleInput("enter-maintenance"));
  story.happened(enter, { type: "server.maintenance_entered", data: { reason: "new fans" } });
  story.end(enter, "completed");
  expect(shown(story)).toBe("maintenance");
  story.end(story.begin("server.lifecycle", lifecycleInput("power-cycle")), "pastPivot");
  expect(shown(story)).toBe("error");
  const look = story.begin("server.inspect", { serverId });
  story.happened(look, inspected()).end(look, "completed");
  expect(shown(story)).toBe("maintenance");
  const exit = story.begin("server.lifecycle", lifecycleInput("exit-maintenance"));
  story.happened(exit, { type: "server.maintenance_exited", data: {} }).end(exit, "completed");
  expect(shown(story)).toBe("ready");
});

it("maintenance covers an error and does not cure it", () => {
  const story = new Story().available();
  const isSound = () => story.server !== null && serverModel.isSound(story.server);
  expect(isSound()).toBe(true);
  story.end(story.begin("server.provision", provisionInput), "pastPivot");
  const enter = story.begin("server.lifecycle", lifecycleInput("enter-maintenance"));
  story.happened(enter, { type: "server.maintenance_entered", data: { reason: null } });
  story.end(enter, "completed");
  expect(shown(story)).toBe("maintenance");
  expect(isSound()).toBe(false);
  const exit = story.begin("server.lifecycle", lifecycleInput("exit-maintenance"));
  story.happened(exit, { type: "server.maintenance_exited", data: {} }).end(exit, "completed");
  const mend = story.begin("server.provision", provisionInput);
  story.happened(mend, { type: "server.provisioned", data: installation }).end(mend, "completed");
  expect(isSound()).toBe(true);
});

it("forgets the reservations of installations once one has taken the machine over", () => {
  const story = new Story().available();
  const reserve = (run: string): void => {
    const data = { run, image: provisionInput.image };
    story.happened(run, { type: "server.reserved", data });
  };
  const first = story.begin("server.provision", provisionInput);
  reserve(first);
  story.end(first, "pastPivot");
  const second = story.begin("server.provision", provisionInput);
  reserve(second);
  expect(story.server?.reservations.map(({ run }) => run)).toEqual([first, second]);
  story.happened(second, { type: "server.provisioned", data: installation });
  expect(story.server?.reservations).toEqual([]);
});

it("ignores the end of a run that it never knew", () => {
  const story = new Story().available();
  const before = story.server;
  const data = { run: runId(99), status: "failed", error: null } as const;
  story.happened(null, { type: "server.run_ended", data });
  expect(story.server).toEqual({ ...before, updatedAt: story.server?.updatedAt });
});
