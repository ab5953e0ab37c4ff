import type { PlannedStep } from "#contract/events.ts";
import { durationMs } from "./duration.ts";
import type { StepDefinition, Workflow } from "./kit.ts";

/** What history knows of a step: from the recent successful runs of its workflow version. */
export interface StepHistory {
  readonly medianMs: number;
  readonly p95Ms: number;
}

export type History = ReadonlyMap<string, StepHistory>;

const DEFAULT_WITHIN_MS = 15 * 60_000;

/** The step's deadline over all its attempts and waits, before pace: never infinity. */
export function withinMs(step: StepDefinition): number {
  const { expected, within } = step.times;
  return within === undefined
    ? Math.max(DEFAULT_WITHIN_MS, 10 * durationMs(expected))
    : durationMs(within);
}

/** The step's deadline as it is enforced, in real ms. */
export function pacedWithinMs(step: StepDefinition, pace: number): number {
  const declared = withinMs(step);
  const { least } = step.times;
  const leastMs = least === undefined ? 1 : durationMs(least);
  return Math.round(Math.max(1, declared / pace, Math.min(declared, leastMs)));
}

/** What the steps are planned for: the checked input, and the resource as the request would leave it. */
export interface PlannedFor {
  readonly input: unknown;
  readonly resource: unknown;
}

/**
 * The steps as they will be journalled with the request: expected times from history where there is one,
 * everything declared divided by the pace (a lab's time runs faster); no time for a step that will have nothing to do.
 */
export function planSteps(
  workflow: Workflow,
  { pace, history }: { readonly pace: number; readonly history: History },
  planned: PlannedFor | null,
): PlannedStep[] {
  return workflow.steps.map((step, index) => {
    const past = history.get(step.name);
    const isIdle = planned !== null && typeof step.skipWhen?.(planned) === "string";
    const usualMs = past?.medianMs ?? durationMs(step.times.expected) / pace;
    const expectedMs = isIdle ? 0 : Math.round(usualMs);
    return {
      name: step.name,
      expectedMs,
      withinMs: pacedWithinMs(step, pace),
      overdueAfterMs: Math.round(Math.max(2 * expectedMs, past?.p95Ms ?? 0)),
      undo:
        workflow.pivot !== null && index >= workflow.pivot.before
          ? null
          : typeof step.undo === "function"
            ? "undo"
            : "nothing",
    };
  });
}

export const estimateMs = (plan: readonly Pick<PlannedStep, "expectedMs">[]): number =>
  plan.reduce((sum, step) => sum + step.expectedMs, 0);

const DEFAULT_POLL = { minMs: 1_000, maxMs: 30_000 };

/**
 * When a waiting step is looked at again: after a tenth of what is left of its expected time, or, when that is over, of what it is
 * late by, within its bounds. Many steps that are late together would otherwise be looked at as often as can be, by which
 * whatever is late because it has too much to do gets more.
 */
export function nextLookMs(
  step: StepDefinition,
  {
    expectedMs,
    elapsedMs,
    pace,
  }: { readonly expectedMs: number; readonly elapsedMs: number; readonly pace: number },
): number {
  const { poll } = step.times;
  const minMs = (poll === undefined ? DEFAULT_POLL.minMs : durationMs(poll.min)) / pace;
  const maxMs = (poll === undefined ? DEFAULT_POLL.maxMs : durationMs(poll.max)) / pace;
  const wanted = Math.abs(expectedMs - elapsedMs) / 10;
  return Math.round(Math.min(maxMs, Math.max(minMs, wanted)));
}
