import type { KubernetesPlace } from "#contract/cluster.ts";
import { Failure } from "#contract/failures.ts";
import { activeRun } from "#contract/run-path.ts";
import type { z } from "zod";
import { type AtWork, type Rest, type Sound, holder, shownState } from "./at-work.ts";
import type { Admission } from "./resource-model.ts";

/** How requests to change a resource are refused, in the same words whatever the resource is. */

export const invalid = (field: string, message: string): Failure =>
  new Failure("VALIDATION_ERROR", `${field} ${message}`, {
    details: { fields: { [field]: message } },
  });

/** Reads the run's input; what does not have its form is refused field by field. */
export function checked<Input, Fact>(
  schema: z.ZodType<Input>,
  admission: Admission,
  then: (input: Input) => readonly Fact[] | Failure,
): readonly Fact[] | Failure {
  const parsed = schema.safeParse(admission.input);
  if (parsed.success) return then(parsed.data);
  const fields = Object.fromEntries(
    parsed.error.issues.map((issue) => [issue.path.join("."), issue.message]),
  );
  return new Failure(
    "VALIDATION_ERROR",
    `the input of ${admission.workflow} does not have its documented form`,
    { details: { fields } },
  );
}

/**
 * A retry of a creation that left something behind cannot have another name or place: the objects of the first try go by them, and would never
 * be looked for again. Null when it has neither.
 */
export function moved(
  before: { readonly name: string; readonly place: KubernetesPlace } | null,
  after: { readonly name: string; readonly place: KubernetesPlace },
): Failure | null {
  if (before === null) return null;
  const why = "cannot be edited while something of the first try is left: undo that run first";
  if (before.name !== after.name) return invalid("name", why);
  return before.place.managementCluster === after.place.managementCluster
    ? null
    : invalid("managementCluster", why);
}

/** `noun` and `id` name the resource: `cluster cls_…`. */
export interface Named {
  readonly noun: string;
  readonly id: string;
}

export const unknown = ({ noun, id }: Named): Failure =>
  new Failure("NOT_FOUND", `there is no ${noun} ${id}`, { details: { [`${noun}Id`]: id } });

/** The refusal while a run is at work; null when none is. */
export function busy(
  { noun, id }: Named,
  resource: { readonly runs: readonly AtWork[] },
): Failure | null {
  const active = holder(resource);
  return active === null
    ? null
    : new Failure(
        "CONFLICT",
        `run ${active} is at work on ${noun} ${id}; wait for its end or cancel it`,
        { details: activeRun(active) },
      );
}

/** The refusal of a run that another run would start inside itself, where it may not. */
export const notAsChild = (
  { noun, id }: Named,
  { workflow, parent }: Admission,
  resource: { readonly runs: readonly AtWork[] },
): Failure =>
  new Failure(
    "CONFLICT",
    `run ${parent} cannot start a ${workflow} on ${noun} ${id}: it is not the run at work there, or not one that may`,
    { details: { activeRunId: holder(resource) } },
  );

/** The refusal of an action that the state does not allow; null when it is allowed. */
export function stateRefusal(
  { noun, id }: Named,
  resource: { readonly rest: Rest<Sound>; readonly runs: readonly AtWork[] },
  { action, allowed }: { readonly action: string; readonly allowed: readonly string[] },
): Failure | null {
  if (allowed.includes(action)) return null;
  const { rest } = resource;
  const state = shownState(resource);
  const since = state === "error" && "run" in rest ? ` since run ${rest.run} (${rest.code})` : "";
  const words = state === "maintenance" || state === "error" ? `in ${state}${since}` : state;
  const proposal =
    allowed.length === 0 ? "nothing can be asked of it now" : `allowed are ${allowed.join(", ")}`;
  return new Failure(
    "INVALID_STATE_TRANSITION",
    `${action} is not possible: ${noun} ${id} is ${words}; ${proposal}`,
    { details: { state, action, allowed } },
  );
}
