import { describe, expect, it } from "vitest";
import { Failure } from "#contract/failures.ts";
import type { VmPowerAction } from "#contract/vm.ts";
import { Story, powerInput, spec } from "#domain/vm/testing/story.ts";
import type { VmPort, VmState } from "#drivers/vm-ports.ts";
import { vmPower } from "./power.ts";

const running: VmState = {
  uid: "u-1",
  deleting: false,
  printableStatus: "Running",
  runStrategy: "Always",
  instance: { uid: "i-1", phase: "Running" },
  power: "running",
  ready: true,
  node: "worker-1",
  addresses: [],
  disks: [],
  summary: "Running",
  problems: [],
};
const paused: VmState = { ...running, power: "paused", printableStatus: "Paused" };
const starting: VmState = {
  ...running,
  power: null,
  ready: false,
  printableStatus: "Starting",
  instance: { uid: "i-1", phase: "Scheduling" },
};
const stopped: VmState = {
  ...running,
  power: "stopped",
  runStrategy: "Halted",
  printableStatus: "Stopped",
  instance: null,
};
const once: VmState = { ...running, runStrategy: "Once" };
const leaving: VmState = { ...running, deleting: true, printableStatus: "Terminating" };

interface Surroundings {
  readonly prior?: object;
  readonly checkRunning?: VmPort["checkRunning"];
}

/** A step of the workflow on a machine that is as said. */
const step = async (
  name: string,
  action: VmPowerAction,
  seen: VmState,
  { prior = {}, checkRunning = async () => undefined }: Surroundings = {},
) => {
  const story = new Story().being("running");
  const found = vmPower.steps.find((each) => each.name === name)!;
  const context = {
    input: powerInput(action),
    resource: { ...story.state, spec, problems: [] },
    run: { id: "run_1" },
    prior,
    ports: { vms: { read: async () => seen, checkRunning } },
    fact: () => undefined,
  };
  return found.run(context as unknown as Parameters<typeof found.run>[0]);
};

describe("a power action is refused before the pivot", () => {
  const refused: readonly (readonly [VmPowerAction, string, VmState, readonly string[]])[] = [
    ["pause", "starts", starting, ["start", "stop"]],
    ["unpause", "starts", starting, ["start", "stop"]],
    ["restart", "starts", starting, ["start", "stop"]],
    ["pause", "does not run", stopped, ["start", "stop"]],
    ["unpause", "does not run", stopped, ["start", "stop"]],
    ["restart", "does not run", stopped, ["start", "stop"]],
    ["restart", "runs once", once, ["start", "stop", "pause", "unpause"]],
    ["restart", "is paused", paused, ["stop", "pause", "unpause"]],
    ["start", "is paused", paused, ["stop", "pause", "unpause"]],
    ["start", "is being deleted", leaving, []],
    ["pause", "is being deleted", leaving, []],
  ];
  it.each(refused)("%s of a machine that %s", async (action, _, seen, allowed) => {
    const thrown: unknown = await step("validate", action, seen).catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(Failure);
    expect(thrown).toMatchObject({
      code: "INVALID_STATE_TRANSITION",
      details: { state: seen.printableStatus, action, allowed },
    });
  });
});

describe("a power action is taken", () => {
  const taken: readonly (readonly [VmPowerAction, string, VmState, boolean])[] = [
    ["start", "starts", starting, false],
    ["start", "runs", running, true],
    ["stop", "starts", starting, false],
    ["stop", "does not run", stopped, true],
    ["pause", "runs", running, false],
    ["pause", "is paused", paused, true],
    ["pause", "runs once", once, false],
    ["unpause", "is paused", paused, false],
    ["unpause", "runs", running, true],
    ["restart", "runs", running, false],
    ["restart", "is started by hand", { ...running, runStrategy: "Manual" }, false],
  ];
  it.each(taken)("%s of a machine that %s", async (action, _, seen, already) => {
    expect(await step("validate", action, seen)).toEqual({
      already,
      instance: seen.instance?.uid ?? null,
    });
  });
});

it("a wish to run that is another's is refused before the pivot", async () => {
  const others = new Failure("CONFLICT", "flux sets it");
  const asked: boolean[] = [];
  const checkRunning: VmPort["checkRunning"] = async (_vm, wish) => {
    asked.push(wish);
    throw others;
  };
  await expect(step("validate", "stop", running, { checkRunning })).rejects.toBe(others);
  await expect(step("validate", "start", stopped, { checkRunning })).rejects.toBe(others);
  expect(asked).toEqual([false, true]);
  // These leave the wish as it is.
  await step("validate", "start", running, { checkRunning });
  for (const action of ["restart", "pause"] as const)
    await step("validate", action, running, { checkRunning });
});

it("a restart is seen by another instance than before", async () => {
  const prior = { validate: { already: false, instance: "i-1" } };
  expect(await step("await-state", "restart", running, { prior })).toMatchObject({ kind: "wait" });
  const next = { ...running, instance: { uid: "i-2", phase: "Running" } };
  expect(await step("await-state", "restart", next, { prior })).toEqual({
    node: "worker-1",
    addresses: [],
  });
});
