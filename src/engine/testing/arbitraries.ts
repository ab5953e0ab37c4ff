import fc from "fast-check";
import type { RunEvent, TimedRunEvent } from "#contract/events.ts";
import type { Happening, Outcome, Script, Shape } from "./simulated-run.ts";

/** Random workflows, worlds and streams for the property tests of the pure core. */

export const shapes: fc.Arbitrary<Shape> = fc
  .array(fc.boolean(), { minLength: 1, maxLength: 6 })
  .chain((undo) =>
    fc.record({
      undo: fc.constant(undo),
      pivot: fc.option(fc.integer({ min: 0, max: undo.length }), { nil: null }),
      onFailure: fc.constantFrom("undo" as const, "hold" as const),
      withinMs: fc.constantFrom(1_000, 60_000, 3_600_000),
    }),
  );

const outcome: fc.Arbitrary<Outcome> = fc.oneof(
  { weight: 8, arbitrary: fc.constant({ kind: "complete" as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: "skip" as const }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("wait" as const),
      forMs: fc.constantFrom(1, 50, 5_000, 400_000),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.constant({ kind: "fail" as const, code: "BMC_CONNECTION_FAILED" as const }),
  },
  {
    weight: 2,
    arbitrary: fc.constant({ kind: "fail" as const, code: "BMC_REJECTED" as const }),
  },
  { weight: 2, arbitrary: fc.constant({ kind: "crash" as const }) },
);

const happening: fc.Arbitrary<Happening | null> = fc.oneof(
  { weight: 10, arbitrary: fc.constant(null) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("act" as const),
      act: fc.constantFrom("cancel", "pause", "resume", "undo", "abandon"),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: "signal" as const }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("pass" as const),
      ms: fc.constantFrom(1, 700, 90_000_000),
    }),
  },
);

export const scripts: fc.Arbitrary<Script> = fc.record({
  outcomes: fc.array(outcome, { maxLength: 24 }),
  happenings: fc.array(happening, { maxLength: 40 }),
  meanwhile: fc.array(happening, { maxLength: 12 }),
});

const step = fc.constantFrom("s0", "s1", "s2", "unknown");
const attempt = fc.integer({ min: 1, max: 4 });
const instant = fc.integer({ min: 0, max: 4e12 }).map((ms) => new Date(ms).toISOString());
const maybeInstant = fc.option(instant, { nil: null });
const error = fc.record({
  code: fc.constantFrom("BMC_REJECTED" as const, "STEP_TIMEOUT" as const),
  message: fc.string(),
});
const reason = fc.option(fc.string(), { nil: null });
const cleanup = fc.constantFrom("none", "running", "complete", "incomplete", "held");
const otherRun = fc.constant("run_01KAP5ZV9QJ5T1W7R9D0C3M8XJ");

/** Any event, whether or not it could come next. `run.requested` never comes twice in a stream, but the fold must not fall over it. */
const dataOf = {
  "run.started": fc.record({}),
  "step.started": fc.record({ step, attempt, deadlineAt: instant }),
  "step.completed": fc.record(
    { step, attempt, output: fc.jsonValue(), skipped: fc.string() },
    { requiredKeys: ["step", "attempt", "output"] },
  ),
  "step.reused": fc.record({
    step,
    output: fc.jsonValue(),
    fromRun: otherRun,
    key: fc.string(),
  }),
  "step.waiting": fc.record(
    {
      step,
      undo: fc.boolean(),
      reason: fc.string(),
      until: instant,
      wakesOn: fc.string(),
      memo: fc.jsonValue(),
    },
    { requiredKeys: ["step", "reason", "until"] },
  ),
  "step.failed": fc.record({ step, attempt, error, retryAt: maybeInstant }),
  "undo.started": fc.record({ step, attempt }),
  "undo.completed": fc.record({ step, result: fc.constantFrom("undone", "nothing") }),
  "undo.failed": fc.record({ step, attempt, error, retryAt: maybeInstant }),
  "run.cancel_requested": fc.record({ reason }),
  "run.paused": fc.record({ reason }),
  "run.resumed": fc.record({ reason }),
  "run.undo_requested": fc.record({ reason }),
  "run.signalled": fc.record({ name: fc.string(), data: fc.jsonValue() }),
  "run.handed_over": fc.record({
    slice: fc.integer(),
    engine: fc.string(),
    engineRun: fc.string(),
  }),
  "run.recovered": fc.record({ lostOwner: reason, step: fc.option(step, { nil: null }) }),
  "run.overtaken": fc.record({ by: otherRun }),
  "run.retried": fc.record({ by: otherRun, reason }),
  "run.completed": fc.record({ output: fc.jsonValue() }),
  "run.failed": fc.record({
    error: error.map((each) => ({ ...each, step: "s0" })),
    cleanup,
  }),
  "run.cancelled": fc.record({ reason, cleanup }),
  "run.cleaned_up": fc.record({ cleanup }),
  "run.attention_raised": fc.record({
    code: fc.constant("BMC_REJECTED"),
    message: fc.string(),
    step: fc.option(step, { nil: null }),
    done: fc.array(step, { maxLength: 2 }),
    notDone: fc.array(step, { maxLength: 2 }),
    waysOut: fc.constant([]),
  }),
  "run.abandoned": fc.record({ reason: fc.string() }),
  "run.of_a_later_version": fc.record({ anything: fc.jsonValue() }),
} satisfies Record<
  Exclude<RunEvent["type"], "run.requested"> | "run.of_a_later_version",
  fc.Arbitrary<object>
>;

export const anyEvent: fc.Arbitrary<TimedRunEvent> = fc.oneof(
  ...Object.entries(dataOf).map(([type, data]) =>
    fc
      .record({ data: data as fc.Arbitrary<object>, at: fc.integer({ min: 0, max: 4e12 }) })
      .map((rest) => ({ type, ...rest }) as unknown as TimedRunEvent),
  ),
);
