import { Failure } from "#contract/failures.ts";
import type { RunId } from "#contract/ids.ts";
import type { RunStatus } from "#contract/run.ts";
import { accept } from "./accept.ts";
import { cancelRun } from "./acts.ts";
import type { EngineCore } from "./core.ts";
import type { ChildRuns } from "./kit.ts";
import type { Accepted, Idempotency } from "./requests.ts";
import type { StoredColumns } from "./run-row.ts";
import type { RunState } from "./run-state.ts";

/** Of two starts at the same moment one is refused; later ones find the row. */
const onlyChild = (parent: RunId, step: string): Idempotency<Accepted> => ({
  caller: parent,
  key: `child of ${step}`,
  fingerprint: step,
  answer: ({ run }) => ({ status: 202, headers: {}, data: { id: run.id }, meta: {} }),
});

/** The child that one step of a run may have. It is found by its parent and step, so a repeated start finds it. */
export function childRuns(core: EngineCore, parent: RunState, step: string): ChildRuns {
  const find = async (): Promise<{
    id: RunId;
    status: RunStatus;
    state: StoredColumns["state"];
    output: unknown;
  } | null> => {
    const rows = await core.database.query<{
      id: RunId;
      status: RunStatus;
      state: StoredColumns["state"];
      output: unknown;
    }>(
      "select id, status, state, output from runs where parent = $1 and request->'parent'->>'step' = $2 limit 1",
      [parent.id, step],
    );
    return rows[0] ?? null;
  };
  return {
    async start(workflow, input) {
      const known = await find();
      if (known !== null) return known.id;
      try {
        const { run } = await accept(
          core,
          {
            workflow,
            input,
            project: parent.requested.project,
            source: "atlas",
            by: { actor: parent.actor, reason: `${step} of ${parent.id}` },
            idempotency: onlyChild(parent.id, step),
          },
          () => ({ parent: { run: parent.id, step } }),
        );
        return run.id;
      } catch (thrown) {
        if (!(thrown instanceof Failure) || thrown.code !== "CONFLICT") throw thrown;
        // A runner that has lost this run, and does not know it yet, may have started the child at the same moment.
        const started = await find();
        if (started === null) throw thrown;
        return started.id;
      }
    },
    async state() {
      const child = await find();
      if (child === null) return null;
      const { error } = child.state;
      return {
        run: child.id,
        status: child.status,
        error: error === null ? null : { code: error.code, message: error.message },
        output: child.output,
      };
    },
    async cancel(reason) {
      const child = await find();
      if (child === null || child.state.completedAt !== null) return;
      try {
        await cancelRun(core, { run: child.id, by: { actor: parent.actor, reason } });
      } catch (thrown) {
        // It may have ended meanwhile, or be past its pivot: then it goes on to its end, and the caller sees that.
        if (
          !(thrown instanceof Failure) ||
          (thrown.code !== "INVALID_STATE_TRANSITION" && thrown.code !== "PAST_PIVOT")
        )
          throw thrown;
      }
    },
  };
}
