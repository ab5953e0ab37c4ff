import { expect, it } from "vitest";
import { deadlineMessage } from "./out-of-time.ts";

it("says what the step was waiting for, and what went wrong last", () => {
  const step = { name: "await-gone", error: null };
  expect(deadlineMessage(step, null)).toBe("await-gone did not end within its deadline");
  const waiting = { reason: "the disk is busy", since: 1, until: 2 };
  const error = { code: "KUBERNETES_UNAVAILABLE" as const, message: "it did not answer" };
  expect(deadlineMessage({ ...step, error }, waiting)).toBe(
    "await-gone did not end within its deadline; it was waiting: the disk is busy; its last failure was KUBERNETES_UNAVAILABLE: it did not answer",
  );
});
