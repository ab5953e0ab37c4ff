import { describe, expect, it } from "vitest";
import { workflowTypes, type WorkflowType } from "#contract/run.ts";
import * as cluster from "./cluster/testing/story.ts";
import { requestEdits } from "./retry-edits.ts";
import * as vm from "./vm/testing/story.ts";

const inputs: readonly (readonly [WorkflowType, object])[] = [
  ["cluster.create", cluster.createInput],
  [
    "cluster.create",
    {
      ...cluster.createInput,
      spec: {
        ...cluster.spec,
        driver: "k0rdent",
        class: null,
        template: "a-1-34",
        credential: "aws",
        config: { region: "ams1" },
      },
    },
  ],
  ["cluster.scale", cluster.scaleInput()],
  ["cluster.upgrade", cluster.upgradeInput()],
  ["cluster.delete", cluster.deleteInput],
  ["vm.create", vm.createInput],
  ["vm.power", { ...vm.powerInput("stop"), force: true }],
  ["vm.delete", { ...vm.deleteInput, keepDisks: true }],
];

const edited = (type: WorkflowType, input: object, edit: Readonly<Record<string, unknown>>) => {
  const rules = requestEdits[type]!;
  const parsed = rules.request.safeParse(rules.merge(input, edit));
  return parsed.success
    ? rules.apply(input, parsed.data, edit)
    : parsed.error.issues.map(({ path }) => path.join("."));
};

it("can be told of every workflow that people start", () => {
  const started = workflowTypes.filter((type) => !type.startsWith("sync."));
  expect(Object.keys(requestEdits).toSorted()).toEqual(started.toSorted());
});

it.each(inputs)("an edit of %s that names nothing changes nothing", (type, input) => {
  expect(edited(type, input, {})).toEqual({ input, clear: {} });
});

describe("an edit of a creation", () => {
  it("changes what it names and keeps what was chosen", () => {
    expect(edited("cluster.create", cluster.createInput, { name: "other" })).toEqual({
      input: { ...cluster.createInput, spec: { ...cluster.spec, name: "other" } },
      clear: {},
    });
    expect(
      edited("cluster.create", cluster.createInput, { managementCluster: "edge" }),
    ).toMatchObject({
      input: { spec: { place: { managementCluster: "edge", namespace: "default" } } },
    });
  });

  it("is checked like the request", () => {
    const edit = { controlPlane: { replicas: 2 } };
    expect(edited("cluster.create", cluster.createInput, edit)).toEqual(["controlPlane.replicas"]);
    expect(edited("vm.create", vm.createInput, { disks: [] })).toEqual(["disks"]);
  });

  it("takes new user data in clear or none, and no reference", () => {
    const bare = { ...vm.createInput, spec: { ...vm.spec, userData: null } };
    expect(edited("vm.create", vm.createInput, { userData: "#cloud-config" })).toEqual({
      input: bare,
      clear: { "spec.userData": "#cloud-config" },
    });
    expect(edited("vm.create", vm.createInput, { userData: null })).toEqual({
      input: bare,
      clear: {},
    });
    expect(edited("vm.create", vm.createInput, { userData: vm.spec.userData })).toEqual([
      "userData",
    ]);
  });
});
