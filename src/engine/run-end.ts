import type { RunEnd } from "#domain/resource-model.ts";
import type { RunState } from "./run-state.ts";

/** How a run that has ended did so, as its resource sees it. */
export const runEndOf = (run: RunState, abandonReason?: string | null): RunEnd => ({
  run: run.id,
  workflow: run.requested.workflow,
  status: run.status as RunEnd["status"],
  cleanup: run.cleanup,
  attention: run.attention,
  abandoned: run.abandoned,
  ...(abandonReason !== undefined && { abandonReason }),
  error: run.error ?? brokenUndo(run),
});

/** A cancelled run has no error of its own. What it leaves behind, when its undo was abandoned, it leaves for this reason. */
function brokenUndo({ steps, status, abandoned }: RunState): RunEnd["error"] {
  if (status !== "cancelled" || !abandoned) return null;
  const stuck = steps.findLast(
    ({ undo, undoFailures, error }) => undo !== "undone" && undoFailures > 0 && error !== null,
  );
  return stuck === undefined || stuck.error === null
    ? { code: "RUN_CANCELLED", message: "the run was cancelled, and its undo abandoned" }
    : {
        code: stuck.error.code,
        message: `the run was cancelled, and its undo abandoned: that of ${stuck.name} had failed: ${stuck.error.message}`,
      };
}
