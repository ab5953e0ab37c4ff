import { afterAll, beforeAll, expect, test } from "vitest";
import type { Kind } from "./kinds/kind.ts";
import { tryCluster } from "./try-cluster.ts";
import type { Told, TryCluster } from "./try-cluster.ts";
import { makeWidget, stored } from "./try-store.ts";
import { widget, widgets, widgetsPath } from "./try-widgets.ts";

/*
 * What an update is compared with: rules about the old value, and the tolerance for what was wrong before.
 */

const name = { type: "string", "x-kubernetes-validations": [{ rule: "self == oldSelf" }] } as const;
const even = {
  type: "object",
  properties: { size: { type: "integer", maximum: 10 }, count: { type: "integer" } },
  "x-kubernetes-validations": [{ rule: "!has(self.count) || self.count % 2 == 0" }],
} as const;

const kind: Kind = {
  ...widgets,
  versions: widgets.versions.map((version) => ({
    ...version,
    schema: {
      type: "object",
      properties: {
        spec: { type: "object", properties: { name, even, note: { type: "string" } } },
        status: { type: "object", properties: { name } },
      },
    },
    subresources: { status: true, scale: null },
    selectableFields: [],
  })),
};

let lab: TryCluster;

beforeAll(async () => {
  lab = await tryCluster({ crds: [kind] });
});
afterAll(() => lab.end());

const merge = (path: string, body: object): Promise<Told> =>
  lab.ask("PATCH", `${widgetsPath}/${path}`, { body, type: "application/merge-patch+json" });

test("a rule about the old value is asked about every update, and about no new object", async () => {
  const made = await lab.ask("POST", widgetsPath, { body: widget("named", { name: "a" }) });
  expect(made.status).toBe(201);
  expect((await merge("named", { spec: { note: "n" } })).status).toBe(200);
  const refused = await merge("named", { spec: { name: "b" } });
  expect(refused).toMatchObject({
    status: 422,
    body: { details: { causes: [{ field: "spec.name" }] } },
  });
  const applied = await lab.ask("PATCH", `${widgetsPath}/named?fieldManager=a&force=true`, {
    body: widget("named", { name: "b" }),
    type: "application/apply-patch+yaml",
  });
  expect(applied.status).toBe(422);
  expect((await merge("named/status", { status: { name: "a" } })).status).toBe(200);
  expect((await merge("named/status", { status: { name: "b" } })).status).toBe(422);
});

test("what was wrong before is no reason to refuse an update that leaves it as it is", async () => {
  await makeWidget(lab, "wrong");
  const live = stored(lab, "wrong");
  if (live === undefined) throw new Error("the widget is not stored");
  // As if the definition had become stricter since.
  lab.cluster.store.put({ ...live, spec: { even: { size: 20, count: 3 } } });
  expect((await merge("wrong", { spec: { note: "n" } })).status).toBe(200);
  expect(await merge("wrong", { spec: { even: { size: 21 } } })).toMatchObject({
    status: 422,
    body: {
      details: { causes: [{ field: "spec.even.size" }, { field: "spec.even" }] },
    },
  });
  expect((await merge("wrong", { spec: { even: { count: 2 } } })).status).toBe(200);
});
