import { expect, it } from "vitest";
import { waitFor } from "./problems.ts";

const full = { source: "DataVolume/web-root", reason: "Error", message: "404 Not Found" };
const bare = { source: "VirtualMachine/web", reason: "DataVolumeError", message: "" };

it("says what is awaited, what the operator does, and what it complains of, once", () => {
  expect(waitFor("the machine", "Provisioning", []).reason).toBe(
    "waiting for the machine: Provisioning",
  );
  expect(waitFor("the machine", "Provisioning", [bare, full]).reason).toBe(
    "waiting for the machine: Provisioning (Error: 404 Not Found)",
  );
  expect(waitFor("the machine", "Provisioning: 404 Not Found", [full]).reason).toBe(
    "waiting for the machine: Provisioning: 404 Not Found",
  );
  expect(waitFor("the machine", "DataVolumeError", [bare]).reason).toBe(
    "waiting for the machine: DataVolumeError",
  );
});

it("keeps in mind what was complained of last, because the operator tries again", () => {
  const { memo } = waitFor("the machine", "Provisioning", [full], { memo: undefined });
  const later = waitFor("the machine", "ImportInProgress", [], { memo });
  expect(later.reason).toBe(
    "waiting for the machine: ImportInProgress (before that, Error: 404 Not Found)",
  );
  const last = waitFor("the machine", "DataVolumeError", [bare], { memo: later.memo });
  expect(last.reason).toContain("(before that, Error: 404 Not Found)");
  expect(waitFor("the machine", "Provisioning", [full]).memo).toBeUndefined();
  expect(waitFor("the machine", "Running", [], { memo: { other: 1 } }).memo).toBeUndefined();
});
