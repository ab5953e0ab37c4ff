import { afterAll, beforeAll, describe, it } from "vitest";
import type { Cluster } from "#contract/cluster.ts";
import type { Run } from "#contract/run.ts";
import type { Vm } from "#contract/vm.ts";
import { type ProcessWorld, openProcessWorld } from "#test/process-world.ts";
import { type Api, runPath, summary } from "#test/processes/api.ts";
import {
  type ManagementCluster,
  clusterBody,
  clusterObject,
  clusterPath,
  clustersPath,
  failedAt,
  managementCluster,
  vmBody,
  vmPath,
  vmsPath,
} from "#test/processes/compute.ts";

/**
 * Clusters and virtual machines that are broken from birth, by the lab's names for what is wrong with them. Their operators
 * try again for ever, so what ends a run is its deadline, a person, or the world mended by somebody. However quick the pace, a
 * step of theirs has a minute, so all are begun at once and looked at one after the other.
 */

let world: ProcessWorld;
let api: Api;
let management: ManagementCluster;

beforeAll(async () => {
  world = await openProcessWorld({ servers: 0, speed: 150 });
  management = managementCluster(world.lab);
  const dataDir = await world.dataDir();
  const env = { MILLWRIGHT_PACE: "150", MILLWRIGHT_LOG_LEVEL: "silent" };
  api = world.api(await world.start(world.env(dataDir, env)), dataDir);
  for (const [type, fault] of hopeless) begin(`late-${fault}`, () => create(type, `late-${fault}`));
  const hold = { onFailure: "hold" };
  begin("held-control-plane-hangs", () => create("cluster", "held-control-plane-hangs", hold));
  begin("held-unschedulable", () => create("vm", "held-unschedulable", hold));
  for (const name of ["given-delete-hangs", "free-delete-hangs"])
    begin(name, async () => remove(clusterPath(await made("cluster", name))));
  begin("dull-delete-hangs", async () => remove(vmPath(await made("vm", "dull-delete-hangs"))));
  begin("dull-stop-hangs", async () => {
    const path = vmPath(await made("vm", "dull-stop-hangs"));
    return (await api.good("POST", `${path}/power`, { body: { action: "stop" } })).run;
  });
  begin("old-upgrade-stalls", async () => {
    const more = { controlPlane: { replicas: 3 } };
    const path = clusterPath(await made("cluster", "old-upgrade-stalls", more));
    const body = { kubernetesVersion: "v1.34.5" };
    return (await api.good("POST", `${path}/upgrade`, { body })).run;
  });
}, 180_000);
afterAll(() => world.close());

/** Runs that were asked for before the tests, by the name of what they are about. */
const begun = new Map<string, Promise<string>>();

function begin(name: string, ask: () => Promise<string>): void {
  const run = ask();
  // Whoever looks at it hears of it.
  run.catch(() => undefined);
  begun.set(name, run);
}
const runOf = async (name: string): Promise<string> => (await begun.get(name)) ?? "";

type Type = "cluster" | "vm";
const requestOf = (type: Type, name: string, more: object = {}) =>
  type === "cluster"
    ? ([clustersPath, clusterBody(name, more)] as const)
    : ([vmsPath, vmBody(name, more)] as const);

async function create(type: Type, name: string, more: object = {}): Promise<string> {
  const [path, body] = requestOf(type, name, more);
  return (await api.good("POST", path, { body })).run;
}

async function made(type: Type, name: string, more: object = {}): Promise<string> {
  const [path, body] = requestOf(type, name, more);
  return (await api.completed("POST", path, body)).resourceId;
}

const remove = async (path: string): Promise<string> => (await api.good("DELETE", path)).run;

const act = (run: string, verb: string, body: object = {}) =>
  api.ask<Run>("POST", `${runPath(run)}/${verb}`, { body });
const abandon = (run: string) => act(run, "abandon", { reason: "seen to by hand" });
const saying = (words: string) => (run: Run) => run.waiting?.reason.includes(words) === true;

/** What was complained of while the run was under way, and is not any more. */
async function complaints(resource: string): Promise<string> {
  const facts = await api.pages<{ type: string; data: unknown }>(
    `/v1/events?resource=${resource}&limit=100`,
  );
  const seen = facts.filter(({ type }) => type.endsWith(".problems_seen"));
  return JSON.stringify(seen.map(({ data }) => data));
}

const hopeless = [
  ["cluster", "quota", "await-control-plane", "exceeded quota"],
  ["cluster", "control-plane-hangs", "await-control-plane", "Waiting for a Node"],
  ["cluster", "worker-fails", "await-workers", "cni plugin not initialized"],
  ["vm", "unschedulable", "await-running", "3 Insufficient memory"],
  ["vm", "image-missing", "await-running", "404"],
  ["vm", "crash-loop", "await-running", "CrashLoopBackOff"],
] as const;

describe.concurrent(
  "a creation that is cancelled of something called",
  { timeout: 240_000 },
  () => {
    for (const [type, fault, , words] of hopeless) {
      it(`…-${fault} showed what was wrong, and is taken back`, async ({ expect }) => {
        const name = `short-${fault}`;
        const [path] = requestOf(type, name);
        const id = await create(type, name);
        const { resourceId } = await api.until(id, saying(words), `waiting because of ${words}`);
        await expect.poll(() => complaints(resourceId), { timeout: 60_000 }).toContain(words);
        expect((await act(id, "cancel", { reason: "hopeless" })).status).toBe(202);
        const run = await api.ended(id);
        expect(run, summary(run)).toMatchObject({
          status: "cancelled",
          cleanup: "complete",
          error: null,
          attention: null,
        });
        expect(await management.of(name)).toEqual({});
        expect((await api.ask("GET", `${path}/${resourceId}`)).status).toBe(404);
      });
    }
  },
);

describe.concurrent(
  "a creation that is left alone of something called",
  { timeout: 240_000 },
  () => {
    for (const [type, fault, step, words] of hopeless) {
      it(`…-${fault} ends with its last complaint, and leaves nothing`, async ({ expect }) => {
        const name = `late-${fault}`;
        const [path, body] = requestOf(type, name);
        const run = await api.ended(await runOf(name));
        expect(failedAt(run), summary(run)).toEqual({
          status: "failed",
          code: "STEP_TIMEOUT",
          step,
        });
        expect(run.error?.message).toContain(words);
        expect(run, summary(run)).toMatchObject({ cleanup: "complete", attention: null });
        expect(await management.of(name)).toEqual({});
        expect((await api.ask("GET", `${path}/${run.resourceId}`)).status).toBe(404);
        expect(await complaints(run.resourceId)).toContain(words);
        // Its name is free again.
        const planned = await api.ask("POST", `${path}?plan=true`, { body });
        expect(planned.data).toMatchObject({ refusals: [] });
      });
    }
  },
);

describe.concurrent("a creation that is held", { timeout: 240_000 }, () => {
  it("keeps what it made, is retried from a step, and is undone by hand", async ({ expect }) => {
    const name = "held-control-plane-hangs";
    const first = await api.ended(await runOf(name));
    expect(first, summary(first)).toMatchObject({
      status: "failed",
      error: { code: "STEP_TIMEOUT", step: "await-control-plane" },
      cleanup: "held",
      attention: { step: "await-control-plane" },
    });
    expect(Object.keys(await management.of(name))).not.toEqual([]);
    const path = clusterPath(first.resourceId);
    const shown = (await api.good<Cluster>("GET", path)).data;
    expect(shown).toMatchObject({ state: "error", error: { run: first.id } });
    const refused = await api.ask("DELETE", path);
    expect([refused.status, refused.error?.code]).toEqual([409, "CONFLICT"]);
    const unknown = await act(first.id, "retry", { fromStep: "gone" });
    expect([unknown.status, unknown.error?.code]).toEqual([400, "VALIDATION_ERROR"]);
    const again = await act(first.id, "retry", { fromStep: "await-control-plane" });
    expect(again.status, again.text).toBe(202);
    const second = again.data.id;
    const waiting = await api.until(second, saying("Waiting for a Node"));
    expect(waiting.steps.find((step) => step.name === "apply-cluster")?.status).toBe("reused");
    expect((await act(second, "cancel")).status).toBe(202);
    const end = await api.ended(second);
    expect(end, summary(end)).toMatchObject({ status: "cancelled", attention: null });
    expect(await management.of(name)).toEqual({});
    expect((await api.ask("GET", path)).status).toBe(404);
    const late = await act(second, "retry", { fromStep: "await-control-plane" });
    expect([late.status, late.error?.code]).toEqual([409, "INVALID_STATE_TRANSITION"]);
    const afresh = await act(second, "retry");
    expect(afresh.status, afresh.text).toBe(202);
    await api.until(afresh.data.id, saying("Waiting for a Node"));
    expect((await act(afresh.data.id, "cancel")).status).toBe(202);
    await api.ended(afresh.data.id);
    expect(await management.of(name)).toEqual({});
  });

  it("is undone when somebody asks for that", async ({ expect }) => {
    const name = "held-unschedulable";
    const held = await api.ended(await runOf(name));
    expect(held, summary(held)).toMatchObject({ status: "failed", cleanup: "held" });
    expect((await act(held.id, "undo", { reason: "looked at" })).status).toBe(202);
    const undone = async () => (await api.run(held.id)).cleanup;
    await expect.poll(undone, { timeout: 60_000 }).toBe("complete");
    expect(await api.run(held.id)).toMatchObject({ status: "failed", attention: null });
    expect(await management.of(name)).toEqual({});
    expect((await api.ask("GET", vmPath(held.resourceId))).status).toBe(404);
  });
});

describe.concurrent("past the pivot", { timeout: 240_000 }, () => {
  it("an upgrade that stalls asks for a person, who can give it up", async ({ expect }) => {
    const name = "old-upgrade-stalls";
    const id = await runOf(name);
    const { resourceId } = await api.until(id, ({ steps }) =>
      steps.some((step) => step.name === "await-control-plane" && step.status !== "pending"),
    );
    const path = clusterPath(resourceId);
    const cancel = await act(id, "cancel");
    expect([cancel.status, cancel.error?.code]).toEqual([409, "PAST_PIVOT"]);
    expect(cancel.error?.message).toContain("control planes cannot be downgraded");
    const run = await api.ended(id);
    expect(failedAt(run), summary(run)).toEqual({
      status: "failed",
      code: "STEP_TIMEOUT",
      step: "await-control-plane",
    });
    expect(run.error?.message).toContain("waiting for the control plane to be at v1.34.5");
    expect(run.attention).toMatchObject({ done: ["validate", "preflight", "apply-version"] });
    expect(run.attention?.waysOut.join()).toMatch(/retry.*abandon/s);
    expect((await api.good("GET", path)).data).toMatchObject({
      state: "error",
      actions: ["upgrade", "delete"],
    });
    expect((await abandon(id)).status).toBe(202);
    expect((await api.run(id)).attention).toBeNull();
    await api.completed("DELETE", path);
    expect(await management.of(name)).toEqual({});
  });

  it("a deletion that hangs can be given up, or ends once somebody mends the cause", async ({
    expect,
  }) => {
    const end = async (name: string) => {
      const run = await api.ended(await runOf(name));
      expect(failedAt(run), summary(run)).toEqual({
        status: "failed",
        code: "STEP_TIMEOUT",
        step: "await-gone",
      });
      expect(run.error?.message).toContain("the load balancer is still in use");
      expect(run.attention?.notDone).toContain("await-gone");
      const { data } = await api.good<Cluster>("GET", clusterPath(run.resourceId));
      expect(data).toMatchObject({ state: "error", error: { run: run.id } });
      expect(JSON.stringify(data.problems)).toContain("the load balancer is still in use");
      return run;
    };
    const [given, mended] = await Promise.all([
      end("given-delete-hangs"),
      end("free-delete-hangs"),
    ]);
    expect((await act(given.id, "abandon")).status).toBe(400);
    expect((await abandon(given.id)).status).toBe(202);
    expect((await api.good("GET", clusterPath(given.resourceId))).data).toMatchObject({
      state: "deleted",
    });
    await release("free-delete-hangs");
    const again = await act(mended.id, "retry", { fromStep: "await-gone" });
    expect(again.status, again.text).toBe(202);
    expect(await api.ended(again.data.id)).toMatchObject({ status: "completed" });
    expect(await management.of("free-delete-hangs")).toEqual({});
    expect((await api.good("GET", clusterPath(mended.resourceId))).data).toMatchObject({
      state: "deleted",
    });
  });

  it("a virtual machine that does not stop is stopped hard", async ({ expect }) => {
    const run = await api.ended(await runOf("dull-stop-hangs"));
    const path = vmPath(run.resourceId);
    expect(failedAt(run), summary(run)).toEqual({
      status: "failed",
      code: "STEP_TIMEOUT",
      step: "await-state",
    });
    expect(run.error?.message).toContain("waiting for the machine to be stopped: Stopping");
    expect((await api.good<Vm>("GET", path)).data).toMatchObject({ state: "error" });
    await api.completed("POST", `${path}/power`, { action: "stop", force: true });
    expect((await api.good<Vm>("GET", path)).data).toMatchObject({ state: "stopped" });
    await api.completed("DELETE", path);
    expect(await management.of("dull-stop-hangs")).toEqual({});
  });

  it("a virtual machine that does not go can be given up", async ({ expect }) => {
    const run = await api.ended(await runOf("dull-delete-hangs"));
    expect(failedAt(run), summary(run)).toEqual({
      status: "failed",
      code: "STEP_TIMEOUT",
      step: "await-gone",
    });
    expect(run.error?.message).toContain("waiting for the machine to be gone: Terminating");
    expect((await abandon(run.id)).status).toBe(202);
    expect((await api.good<Vm>("GET", vmPath(run.resourceId))).data).toMatchObject({
      state: "deleted",
    });
  });
});

/** What an operator does who knows that nothing is left behind a finalizer. */
async function release(name: string): Promise<void> {
  const object = Object.keys(await management.of(name)).find((key) =>
    key.startsWith("DevCluster."),
  );
  const own = object?.slice(object.lastIndexOf("/") + 1) ?? "";
  const path = clusterObject(own)
    .replace("cluster.x-k8s.io", "infrastructure.cluster.x-k8s.io")
    .replace("/clusters/", "/devclusters/");
  const body = { metadata: { finalizers: [] } };
  const contentType = "application/merge-patch+json";
  const { status, body: said } = await management.ask("PATCH", path, { body, contentType });
  if (status !== 200) throw new Error(`${path}: ${status} ${JSON.stringify(said)}`);
}
