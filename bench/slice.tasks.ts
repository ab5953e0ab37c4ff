import { task } from "@trigger.dev/sdk";
import { createCore } from "#engine/core.ts";
import { advance } from "#engine/trigger/advance.ts";
import { SlicePayload } from "#engine/trigger/platform.ts";
import { openJournal } from "#journal/postgres-journal.ts";
import { systemClock } from "#platform/clock.ts";
import { createIds } from "#platform/ids.ts";
import { openPostgres } from "#platform/postgres.ts";
import { toyBindings } from "#test/toy-engine.ts";
import { idleWorkflow } from "./idle-workflow.ts";

/** What the worker processes of the benchmark execute: the engine's own slice, on a run that does nothing. */

async function open() {
  const database = await openPostgres(process.env["MILLWRIGHT_DATABASE_URL"] ?? "", {
    maxConnections: 2,
  });
  return createCore(
    {
      database,
      journal: await openJournal(database),
      workflows: [idleWorkflow],
      resources: toyBindings,
      clock: systemClock,
      ids: createIds(() => Date.now()),
      random: Math.random,
      log: () => undefined,
      region: "toy",
      pace: 1,
    },
    { expect: () => undefined, cancelStep: () => undefined },
  );
}
let opened: ReturnType<typeof open> | null = null;

export const inspect = task({
  id: "server.inspect",
  retry: { maxAttempts: 1 },
  run: async (given: SlicePayload, { ctx, signal }) => {
    opened ??= open();
    const core = await opened;
    return advance(
      { core, ports: { effects: [] }, leaseMs: 15_000, shortWaitMs: 0 },
      SlicePayload.parse(given),
      {
        id: ctx.run.id,
        signal,
        tell: () => undefined,
        onCancelStep: async () => async () => undefined,
      },
    );
  },
});
