import { expect, it } from "vitest";
import { deadlineMessage } from "./out-of-time.ts";

it("says what the step was waiting for, and what went wrong last", () => {
  const step = { what: "step", withinMs: 3_600_000, error: null } as const;
  expect(deadlineMessage(step, null)).toBe("the step did not end within 60 min");
  const error = { code: "KUBERNETES_UNAVAILABLE" as const, message: "it did not answer" };
  expect(deadlineMessage({ ...step, error }, "the disk is busy")).toBe(
    "the step did not end within 60 min; at the end: the disk is busy; its last failure was KUBERNETES_UNAVAILABLE: it did not answer",
  );
});
