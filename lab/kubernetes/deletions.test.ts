import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { tryCluster } from "./try-cluster.ts";
import type { TryCluster } from "./try-cluster.ts";
import { widget, widgets, widgetsPath } from "./try-widgets.ts";

/*
 * What a real API server (1.36) was measured to do (test/twin).
 */

const hold = "try.example.org/hold";
const at = (name: string): string => `${widgetsPath}/${name}`;

describe("a deletion", () => {
  let lab: TryCluster;
  beforeAll(async () => {
    lab = await tryCluster({ crds: [widgets] });
  });
  afterAll(() => lab.end());
  const make = (name: string, finalizers: readonly string[], labels = {}) =>
    lab.ask("POST", widgetsPath, { body: widget(name, {}, { finalizers, labels }) });

  test.each([
    [{ propagationPolicy: "Background" }, ["orphan", hold], [hold]],
    [{ propagationPolicy: "Foreground" }, ["orphan", hold], [hold, "foregroundDeletion"]],
    [{ propagationPolicy: "Orphan" }, ["foregroundDeletion", hold], [hold, "orphan"]],
    [{ orphanDependents: true }, [hold], [hold, "orphan"]],
    [{ orphanDependents: false }, ["orphan", hold], [hold]],
    [{}, ["orphan", hold], ["orphan", hold]],
  ])("with %j of what has %j leaves %j", async (options, before, after) => {
    const name = `p-${after.length}-${JSON.stringify(options).length}`;
    await make(name, before);
    const told = await lab.ask("DELETE", at(name), { body: options });
    expect(told.body.metadata.finalizers).toEqual(after);
  });

  test.each([
    [{ propagationPolicy: "Background", orphanDependents: true }, 422],
    [{ propagationPolicy: "Rubbish" }, 422],
    [{ kind: "Other", apiVersion: "v1" }, 400],
    [{ gracePeriodSeconds: "x" }, 400],
    [[], 400],
  ])("with %j is refused with %d before it is looked for", async (body, status) => {
    expect((await lab.ask("DELETE", at("nobody"), { body })).status).toBe(status);
  });

  test("of a subresource is not there, and of all namespaces at once neither", async () => {
    const part = await lab.ask("DELETE", `${at("nobody")}/status`);
    expect(part).toMatchObject({ status: 405, body: { details: { kind: "widgets" } } });
    const all = await lab.ask("DELETE", "/apis/try.example.org/v1/widgets");
    expect(all).toMatchObject({ status: 404, text: "404 page not found\n" });
  });

  test("of many keeps the preconditions of one", async () => {
    await make("many", [], { script: "many" });
    const path = `${widgetsPath}?labelSelector=script%3Dmany`;
    const told = await lab.ask("DELETE", path, { body: { preconditions: { uid: "x" } } });
    expect(told).toMatchObject({ status: 409, body: { reason: "Conflict" } });
    expect((await lab.ask("GET", path)).body.items).toHaveLength(1);
  });

  test("is not made up by a client", async () => {
    const made = await lab.ask("POST", widgetsPath, {
      body: widget("alive", {}, { deletionGracePeriodSeconds: 7, selfLink: "/x" }),
    });
    expect(made.body.metadata).not.toHaveProperty("deletionGracePeriodSeconds");
    expect(made.body.metadata).not.toHaveProperty("selfLink");
  });
});
