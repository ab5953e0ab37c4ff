import { expect, it } from "vitest";
import type { VmPort } from "#drivers/vm-ports.ts";
import { Story, createInput, deleteInput, spec } from "#domain/vm/testing/story.ts";
import { vmDelete } from "./delete.ts";

type Disks = Awaited<ReturnType<VmPort["disks"]>>;

/** What the deletion says in the end when these disks were there before it, and those after it. */
const told = async (keepDisks: boolean, before: readonly string[], after: Disks) => {
  const story = new Story();
  story.begin("vm.create", createInput);
  const facts: unknown[] = [];
  const prior: Record<string, unknown> = { validate: { disks: before } };
  const context = {
    input: { ...deleteInput, keepDisks },
    resource: { ...story.state, spec, problems: [] },
    run: { id: "run_1" },
    prior,
    ports: { vms: { delete: async () => "gone", disks: async () => after } },
    fact: (fact: unknown) => facts.push(fact),
  };
  for (const name of ["await-gone", "record"]) {
    const step = vmDelete.steps.find((each) => each.name === name)!;
    prior[name] = await step.run(context as unknown as Parameters<typeof step.run>[0]);
  }
  return facts;
};

const kept = (name: string) => ({ name, owned: false });
const deleted = (data: object) => [{ type: "vm.deleted", data }];

it("says that the disks are kept when they are there without their machine", async () => {
  const names = ["root", "data"];
  expect(await told(true, names, names.map(kept))).toEqual(deleted({ disksKept: true }));
});

it("says which disks are lost, though they were to be kept", async () => {
  const names = ["root", "data", "logs"];
  const after = [kept("root"), { name: "logs", owned: true }];
  expect(await told(true, names, after)).toEqual(
    deleted({ disksKept: false, disksLost: ["data", "logs"] }),
  );
});

it("says nothing of the disks that were to go", async () => {
  expect(await told(false, ["root"], [])).toEqual(deleted({ disksKept: false }));
});
