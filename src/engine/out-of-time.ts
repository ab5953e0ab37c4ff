import type { JournalledFailure } from "#contract/events.ts";
import type { RunState, StepState } from "./run-state.ts";

/** The end of a step that would be tried again if its deadline left time for it: what really went wrong ends it. */
export const outOfTime = (step: string, last: JournalledFailure): JournalledFailure => ({
  ...last,
  message: `${last.message}; the deadline of ${step} leaves no time for another try`,
});

/**
 * What STEP_TIMEOUT says of a step: what it was waiting for and what went wrong last, because that is where a person begins to
 * look.
 */
export function deadlineMessage(
  { name, error }: Pick<StepState, "name" | "error">,
  waiting: RunState["waiting"],
): string {
  const waited = waiting === null ? "" : `; it was waiting: ${waiting.reason}`;
  const last = error === null ? "" : `; its last failure was ${error.code}: ${error.message}`;
  return `${name} did not end within its deadline${waited}${last}`;
}
