import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import type { Behaviour } from "#lab/kubernetes/behaviours/behaviour.ts";
import { StoreJournal } from "#lab/kubernetes/store/journal.ts";
import { tryCluster } from "#lab/kubernetes/try-cluster.ts";
import type { TryCluster } from "#lab/kubernetes/try-cluster.ts";
import { widget, widgets, widgetsPath } from "#lab/kubernetes/try-widgets.ts";

const kind = "Widget.try.example.org";
const keyOf = (name: string) => ({ kind, namespace: "default", name });

interface Memory {
  readonly looks: number;
}

/** Works in three looks, a minute of life apart, and then says so. */
const worker: Behaviour = {
  manager: "widget-operator",
  watches: [{ kind }],
  reconciles: [kind],
  reconcile: (object, cluster) => {
    const looks = (cluster.memory<Memory>(object)?.looks ?? 0) + 1;
    if (looks > 3) return null;
    cluster.remember(object, { looks });
    cluster.updateStatus(keyOf(object.metadata.name), { phase: looks < 3 ? "Working" : "Done" });
    if (looks === 3) {
      cluster.event(object, "Normal", "Finished", "it is done");
      cluster.effect(`Machine/${object.metadata.name}`, "built", {});
    }
    return 60_000;
  },
  admit: ({ object }) =>
    object.metadata.name.startsWith("bad")
      ? { kind: "refused", reason: "Invalid", message: "a bad name", field: "metadata.name" }
      : {
          kind: "allowed",
          object: { ...object, metadata: { ...object.metadata, labels: { seen: "yes" } } },
        },
  aggregated: [
    {
      groupVersion: "commands.example.org/v1",
      resource: "widgets/poke",
      put: ({ namespace, name }, body, cluster) => {
        const found = cluster.get({ kind, namespace, name });
        return found === undefined
          ? { status: 409, body: { kind: "Status", message: "not running" } }
          : { status: 202, body: body === null ? null : { poked: name } };
      },
    },
  ],
};

let lab: TryCluster | undefined;
afterEach(() => lab?.end());

const done = async (opened: TryCluster, from: number): Promise<void> => {
  const watching = await opened.watch(`${widgetsPath}?watch=true&resourceVersion=${from}`);
  for (let event = await watching.next(); event !== undefined; event = await watching.next())
    if ((event.object.status as { phase?: string } | undefined)?.phase === "Done") break;
  watching.close();
};

describe("an operator", () => {
  test("looks after changes and when its time has come, and tells what it did", async () => {
    const effects: string[] = [];
    lab = await tryCluster({
      crds: [widgets],
      behaviours: [worker],
      speed: 6000,
      effects: (target, action, _detail, key) =>
        effects.push([target, action, key].filter((part) => part !== undefined).join(" ")),
    });
    const from = lab.cluster.store.revision;
    await lab.ask("POST", widgetsPath, {
      body: widget("a", {}, { annotations: { "millwright.dev/run": "run_1" } }),
    });
    await done(lab, from);
    const shown = await lab.ask("GET", `${widgetsPath}/a`);
    expect(shown.body.metadata.labels).toEqual({ seen: "yes" });
    expect(shown.text).toContain('"manager":"widget-operator"');
    const events = await lab.ask(
      "GET",
      "/api/v1/namespaces/default/events?fieldSelector=involvedObject.name%3Da,reason%3DFinished",
    );
    expect(events.body.items).toHaveLength(1);
    expect(effects).toEqual(["Widget/default/a create run_1", "Machine/a built"]);
  });

  test("refuses by its webhooks, and serves paths of its own", async () => {
    lab = await tryCluster({ crds: [widgets], behaviours: [worker] });
    const bad = await lab.ask("POST", widgetsPath, { body: widget("bad-one") });
    expect(bad).toMatchObject({
      status: 422,
      body: { details: { causes: [{ field: "metadata.name" }] } },
    });
    const poke = "/apis/commands.example.org/v1/namespaces/default/widgets/a/poke";
    expect((await lab.ask("PUT", poke)).status).toBe(409);
    await lab.ask("POST", widgetsPath, { body: widget("a") });
    expect(await lab.ask("PUT", poke)).toMatchObject({ status: 202, text: "" });
    expect((await lab.ask("GET", "/apis/commands.example.org/v1")).text).toContain("widgets/poke");
  });

  test("goes on where it was when the lab is started again", async () => {
    const folder = mkdtempSync(path.join(tmpdir(), "operators-"));
    const first = new StoreJournal(folder);
    lab = await tryCluster({ crds: [widgets], behaviours: [worker], speed: 1, journal: first });
    const { kubeconfig } = lab.cluster;
    await lab.ask("POST", widgetsPath, { body: widget("a") });
    const made = await lab.ask("GET", `${widgetsPath}/a`);
    await lab.end();
    first.close();
    const second = new StoreJournal(folder);
    lab = await tryCluster({ crds: [widgets], behaviours: [worker], speed: 6000, journal: second });
    expect(lab.cluster.kubeconfig).toBe(kubeconfig);
    const from = lab.cluster.store.revision;
    if ((await lab.ask("GET", `${widgetsPath}/a`)).text.includes('"Done"') === false)
      await done(lab, from);
    const later = await lab.ask("GET", `${widgetsPath}/a`);
    expect(later.body.metadata.uid).toBe(made.body.metadata.uid);
    expect(later.body.status).toEqual({ phase: "Done" });
    second.close();
    rmSync(folder, { recursive: true, force: true });
  });
});
