import type { RunEvent } from "#contract/events.ts";
import type { RunId } from "#contract/ids.ts";
import type { Commit } from "#journal/journal.ts";
import type { EngineCore } from "./core.ts";
import type { LoadedResource } from "./resources.ts";
import { runRow } from "./run-row.ts";
import type { RunState } from "./run-state.ts";
import { foldOnto, loadRun, runEvent } from "./run-stream.ts";

/**
 * Runs whose call for a person a later run has answered (decision 20). The record of the resource is the judge: it knows
 * what every run left behind and what cures that, so once it says that nothing is wrong nobody has to act for an older run.
 */

/** More than ever ask for attention on one resource; what is over it is told by the next run that comes to its end. */
const AT_MOST = 100;

/** The same that a retry asks of the rows of later runs (overtaken.ts): whoever planned to take nothing back only looked. */
const mayChange = ({ pivot, plan }: RunState["requested"]): boolean =>
  pivot !== null || plan.some(({ undo }) => undo !== "nothing");

/**
 * What the final commit of a run writes to older runs of its resource, given the resource as it leaves it. Reads what is
 * committed; an older run that changes meanwhile refuses the whole commit, which is then made anew.
 */
export async function overtaking(
  core: Pick<EngineCore, "database" | "journal" | "resources">,
  run: RunState,
  { resource, at }: { readonly resource: LoadedResource; readonly at: number },
): Promise<Required<Pick<Commit, "appends" | "rows">>> {
  const nobody = { appends: [], rows: [] };
  if (run.status !== "completed" || !mayChange(run.requested)) return nobody;
  if (!core.resources.isSound(resource)) return nobody;
  // What is held is still there, and while something is undone the undo's own end says whether a person is needed.
  const asking = await core.database.query<{ id: RunId }>(
    `select id from runs
      where resource_id = $1 and attention and id <> $2 and completed_at is not null
        and state->>'cleanup' not in ('held', 'running')
      order by id limit ${AT_MOST}`,
    [run.requested.resourceId, run.id],
  );
  const told = await Promise.all(
    asking.map(async ({ id }) => {
      const older = await loadRun(core.journal, id);
      const overtaken: RunEvent = { type: "run.overtaken", data: { by: run.id } };
      const events = [runEvent(overtaken, at)];
      return {
        append: { stream: id, expected: older.streamVersion, events },
        row: runRow(foldOnto(older, events)),
      };
    }),
  );
  return { appends: told.map(({ append }) => append), rows: told.map(({ row }) => row) };
}
