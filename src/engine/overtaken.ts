import { Failure } from "#contract/failures.ts";
import type { RunId } from "#contract/ids.ts";
import type { WorkflowType } from "#contract/run.ts";
import type { Database } from "#platform/database.ts";
import type { RunState } from "./run-state.ts";

/** Effects stand only as long as no other run has changed the resource. */

interface Later {
  readonly id: RunId;
  readonly type: WorkflowType;
}

/**
 * The first run that was accepted on the resource after this one and may have changed it; its own children are its own
 * work. By the journal's order, which no clock can bend: of two runs on one resource the second was accepted when the
 * first had ended. A run that was planned without a pivot and with nothing to undo only looks.
 */
async function laterChange(database: Database, { id, requested }: RunState): Promise<Later | null> {
  const rows = await database.query<Later>(
    `with recursive own as (
       select $2::text collate "C" as id
       union
       select r.id from runs r join own on r.parent = own.id
     )
     select r.id, r.type from runs r
       join events e on e.stream = r.id and e.version = 1
      where r.resource_id = $1
        and e.position > (select position from events where stream = $2::text and version = 1)
        and r.id not in (select own.id from own)
        and (r.request->'pivot' is distinct from 'null'::jsonb
          or exists (select 1 from jsonb_array_elements(r.request->'plan') step
                      where step->>'undo' is distinct from 'nothing'))
      order by e.position limit 1`,
    [requested.resourceId, id],
  );
  return rows[0] ?? null;
}

/**
 * Throws INVALID_STATE_TRANSITION when the effects of the run's steps may have been overwritten by another run. Of two
 * retries at the same moment the later change can be the other one, which `refuseRetried` names as what it is.
 */
export async function refuseOvertaken(
  database: Database,
  run: RunState,
  refuseRetried: () => Promise<unknown>,
): Promise<void> {
  const later = await laterChange(database, run);
  if (later === null) return;
  await refuseRetried();
  const { resourceType, resourceId } = run.requested;
  throw new Failure(
    "INVALID_STATE_TRANSITION",
    `run ${run.id} can only be retried from the start: ${later.type} run ${later.id} came after it and changed ${resourceType} ${resourceId}, so the effects of its steps no longer stand`,
    { details: { earliestStep: run.steps[0]?.name, overtakenBy: later.id } },
  );
}
