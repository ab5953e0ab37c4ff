import { describe, expect, it } from "vitest";
import { Failure } from "#contract/failures.ts";
import { fieldManager } from "./labels.ts";
import { type ManagedFields, otherManagersOf, refuseManaged } from "./managers.ts";

const field = ["spec", "pools", { name: "a" }, "replicas"] as const;

const owner = (manager: string, fieldsV1: Record<string, unknown>): ManagedFields[number] => ({
  manager,
  fieldsV1,
});

/** Owns fields of one entry of the list. */
const ofEntry = (manager: string, name: string, ...fields: readonly string[]) =>
  owner(manager, {
    "f:spec": {
      "f:pools": {
        ".": {},
        [`k:{"name":"${name}"}`]: Object.fromEntries([".", ...fields].map((each) => [each, {}])),
      },
    },
  });

describe("the other managers of a field", () => {
  const rows: readonly (readonly [string, ManagedFields, readonly string[]])[] = [
    ["are none where nobody owns it", [], []],
    ["are those that own it", [ofEntry("flux", "a", "f:replicas")], ["flux"]],
    ["are not ourselves", [ofEntry(fieldManager, "a", "f:replicas")], []],
    ["do not own it by another entry", [ofEntry("flux", "b", "f:replicas")], []],
    ["do not own it by the entry's other fields", [ofEntry("flux", "a", "f:class")], []],
    [
      "own it by a list that is theirs whole",
      [owner("argo", { "f:spec": { "f:pools": {} } })],
      ["argo"],
    ],
    ["do not own it by having said that there is a spec", [owner("flux", { "f:spec": {} })], []],
    ["do not own it by another subresource", [owner("operator", { "f:status": {} })], []],
    ["do not own it by nothing", [owner("gone", {})], []],
    [
      "are named once each, also where they share it with us",
      [
        ofEntry("flux", "a", "f:replicas"),
        ofEntry("kubectl", "a", "f:replicas"),
        ofEntry("flux", "a", "f:replicas"),
        ofEntry(fieldManager, "a", "f:replicas"),
      ],
      ["flux", "kubectl"],
    ],
  ];
  it.each(rows)("%s", (_, managed, expected) => {
    expect(otherManagersOf(managed, field)).toEqual(expected);
  });

  it("are named in the refusal, with the field as the API server names it", () => {
    const refuse = (managed: ManagedFields): unknown => {
      try {
        refuseManaged(managed, field, "the number");
      } catch (error) {
        return error;
      }
      return null;
    };
    expect(refuse([])).toBeNull();
    const failure = refuse([ofEntry("flux", "a", "f:replicas")]) as Failure;
    expect(failure).toBeInstanceOf(Failure);
    expect(failure.code).toBe("CONFLICT");
    expect(failure.message).toContain("the number is set by another field manager, flux");
    expect(failure.details).toEqual({
      reason: "FieldManagerConflict",
      causes: [{ field: '.spec.pools[name="a"].replicas', manager: "flux" }],
    });
  });
});
