import { Failure } from "#contract/failures.ts";
import type { EngineCore } from "./core.ts";
import type { Workflow } from "./kit.ts";
import type { RunState } from "./run-state.ts";

/** Secrets live only so long after their run; what would be done without them fails far from its cause. */

/**
 * Throws INVALID_STATE_TRANSITION when a secret that the retry's input refers to is no longer there, or may go at any
 * moment; `fresh` are those that come with the retry.
 */
export async function refuseLostSecrets(
  core: Pick<EngineCore, "database" | "clock">,
  {
    run,
    workflow,
    input,
    fresh,
  }: {
    readonly run: RunState;
    readonly workflow: Workflow;
    readonly input: unknown;
    readonly fresh: readonly string[];
  },
): Promise<void> {
  const needed = workflow
    .secrets({ input })
    .flatMap(({ name, id }) => (id === null || fresh.includes(id) ? [] : [{ name, id }]));
  if (needed.length === 0) return;
  const rows = await core.database.query<{ id: string }>(
    `select id from secrets
      where id = any($1) and (owner is not null or expires_at is null or expires_at > $2)`,
    [needed.map(({ id }) => id), new Date(core.clock.now())],
  );
  const there = new Set(rows.map(({ id }) => id));
  const expired = needed.filter(({ id }) => !there.has(id)).map(({ name }) => name);
  if (expired.length === 0) return;
  throw new Failure(
    "INVALID_STATE_TRANSITION",
    `run ${run.id} cannot be retried as it was: its stored ${expired.join(" and ")} expired; ask anew, or give them again in the retry's input`,
    { details: { expired } },
  );
}
