import type { JournalledFailure, RunEvent } from "#contract/events.ts";
import { spanText } from "./duration.ts";
import type { StepState } from "./run-state.ts";

/** The end of a step that would be tried again if its deadline left time for it: what really went wrong ends it. */
export const outOfTime = (step: string, last: JournalledFailure): JournalledFailure => ({
  ...last,
  message: `${last.message}; the deadline of ${step} leaves no time for another try`,
});

/** What was to end in time, and how long it had (ms of real time). */
interface Late {
  readonly what: "step" | "undo";
  readonly withinMs: number;
  readonly error: StepState["error"];
}

/**
 * What STEP_TIMEOUT says: the time there was, the reason of the last wait and what went wrong last, because that is where a person begins to
 * look. Not which step: every message of a run stands beside its step.
 */
export function deadlineMessage({ what, withinMs, error }: Late, reason: string | null): string {
  const said = reason === null ? "" : `; at the end: ${reason}`;
  const last = error === null ? "" : `; its last failure was ${error.code}: ${error.message}`;
  return `the ${what} did not end within ${spanText(withinMs)}${said}${last}`;
}

/** The end of a step that still has to wait when its deadline has come: it was looked at then, so this is how things are. */
export const waitedTooLong = (
  step: Pick<StepState, "name" | "error" | "attempts">,
  { withinMs, reason }: { readonly withinMs: number; readonly reason: string },
): Extract<RunEvent, { type: "step.failed" }> => ({
  type: "step.failed",
  data: {
    step: step.name,
    attempt: Math.max(1, step.attempts),
    error: {
      code: "STEP_TIMEOUT",
      message: deadlineMessage({ what: "step", withinMs, error: step.error }, reason),
    },
    retryAt: null,
  },
});
