import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RunId, ServerId } from "#contract/ids.ts";
import { shownState } from "#domain/at-work.ts";
import { workflows } from "#workflows/registry.ts";
import { type World, openWorld } from "./world.ts";

/** What becomes of servers whose machines misbehave, each by the name that the lab gives its fault. */

let world: World;

beforeAll(async () => {
  world = await openWorld({ speed: 120, pace: 60, servers: 0, workflows });
}, 180_000);
afterAll(() => world.stop());

const shown = async (id: ServerId): Promise<string | null> => {
  const server = await world.server(id);
  return server === null ? null : shownState(server);
};

const available = async (name: string, profile?: string): Promise<ServerId> => {
  const { id, run } = await world.register(await world.lab.add(name, profile));
  expect((await world.ended(run)).error).toBeNull();
  expect(await shown(id)).toBe("available");
  return id;
};

const waitingIn = (run: RunId, step: string) =>
  world.until(run, (state) =>
    state.steps.some(({ name, status }) => name === step && status === "waiting"),
  );

const decommission = (serverId: ServerId): Promise<RunId> =>
  world.start("server.decommission", { serverId, skipErase: false, reason: null });

const abandon = (run: RunId) =>
  world.engine.abandon({ run, by: { actor: "tester", reason: "drives shredded" } });

// Waiting for a deadline of declared time takes as long as it takes; a busy machine takes longer.
describe.concurrent("a server", { timeout: 180_000 }, () => {
  it("with a wrong password leaves nothing behind", async () => {
    const bmc = await world.lab.add("a-bad-password");
    const { id, run } = await world.register(bmc);
    expect(await world.ended(run)).toMatchObject({
      status: "failed",
      cleanup: "none",
      error: { code: "BMC_AUTH_FAILED" },
    });
    expect(await world.server(id)).toBeNull();
    expect(await world.locks()).not.toContain(id);
  });

  it("that was asked for at a wrong address comes back by a retry with the right one", async () => {
    const bmc = await world.lab.add("moved");
    const nowhere = { ...bmc, address: "https://127.0.0.1:9" };
    const { id, run } = await world.register(nowhere);
    const failed = await world.ended(run);
    expect(failed).toMatchObject({ status: "failed", error: { step: "connect" } });
    expect(await world.server(id)).toBeNull();
    const by = { actor: "tester" };
    const retry = { input: { bmcAddress: bmc.address } };
    const again = await world.engine.retry({ run, by, retry });
    expect((await world.ended(again.run.id)).error).toBeNull();
    expect(await world.server(id)).toMatchObject({ id, bmc: { address: bmc.address } });
    expect(await shown(id)).toBe("available");
    const facts = await world.facts(id);
    expect(facts.filter((fact) => fact === "server.requested")).toHaveLength(2);
    expect(await world.secretsOf(id)).toBe(1);
    expect(await world.locks()).not.toContain(id);
  });

  it("that is registered already is refused with the first one's id", async () => {
    const bmc = await world.lab.add("twin");
    const first = await world.register(bmc, { inspect: false });
    await world.ended(first.run);
    const second = await world.register(bmc, { inspect: false });
    const { error } = await world.ended(second.run);
    expect(error).toMatchObject({ code: "DUPLICATE_SERVER", details: { serverId: first.id } });
    expect(await world.server(second.id)).toBeNull();
    expect(await shown(first.id)).toBe("registered");
  });

  it("registered twice at the same moment is never two servers", async () => {
    const bmc = await world.lab.add("racing-twin");
    const both = await Promise.all([
      world.register(bmc, { inspect: false }),
      world.register(bmc, { inspect: false }),
    ]);
    await Promise.all(both.map(({ run }) => world.ended(run)));
    const there = await Promise.all(both.map(({ id }) => world.server(id)));
    expect(there.filter((server) => server !== null).length).toBeLessThanOrEqual(1);
  });

  it("whose power is misreported is found out past the pivot", async () => {
    const id = await available("a-lies-about-power");
    const run = await world.lifecycle(id, "power-on");
    const state = await world.ended(run);
    expect(state).toMatchObject({ status: "failed", error: { code: "POWER_STATE_MISMATCH" } });
    expect(state.attention).not.toBeNull();
    expect(await shown(id)).toBe("error");
    await world.ended(await world.start("server.inspect", { serverId: id }));
    expect(await shown(id)).toBe("available");
  });

  it("whose installer hangs ends with attention, and is usable again once deprovisioned", async () => {
    const id = await available("a-install-hangs");
    const state = await world.ended(await world.provision(id));
    expect(state).toMatchObject({ status: "failed", error: { step: "await-install" } });
    expect(state.attention).not.toBeNull();
    expect(await shown(id)).toBe("error");
    const back = await world.ended(await world.lifecycle(id, "deprovision"));
    expect(back.error).toBeNull();
    expect(await shown(id)).toBe("available");
    const machine = await world.lab.snapshot("a-install-hangs");
    expect(machine).toMatchObject({ media: {}, power: "Off", boot: { enabled: "Disabled" } });
  });

  it("whose erase fails is not called erased, and can be abandoned", async () => {
    const id = await available("a-erase-fails");
    const run = await decommission(id);
    const state = await world.ended(run);
    expect(state).toMatchObject({ status: "failed", error: { code: "ERASE_FAILED" } });
    expect(await shown(id)).toBe("error");
    expect(await world.secretsOf(id)).toBe(1);
    await abandon(run);
    expect(await shown(id)).toBe("decommissioned");
    expect((await world.server(id))?.erase).toMatchObject({ state: "not erased" });
    expect(await world.secretsOf(id)).toBe(0);
  });

  it("that cannot be erased is refused before anything is touched, and let go without an erase", async () => {
    const id = await available("cannot-erase", "x13");
    const ended = await world.ended(await world.lifecycle(id, "power-on"));
    expect(ended.error).toBeNull();
    await expect
      .poll(() => world.lab.snapshot("cannot-erase"), { timeout: 60_000 })
      .toMatchObject({ running: "halted" });
    const before = await world.lab.snapshot("cannot-erase");
    const refused = await world.ended(await decommission(id));
    expect(refused).toMatchObject({
      status: "failed",
      cleanup: "none",
      attention: null,
      error: { code: "BMC_UNSUPPORTED", step: "check-unused", details: { reason: "no-erase" } },
    });
    expect(refused.error?.message).toContain("skipErase");
    expect(await world.lab.snapshot("cannot-erase")).toEqual(before);
    expect(await shown(id)).toBe("available");
    const input = { serverId: id, skipErase: true, reason: "shredded" };
    const gone = await world.ended(await world.start("server.decommission", input));
    expect(gone.error).toBeNull();
    expect((await world.server(id))?.erase).toMatchObject({ state: "not erased" });
  });

  it("whose BMC has died is not immortal", async () => {
    const bmc = await world.lab.add("soon-dead");
    const { id, run: registered } = await world.register(bmc);
    await world.ended(registered);
    await world.lab.post("/faults", { target: bmc.name, cut: "before" });
    const run = await decommission(id);
    const state = await world.ended(run);
    expect(state).toMatchObject({
      status: "failed",
      error: { code: "BMC_CONNECTION_FAILED", step: "erase" },
    });
    await abandon(run);
    expect(await shown(id)).toBe("decommissioned");
    expect(await world.secretsOf(id)).toBe(0);
  });

  it("whose installation is cancelled before its pivot is as it was", async () => {
    const id = await available("cancelled");
    const before = await world.lab.snapshot("cancelled");
    const hanging = { target: "cancelled", method: "PATCH", delayMs: 600_000, times: 1 };
    await world.lab.post("/faults", hanging);
    const run = await world.provision(id);
    await world.until(run, ({ steps }) =>
      steps.some(({ name, status }) => name === "set-boot-once" && status === "running"),
    );
    expect(await world.lab.snapshot("cancelled")).not.toEqual(before);
    await world.engine.cancel({ run, by: { actor: "tester" } });
    expect(await world.ended(run)).toMatchObject({ status: "cancelled", cleanup: "complete" });
    expect(await world.lab.snapshot("cancelled")).toEqual(before);
    expect(await shown(id)).toBe("available");
  });

  it("that calls back is installed by its call-back alone", async () => {
    const id = await available("calls-back");
    const run = await world.provision(id, { completion: "callback", userData: "#cloud-config\n" });
    const state = await world.ended(run);
    expect(state.error).toBeNull();
    expect(state.output).toMatchObject({ evidence: "callback" });
    expect(await world.lab.snapshot("calls-back")).toMatchObject({ media: {}, running: "os" });
    expect(JSON.stringify(state)).not.toContain("cloud-config");
  });

  it("runs a live image from its medium until it is deprovisioned", async () => {
    const id = await available("lives");
    const live = world.lab.images.find(({ format }) => format === "live-iso")!;
    const image = { url: live.url, format: "live-iso" };
    const state = await world.ended(await world.provision(id, { image }));
    expect(state.error).toBeNull();
    expect(await world.lab.snapshot("lives")).toMatchObject({ running: "live" });
    await world.ended(await world.lifecycle(id, "deprovision"));
    expect(await world.lab.snapshot("lives")).toMatchObject({ media: {}, power: "Off" });
    expect(await shown(id)).toBe("available");
  });

  it("in maintenance says so, and is what it was before afterwards", async () => {
    const id = await available("kept-out");
    await world.ended(await world.lifecycle(id, "enter-maintenance", { reason: "new fans" }));
    expect(await shown(id)).toBe("maintenance");
    await expect(world.provision(id)).rejects.toMatchObject({
      code: "INVALID_STATE_TRANSITION",
      details: { state: "maintenance" },
    });
    const again = await world.ended(await world.lifecycle(id, "enter-maintenance"));
    expect(again.output).toMatchObject({ already: true });
    await world.ended(await world.lifecycle(id, "exit-maintenance"));
    expect(await shown(id)).toBe("available");
  });

  it("past its pivot can no longer be cancelled", async () => {
    const id = await available("too-late-install-hangs");
    const run = await world.provision(id);
    await waitingIn(run, "await-install");
    await expect(world.engine.cancel({ run, by: { actor: "tester" } })).rejects.toMatchObject({
      code: "PAST_PIVOT",
    });
  });

  it("that lost a DIMM since tells it as a fact", async () => {
    const id = await available("forgetful");
    const bmc = "forgetful";
    await world.ended(await world.lifecycle(id, "power-on"));
    await world.ended(await world.start("server.inspect", { serverId: id }));
    const module = (await world.server(id))?.inventory?.memory[0];
    expect(module).toBeDefined();
    const part = `memory/${module!.id}`;
    await world.lab.post(`/bmcs/${bmc}/parts`, { part, isPresent: false });
    const state = await world.ended(await world.start("server.inspect", { serverId: id }));
    expect(state.output).toMatchObject({ changes: [{ kind: "missing", part: "memory" }] });
    expect(await world.facts(id)).toContain("server.part_missing");
  });
});
