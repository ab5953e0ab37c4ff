import { expect, it } from "vitest";
import { z } from "zod";
import { nothing, workflowKit } from "./kit.ts";
import { summarise } from "./history.ts";
import { estimateMs, nextLookMs, pacedWithinMs, planSteps, withinMs } from "./plan.ts";

const run = async (): Promise<void> => undefined;
const workflow = workflowKit<{
  ports: object;
  resource: unknown;
  fact: { type: string; data: unknown };
}>()("server.provision", {
  version: 1,
  summary: "x",
  input: z.object({}),
  resource: () => ({ type: "server", id: "srv_1" }),
  onFailure: "undo",
})
  .step("look", { expected: "2s", run, undo: nothing("reads") })
  .step("reserve", { expected: "10m", run, undo: run })
  .pivot("no way back")
  .step("install", {
    expected: "9m",
    within: "40m",
    poll: { min: "5s", max: "20s" },
    run,
  })
  .result(() => null);

const history = new Map([["look", { medianMs: 7_000, p95Ms: 90_000 }]]);

it("plans with declared times, each with an end, and without undo past the pivot", () => {
  expect(planSteps(workflow, { pace: 1, history: new Map() }, null)).toEqual([
    // The shortest default deadline is a quarter of an hour.
    { name: "look", expectedMs: 2_000, withinMs: 900_000, overdueAfterMs: 4_000, undo: "nothing" },
    {
      name: "reserve",
      expectedMs: 600_000,
      withinMs: 6_000_000,
      overdueAfterMs: 1_200_000,
      undo: "undo",
    },
    {
      name: "install",
      expectedMs: 540_000,
      withinMs: 2_400_000,
      overdueAfterMs: 1_080_000,
      undo: null,
    },
  ]);
  expect(estimateMs(planSteps(workflow, { pace: 1, history: new Map() }, null))).toBe(1_142_000);
  for (const step of workflow.steps) expect(withinMs(step)).toBeLessThan(Number.POSITIVE_INFINITY);
});

it("divides what is declared by the pace, and takes history, which is in real time, as it is", () => {
  const [look, reserve] = planSteps(workflow, { pace: 100, history: history }, null);
  expect(look).toMatchObject({ expectedMs: 7_000, withinMs: 9_000, overdueAfterMs: 90_000 });
  expect(reserve).toMatchObject({ expectedMs: 6_000, withinMs: 60_000, overdueAfterMs: 12_000 });
  // However fast a lab runs, a step gets a moment.
  for (const step of planSteps(workflow, { pace: 1e9, history: new Map() }, null))
    expect(step.withinMs).toBeGreaterThan(0);
});

it("plans no time for a step that will have nothing to do", () => {
  const steps = workflow.steps.map((step) => ({
    ...step,
    skipWhen:
      step.name === "look"
        ? null
        : ({ resource }: { readonly resource: unknown }) =>
            resource === step.name ? null : "not today",
  }));
  const planned = { input: {}, resource: "install" };
  const plan = planSteps({ ...workflow, steps }, { pace: 1, history }, planned);
  expect(plan.map(({ expectedMs }) => expectedMs)).toEqual([7_000, 0, 540_000]);
  // Its deadline stays: it may have something to do all the same when its turn comes.
  expect(plan[1]?.withinMs).toBe(6_000_000);
});

it("shortens no deadline below what its workflow's drivers need in real time", () => {
  const times = { expected: "1s", within: "15m", least: "1m" } as const;
  const step = { ...workflow.steps[0]!, times };
  expect([1, 10, 60, 1e9].map((pace) => pacedWithinMs(step, pace))).toEqual([
    900_000, 90_000, 60_000, 60_000,
  ]);
  // It lengthens none either.
  const hasty = { ...step, times: { ...times, within: "30s" } } as const;
  expect([1, 1e9].map((pace) => pacedWithinMs(hasty, pace))).toEqual([30_000, 30_000]);
});

it("looks again after a tenth of what is left, or of what it is late by, within bounds", () => {
  const [look, , install] = workflow.steps;
  const next = (step = look!, elapsedMs = 0, pace = 1, expectedMs = 100_000) =>
    nextLookMs(step, { expectedMs, elapsedMs, pace });
  expect(next()).toBe(10_000);
  expect(next(look, 50_000)).toBe(5_000);
  expect(next(look, 95_000)).toBe(1_000);
  expect([105_000, 250_000, 3_600_000].map((ms) => next(look, ms))).toEqual([
    1_000, 15_000, 30_000,
  ]);
  expect(next(look, 0, 1, 3_600_000)).toBe(30_000);
  expect([next(install), next(install, 0, 1, 3_600_000), next(install, 100_000)]).toEqual([
    10_000, 20_000, 5_000,
  ]);
  expect(next(install, 100_000, 10)).toBe(500);
});

it("learns from steps that ran to their end, once there are enough of them", () => {
  const ran = (
    ms: number,
    status: "completed" | "failed" | "reused" | "skipped" = "completed",
  ) => ({
    steps: [
      {
        name: "look",
        status,
        attempts: 1,
        failures: 0,
        losses: 0,
        undoLosses: 0,
        didNothing: false,
        startedAt: 1_000,
        completedAt: 1_000 + ms,
        deadlineAt: null,
        undo: null,
        undoFailures: 0,
        undoStartedAt: null,
        retryAt: null,
        lastWait: null,
        key: null,
        error: null,
      },
    ],
  });
  expect(summarise([ran(1), ran(2)]).size).toBe(0);
  expect(
    summarise([ran(1), ran(2), ran(3, "failed"), ran(4, "reused"), ran(5, "skipped")]).size,
  ).toBe(0);
  const many = Array.from({ length: 100 }, (_, index) => ran(index + 1)).toReversed();
  expect(summarise(many).get("look")).toEqual({ medianMs: 51, p95Ms: 96 });
});
