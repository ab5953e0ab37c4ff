import { Failure } from "#contract/failures.ts";
import type { ResourceKind } from "#domain/resource-model.ts";
import type { Plan } from "./requests.ts";

/**
 * A refusal for the state of the world is what a plan is asked for, so it becomes part of the answer. A malformed
 * request, or one about something that is not there, is refused as it would be without a plan: it is thrown again.
 */
export function plannedRefusal(thrown: unknown): Plan["refusals"][number] {
  if (
    !(thrown instanceof Failure) ||
    thrown.code === "VALIDATION_ERROR" ||
    thrown.code === "NOT_FOUND"
  )
    throw thrown;
  const { code, message, details } = thrown;
  return { code, message, ...(details !== undefined && { details }) };
}

/** The refusal of a name that another resource has at the same place. */
export const nameTaken = (type: ResourceKind, bearer: string | null): Failure =>
  new Failure(
    "CONFLICT",
    `${bearer ?? `another ${type}`} has this name at the same place; choose another name`,
    { details: { [`${type}Id`]: bearer, fields: { name: "is taken" } } },
  );
