import type { EngineCore } from "#engine/core.ts";
import { renewLeases } from "#engine/leases.ts";
import type { RunState } from "#engine/run-state.ts";
import { foldOnto, loadRun, recovered, runEvent } from "#engine/run-stream.ts";
import { runRow } from "#engine/run-row.ts";
import { type Lease, runSlice, type SliceOptions } from "#engine/slice.ts";
import { SliceSignals } from "#engine/slice-signals.ts";
import { ownerOfWorker, workerPattern } from "./owners.ts";
import type { SlicePayload } from "./platform.ts";

/**
 * What a Trigger run does: it takes the lease that was handed over, advances the run from wait to wait, sleeps through
 * the short ones, and ends with a long one. Whatever happens to its process, the lease expires and another slice goes
 * on; a second delivery finds the lease taken, a late one finds an older fence than the row's, and both do nothing.
 */

export interface AdvanceOptions {
  /** Its `cancelStep` and `expect` concern nobody else here: one Trigger run advances one run. */
  readonly core: EngineCore;
  readonly ports: object;
  readonly leaseMs: number;
  /** A wait that is over sooner is slept here: starting another slice costs half a second and a place in the queue. */
  readonly shortWaitMs: number;
}

export interface TriggerRun {
  readonly id: string;
  /** Aborts when the Trigger run is cancelled or has used up its time. */
  readonly signal: AbortSignal;
  /** Told the run's state at the beginning and after each commit. */
  readonly tell: (state: RunState) => void;
  /** Registers who is told of a cancel of this run; returns how to stop. */
  readonly onCancelStep: (cancelStep: (run: string) => void) => Promise<() => Promise<void>>;
}

/** What a Trigger run came to. `stale`: another slice has the run, and this one did nothing. */
export type Advanced =
  | { readonly outcome: "stale" }
  | { readonly outcome: "lost" }
  | { readonly outcome: "waits"; readonly until: string }
  | { readonly outcome: "ended"; readonly status: RunState["status"] };

/** How often a sleeping slice looks whether something woke its run. */
const WAKE_LOOK_MS = 500;

export async function advance(
  options: AdvanceOptions,
  payload: SlicePayload,
  triggerRun: TriggerRun,
): Promise<Advanced> {
  const { core, leaseMs } = options;
  const owner = ownerOfWorker(triggerRun.id);
  const taken = await take(options, payload, owner);
  if (taken === null) return { outcome: "stale" };
  const { lease, kind } = taken;
  const signals = new SliceSignals();
  const onAbort = (): void => signals.end("shutdown");
  if (triggerRun.signal.aborted) onAbort();
  else triggerRun.signal.addEventListener("abort", onAbort, { once: true });
  const renew = async (): Promise<void> => {
    const [row] = await renewLeases(core, { owner, runs: [payload.runId], leaseMs });
    if (row === undefined) return;
    if (row.fence !== lease.fence) signals.end("lost");
    else if (row.cancelled) signals.cancelStep();
  };
  const heartbeat = setInterval(
    () =>
      void renew().catch((error: unknown) =>
        core.log("warn", "the lease could not be renewed", { run: payload.runId, error }),
      ),
    Math.max(20, leaseMs / 3),
  );
  const unlisten = await triggerRun.onCancelStep((run) => {
    if (run === payload.runId) signals.cancelStep();
  });
  try {
    const slice = sliceOf(options, { lease, kind, signals, triggerRun });
    do await runSlice(slice);
    while (await sleepThrough(options, lease, triggerRun.signal));
    return triggerRun.signal.aborted
      ? await aborted(options, payload, owner)
      : await ending(options, payload);
  } finally {
    clearInterval(heartbeat);
    triggerRun.signal.removeEventListener("abort", onAbort);
    await unlisten();
  }
}

interface Taken {
  readonly lease: Lease;
  /** The workflow and its version, as the schedule names them. */
  readonly kind: string;
}

/** Throws when this deployment does not know the workflow: its lease then expires, and another may. */
function sliceOf(
  { core, ports, shortWaitMs }: AdvanceOptions,
  {
    lease,
    kind,
    signals,
    triggerRun,
  }: Taken & {
    readonly signals: SliceSignals;
    readonly triggerRun: TriggerRun;
  },
): SliceOptions {
  const workflow = core.registry.ofKind(kind);
  if (workflow === undefined)
    throw new Error(`this deployment does not know ${kind}; deploy the version that does`);
  return {
    core,
    lease,
    workflow,
    ports,
    signals,
    stopping: () => triggerRun.signal.aborted,
    keeps: (dueAt, waiting) => dueAt - core.clock.now() <= shortWaitMs && !isForRun(waiting),
    tell: triggerRun.tell,
  };
}

/** A run that waits for another one must not sit on a worker which that one may need: parents would keep all of them. */
const isForRun = (waiting: RunState["waiting"]): boolean =>
  waiting?.wakesOn?.startsWith("run ") === true;

/** The lease that was handed over under this very fence, unless a worker has it already. */
async function take(
  { core, leaseMs }: AdvanceOptions,
  { runId, slice: fence }: SlicePayload,
  owner: string,
): Promise<Taken | null> {
  const [row] = await core.database.query<{ kind: string }>(
    `update dispatch set owner = $3, lease_until = $4
      where run_id = $1 and fence = $2 and owner is not null and owner not like $5
      returning kind`,
    [runId, fence, owner, new Date(core.clock.now() + leaseMs), workerPattern],
  );
  return row === undefined
    ? null
    : { lease: { run: runId, owner, fence, lostOwner: null }, kind: row.kind };
}

/** Sleeps through the short wait for which the lease was kept. False: this Trigger run has nothing more to do. */
async function sleepThrough(
  { core }: AdvanceOptions,
  { run, owner, fence }: Lease,
  signal: AbortSignal,
): Promise<boolean> {
  const { database, clock } = core;
  for (;;) {
    const [row] = await database.query<{ due_at: Date }>(
      "select due_at from dispatch where run_id = $1 and owner = $2 and fence = $3",
      [run, owner, fence],
    );
    if (row === undefined || signal.aborted) return false;
    const pauseMs = row.due_at.getTime() - clock.now();
    if (pauseMs <= 0) return true;
    // Whatever wakes the run moves its due time.
    await clock.sleep(Math.min(WAKE_LOOK_MS, pauseMs), signal).catch(() => undefined);
  }
}

const giveBack = (core: EngineCore, run: string, owner: string): Promise<unknown> =>
  core.database.query(
    "update dispatch set lease_until = null, owner = null where run_id = $1 and owner = $2",
    [run, owner],
  );

/** The platform ended us: the run is due again at once, the journal says that its slice was lost. */
async function aborted(
  { core }: AdvanceOptions,
  { runId }: SlicePayload,
  owner: string,
): Promise<Advanced> {
  const run = await loadRun(core.journal, runId);
  if (run.completedAt === null) {
    const events = [runEvent(recovered(run, owner), core.clock.now())];
    // Somebody else's append in between means that the run goes on already.
    await core.journal.commit({
      appends: [{ stream: runId, expected: run.streamVersion, events }],
      rows: [runRow(foldOnto(run, events))],
    });
  }
  await giveBack(core, runId, owner);
  return { outcome: "lost" };
}

async function ending({ core }: AdvanceOptions, { runId }: SlicePayload): Promise<Advanced> {
  const run = await loadRun(core.journal, runId);
  if (run.completedAt !== null && run.phase === "ended")
    return { outcome: "ended", status: run.status };
  const [row] = await core.database.query<{ due_at: Date }>(
    "select due_at from dispatch where run_id = $1",
    [runId],
  );
  return { outcome: "waits", until: (row?.due_at ?? new Date(core.clock.now())).toISOString() };
}
