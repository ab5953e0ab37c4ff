import { expect, it } from "vitest";
import type { RunEvent, TimedRunEvent } from "#contract/events.ts";
import { toyHead, toyWorkflow } from "#test/toy-engine.ts";
import type { EngineCore } from "./core.ts";
import { evolveRun } from "./evolve.ts";
import { nothing } from "./kit.ts";
import { performStep } from "./perform.ts";
import { firstState, type Shape, stepName } from "./testing/simulated-run.ts";

/** What a step is told to have ended with whose last look, when its deadline has come, hangs itself. */

const deadline = 61_000;
const shape: Shape = { undo: [false], pivot: null, onFailure: "undo", withinMs: 60_000 };
const step = stepName(0);
const instant = new Date(deadline).toISOString();
const started = (attempt: number): RunEvent => ({
  type: "step.started",
  data: { step, attempt, deadlineAt: instant },
});
const waiting: RunEvent = {
  type: "step.waiting",
  data: { step, reason: "the disk is busy", until: instant },
};
const failed: RunEvent = {
  type: "step.failed",
  data: {
    step,
    attempt: 1,
    error: { code: "KUBERNETES_UNAVAILABLE", message: "mgmt is away" },
    retryAt: instant,
  },
};

const hanging = toyWorkflow("server.inspect", toyHead())
  .step(step, {
    expected: "1s",
    within: "1m",
    undo: nothing("reads"),
    run: ({ signal }) =>
      new Promise<void>((_, reject) => {
        const stop = () => reject(new Error("stopped"));
        if (signal.aborted) stop();
        else signal.addEventListener("abort", stop);
      }),
  })
  .result(() => null);

/** What the step ends with when it hangs at this time until it is stopped. */
async function endOf(events: readonly RunEvent[], now: number): Promise<string> {
  const state = [{ type: "run.started", data: {} } as const, ...events]
    .map((event): TimedRunEvent => ({ ...event, at: 1_000 }))
    .reduce(evolveRun, firstState(shape));
  const clock = { now: () => now, sleep: () => new Promise<void>(() => undefined) };
  const core = { clock, pace: 1, random: () => 0.5, log: () => undefined };
  const performed = await performStep({
    core: core as unknown as EngineCore,
    workflow: hanging,
    state,
    index: 0,
    resource: null,
    ports: {},
    fence: { run: state.id, owner: "test/0", fence: 1 },
    signal: AbortSignal.abort("deadline"),
    life: new AbortController().signal,
  });
  if (typeof performed === "symbol") throw new Error("the run is gone");
  const [event] = performed.events;
  if (event?.type !== "step.failed") throw new Error("the step has not failed");
  expect(event.data).toMatchObject({ error: { code: "STEP_TIMEOUT" }, retryAt: null });
  return event.data.error.message;
}

it("says that the look itself hung, and what was seen before", async () => {
  const message = await endOf([started(1), waiting, started(2)], deadline + 1);
  expect(message).toBe(
    "the step did not end within 60 s; its last look was not answered in time; before that: the disk is busy",
  );
  // A look that began in time and was to be enough.
  expect(await endOf([started(1), waiting], deadline - 100)).toBe(message);
});

it("remembers what was seen through an outage", async () => {
  const message = await endOf([started(1), waiting, failed, started(2)], deadline + 1);
  expect(message).toBe(
    "the step did not end within 60 s; its last look was not answered in time; before that: the disk is busy; its last failure was KUBERNETES_UNAVAILABLE: mgmt is away",
  );
});

it("says that the try hung where nothing was seen before", async () => {
  expect(await endOf([started(1), failed, started(2)], deadline + 1)).toBe(
    "the step did not end within 60 s; its last try was not answered in time; its last failure was KUBERNETES_UNAVAILABLE: mgmt is away",
  );
});

it("does not speak of looks where the first attempt took all the time", async () => {
  expect(await endOf([started(1)], 2_000)).toBe("the step did not end within 60 s");
});
