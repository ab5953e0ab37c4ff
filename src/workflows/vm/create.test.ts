import { expect, it } from "vitest";
import { Story, createInput, spec } from "#domain/vm/testing/story.ts";
import { vmCreate } from "./create.ts";

it("waits for every disk of a machine that is not to run, also before KubeVirt has made them", async () => {
  const halted = { ...spec, running: false };
  const story = new Story();
  story.begin("vm.create", { ...createInput, spec: halted });
  const step = vmCreate.steps.find(({ name }) => name === "await-running")!;
  const looked = (disks: readonly object[]): unknown => {
    const state = { power: "stopped", ready: false, node: null, addresses: [], disks };
    const context = {
      resource: { ...story.state, spec: halted, problems: [] },
      ports: { vms: { read: async () => ({ ...state, summary: "Stopped", problems: [] }) } },
      fact: () => undefined,
    };
    return step.run(context as unknown as Parameters<typeof step.run>[0]);
  };
  expect(await looked([])).toMatchObject({ kind: "wait" });
  expect(await looked([{ name: "tools", phase: "Succeeded" }])).toMatchObject({ kind: "wait" });
  expect(await looked([{ name: "root", phase: "ImportInProgress" }])).toMatchObject({
    kind: "wait",
  });
  expect(await looked([{ name: "root", phase: "Succeeded" }])).toEqual({
    node: null,
    addresses: [],
  });
});
