import type { StepDefinition, Workflow } from "#engine/kit.ts";

/**
 * The list of steps of a workflow as its version promises it. Names are public, and runs that are under way fold and
 * go on by this list, so a change of it is a new version.
 */

const undoOf = ({ undo }: StepDefinition): string | null =>
  undo === null ? null : typeof undo === "function" ? "undone" : `nothing: ${undo.why}`;

export function stepList(workflow: Workflow): string {
  const { type, version, pivot, steps } = workflow;
  const list = {
    type,
    version,
    pivot: pivot === null ? null : { before: steps[pivot.before]?.name, reason: pivot.reason },
    steps: steps.map((step) => ({ name: step.name, ...step.times, undo: undoOf(step) })),
  };
  return `${JSON.stringify(list, null, 2)}\n`;
}

export const stepListPath = ({ type, version }: Workflow): string =>
  `test/goldens/workflows/${type}@${version}.json`;
