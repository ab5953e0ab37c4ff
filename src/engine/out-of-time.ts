import type { JournalledFailure, RunEvent } from "#contract/events.ts";
import { spanText } from "./duration.ts";
import type { RunState, StepState } from "./run-state.ts";

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
  /** What became of the look or the try that was to say how things are, when it did not say it. */
  readonly last?:
    | "look was not answered in time"
    | "try was not answered in time"
    | "look was lost with its process"
    | null;
}

/** What the last look that said something said: the step waits because of it, or did before it was begun or tried again. */
export const lastSeen = (
  { waiting }: Pick<RunState, "waiting">,
  { status, retryAt, lastWait }: Pick<StepState, "status" | "retryAt" | "lastWait">,
): string | null =>
  status === "waiting" && retryAt === null ? (waiting?.reason ?? lastWait) : lastWait;

/**
 * What STEP_TIMEOUT says: the time there was, the reason of the last wait and what went wrong last, because that is where a person begins to
 * look. A reason that a last look did not confirm is told from one that it did. Not which step: every message of a run stands beside its step.
 */
export function deadlineMessage(
  { what, withinMs, error, last: end = null }: Late,
  reason: string | null,
): string {
  const ended = end === null ? "" : `; its last ${end}`;
  const when = end === null ? "at the end" : "before that";
  const said = reason === null ? "" : `; ${when}: ${reason}`;
  const last = error === null ? "" : `; its last failure was ${error.code}: ${error.message}`;
  return `the ${what} did not end within ${spanText(withinMs)}${ended}${said}${last}`;
}

/** What is said of a step that was stopped because its time was over: of the first attempt nothing more than that. */
export function stoppedLate(
  state: Pick<RunState, "waiting">,
  step: StepState,
  withinMs: number,
): string {
  const reason = lastSeen(state, step);
  const again = step.attempts > 1 ? "try was not answered in time" : null;
  const last = reason === null ? again : "look was not answered in time";
  return deadlineMessage({ what: "step", withinMs, error: step.error, last }, reason);
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
