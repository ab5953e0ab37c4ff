import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { Vm } from "#contract/vm.ts";
import { type Answer, type ApiWorld, openApiWorld, vmsPath } from "#test/api-world.ts";

let world: ApiWorld;
beforeAll(async () => {
  world = await openApiWorld();
});
beforeEach(() => {
  world.ports.behaviour = "end";
});
afterAll(() => world.close());

let last = 0;
const newBody = (more: object = {}): Record<string, unknown> => {
  last += 1;
  return {
    name: `vm-${last}`,
    cpus: 2,
    memory: "4Gi",
    disks: [
      { name: "root", size: "20Gi", image: "https://images.example/debian-13.qcow2" },
      { name: "data", size: "1Ti" },
    ],
    ...more,
  };
};
const wait = { prefer: "wait=30" };
const create = (more: object = {}): Promise<Answer> =>
  world.read("POST", vmsPath, { body: newBody(more), headers: wait });
const pathOf = (id: string): string => `${vmsPath}/${id}`;
const power = (id: string, action: string, more: object = {}): Promise<Answer> =>
  world.read("POST", `${pathOf(id)}/power`, { body: { action, ...more }, headers: wait });
const refusal = ({ status, body }: Answer) => [status, body.error?.code];

it("creates a virtual machine, starts it from its first disk, and shows no secret", async () => {
  const { status, body } = await create({ userData: "#cloud-config with a password" });
  expect(status).toBe(200);
  const vm = Vm.parse(body.data);
  expect(vm).toMatchObject({
    state: "running",
    place: { managementCluster: "mgmt", namespace: "default" },
    disks: [
      { name: "root", boot: true },
      { name: "data", image: null, boot: false },
    ],
    networks: [],
    actions: ["start", "stop", "restart", "pause", "unpause", "delete"],
  });
  expect(body.data).not.toHaveProperty("userData");
  const rows = await world.db.query(
    "select 1 from events where data::text like '%with a password%'",
  );
  expect(rows).toEqual([]);
  expect(await world.db.query("select 1 from secrets where run_id is not null")).toHaveLength(1);
});

it("refuses what the request alone can tell, field by field", async () => {
  const disk = { name: "root", size: "1Gi" };
  const cases: readonly (readonly [object, string])[] = [
    [{ disks: [] }, "disks"],
    [{ disks: [{ ...disk, size: "1GB" }] }, "disks[0].size"],
    [{ disks: [disk, disk] }, "disks[1].name"],
    [
      {
        disks: [
          { ...disk, boot: true },
          { ...disk, name: "b", boot: true },
        ],
      },
      "disks[1].boot",
    ],
    [{ disks: [{ ...disk, image: "file:///etc/passwd" }] }, "disks[0].image"],
    [{ disks: [{ ...disk, image: "https://u:p@images.example/a" }] }, "disks[0].image"],
    [{ networks: ["a", "a"] }, "networks[1]"],
    [{ cpus: 0 }, "cpus"],
    [{ memory: "lots" }, "memory"],
    [{ managementCluster: "elsewhere" }, "managementCluster"],
  ];
  for (const [more, field] of cases) {
    const { status, body } = await create(more);
    expect([status, Object.keys(body.error?.details?.fields ?? {})], field).toEqual([400, [field]]);
  }
});

it("switches power by state, and takes what is so already", async () => {
  const { id } = Vm.parse((await create()).body.data);
  for (const [action, state] of [
    ["start", "running"],
    ["pause", "paused"],
    ["pause", "paused"],
    ["unpause", "running"],
    ["stop", "stopped"],
    ["stop", "stopped"],
  ] as const)
    expect((await power(id, action)).body.data, action).toMatchObject({ state });
  const refused = await power(id, "pause");
  expect(refusal(refused)).toEqual([409, "INVALID_STATE_TRANSITION"]);
  expect(refused.body.error.details).toMatchObject({ allowed: ["start", "stop", "delete"] });
  expect(refusal(await power(id, "start", { force: true }))).toEqual([400, "VALIDATION_ERROR"]);
  world.ports.behaviour = "fail";
  await power(id, "start");
  const broken = await world.read("GET", pathOf(id));
  expect(broken.body.data).toMatchObject({
    state: "error",
    error: { code: "KUBERNETES_REJECTED" },
  });
});

it("plans a creation without writing anything, and tells of a name that is taken", async () => {
  const plan = (more: object = {}): Promise<Answer> =>
    world.read("POST", `${vmsPath}?plan=true`, { body: newBody(more) });
  const { id, name } = Vm.parse((await create()).body.data);
  const free = await plan({ userData: "#cloud-config" });
  expect([free.status, free.body.data]).toMatchObject([
    200,
    { workflow: "vm.create", refusals: [] },
  ]);
  expect((await plan({ name })).body.data).toMatchObject({
    workflow: "vm.create",
    refusals: [{ code: "CONFLICT", details: { vmId: id, fields: { name: "is taken" } } }],
  });
  const same = newBody();
  expect((await world.read("POST", `${vmsPath}?plan=true`, { body: same })).status).toBe(200);
  expect((await world.read("POST", vmsPath, { body: same, headers: wait })).status).toBe(200);
});

it("deletes it, keeping its disks when that is asked, and frees its name", async () => {
  const { id, name } = Vm.parse((await create()).body.data);
  expect(refusal(await create({ name }))).toEqual([409, "CONFLICT"]);
  const planned = await world.read("DELETE", `${pathOf(id)}?plan=true&keepDisks=true`);
  expect(planned.body.data).toMatchObject({ workflow: "vm.delete", refusals: [] });
  const deleted = await world.read("DELETE", `${pathOf(id)}?keepDisks=true`, { headers: wait });
  expect(deleted.body.data).toMatchObject({ state: "deleted", actions: [] });
  const events = await world.read("GET", `${pathOf(id)}/events`);
  expect(events.body.data).toContainEqual(
    expect.objectContaining({ type: "vm.deleted", data: { disksKept: true } }),
  );
  expect((await create({ name })).status).toBe(200);
  expect((await world.read("DELETE", `${pathOf(id)}?keepDisks=maybe`)).status).toBe(400);
});

it("leaves nothing of a creation that failed, whose retry takes new user data", async () => {
  world.ports.behaviour = "fail";
  const failed = await create({ userData: "one" });
  expect(refusal(failed)).toEqual([500, "KUBERNETES_REJECTED"]);
  const { run, vmId } = failed.body.error.details as unknown as Record<string, string>;
  expect((await world.read("GET", pathOf(String(vmId)))).status).toBe(404);
  world.ports.behaviour = "end";
  const retried = await world.read("POST", `/v1/workflows/runs/${run}/retry`, {
    body: { input: { userData: "two", cpus: 4 } },
    headers: wait,
  });
  expect(retried.status).toBe(200);
  const { input, id } = retried.body.data as { id: string; input: { spec: { userData: string } } };
  expect((await world.read("GET", pathOf(String(vmId)))).body.data).toMatchObject({ cpus: 4 });
  const shown =
    input ??
    ((await world.read("GET", `/v1/workflows/runs/${id}`)).body.data as { input: typeof input })
      .input;
  expect(await world.deps.reveal(shown.spec.userData)).toBe("two");
});

it("lists by state and name, and knows each one's runs", async () => {
  const { id, name } = Vm.parse((await create({ running: false })).body.data);
  const ids = async (query: string) =>
    ((await world.read("GET", `${vmsPath}?${query}`)).body.data as Vm[]).map((vm) => vm.id);
  expect(await ids(`name=${name}`)).toEqual([id]);
  expect(await ids(`name=${name}&state=stopped`)).toEqual([id]);
  expect(await ids(`name=${name}&state=running`)).toEqual([]);
  const runs = await world.read("GET", `${pathOf(id)}/runs`);
  expect(runs.body.data).toMatchObject([{ type: "vm.create", source: "arc" }]);
  const nobody = "vm_01KAP5ZTWC5P7X9N1D3F5H7J9M";
  for (const answer of [
    await world.read("GET", pathOf(nobody)),
    await world.read("GET", `${pathOf(nobody)}/runs`),
    await power(nobody, "start"),
    await world.read("DELETE", pathOf(nobody)),
  ])
    expect(refusal(answer)).toEqual([404, "NOT_FOUND"]);
});

it.each(["events", "runs"])(
  "the %s of another region's machine are refused, whatever is wrong beside",
  async (history) => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown): void => void unhandled.push(reason);
    process.on("unhandledRejection", note);
    const elsewhere = vmsPath.replace("/regions/local/", "/regions/elsewhere/");
    const path = `${elsewhere}/vm_01ARZ3NDEKTSV4RRFFQ69G5FAV/${history}?cursor=nonsense`;
    expect((await world.ask("GET", path)).status).toBe(404);
    await new Promise((resolve) => setImmediate(resolve));
    process.off("unhandledRejection", note);
    // One that nobody handles ends the process.
    expect(unhandled).toEqual([]);
  },
);
