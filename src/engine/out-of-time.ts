import type { JournalledFailure } from "#contract/events.ts";

/** The end of a step that would be tried again if its deadline left time for it: what really went wrong ends it. */
export const outOfTime = (step: string, last: JournalledFailure): JournalledFailure => ({
  ...last,
  message: `${last.message}; the deadline of ${step} leaves no time for another try`,
});
