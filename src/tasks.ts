import { logger, metadata, task } from "@trigger.dev/sdk";
import type { WorkflowType } from "#contract/run.ts";
import type { Worker } from "#doors/worker.ts";
import type { RunState } from "#engine/run-state.ts";
import type { Log } from "#platform/log.ts";
import { SlicePayload } from "#engine/trigger/platform.ts";

/**
 * What Trigger.dev loads: one task per workflow type, of the same name. A task is a slice of a run and nothing more: what
 * is to be done and what has been done stands in the journal, so nothing that becomes of a task's process can lose,
 * repeat or wedge a run. Trigger.dev retries nothing, because the schedule hands over what was lost.
 */

/** The run of the slice that this process carries out: one at a time. */
let current: string | null = null;

/** The log of the whole worker, shown with the slice in the dashboard. */
const log: Log = (level, event, fields = {}) => {
  const { error, ...rest } = fields;
  const told = error === undefined ? {} : { error: String(error) };
  // Attributes are plain data; what is not becomes its JSON.
  const plain = JSON.parse(JSON.stringify({ run: current, ...rest, ...told })) as typeof told;
  logger[level](event, plain);
};

let opened: Promise<Worker> | null = null;

/** One worker for all the tasks that this process is given; one that could not be opened is tried again. */
const worker = (): Promise<Worker> => {
  opened ??= import("#doors/worker.ts")
    .then(({ openWorker }) => openWorker(process.env, log))
    .catch((error: unknown) => {
      opened = null;
      throw error;
    });
  return opened;
};

/** What the dashboard shows of a run beside the log. */
function show(state: RunState): void {
  const step = state.steps.findLast(({ startedAt }) => startedAt !== null);
  const done = state.steps.filter(({ status }) =>
    ["completed", "skipped", "reused"].includes(status),
  );
  metadata
    .set("run", state.id)
    .set("status", state.status)
    .set("phase", state.phase)
    .set("step", step?.name ?? null)
    .set("stepStatus", step?.status ?? null)
    .set("waiting", state.waiting?.reason ?? null)
    .set("progress", state.steps.length === 0 ? 1 : done.length / state.steps.length);
}

const slice = (id: WorkflowType) =>
  task({
    id,
    retry: { maxAttempts: 1 },
    run: async (given: SlicePayload, { ctx, signal }) => {
      const payload = SlicePayload.parse(given);
      current = payload.runId;
      log("info", "the slice begins", { slice: payload.slice });
      const about = { id: ctx.run.id, signal, tell: show };
      const advanced = await (await worker()).advance(payload, about);
      log("info", "the slice ends", { slice: payload.slice, ...advanced });
      return advanced;
    },
    onCancel: async ({ payload }) => (await worker()).cancelled(payload.runId),
  });

export const serverRegister = slice("server.register");
export const serverInspect = slice("server.inspect");
export const serverProvision = slice("server.provision");
export const serverLifecycle = slice("server.lifecycle");
export const serverDecommission = slice("server.decommission");
export const clusterCreate = slice("cluster.create");
export const clusterScale = slice("cluster.scale");
export const clusterUpgrade = slice("cluster.upgrade");
export const clusterDelete = slice("cluster.delete");
export const vmCreate = slice("vm.create");
export const vmPower = slice("vm.power");
export const vmDelete = slice("vm.delete");
