import { Failure } from "#contract/failures.ts";
import type { RunEvent } from "#contract/events.ts";
import type { Fence } from "#contract/fence.ts";
import type { RunId } from "#contract/ids.ts";
import type { Commit, NewEvent } from "#journal/journal.ts";
import type { Decision } from "./decide.ts";
import type { EngineCore } from "./core.ts";
import type { Workflow } from "./kit.ts";
import { limits } from "./limits.ts";
import { overtaking } from "./overtaking.ts";
import { isTooLarge } from "./payload.ts";
import { nextDecision } from "./next-decision.ts";
import { GONE, performStep, performUndo, type Performed } from "./perform.ts";
import { kindOf } from "./registry.ts";
import type { LoadedResource } from "./resources.ts";
import { runEndOf } from "./run-end.ts";
import { runRow } from "./run-row.ts";
import type { RunState } from "./run-state.ts";
import type { SliceSignals } from "./slice-signals.ts";
import { foldOnto, isWritten, loadRun, recovered, runEvent } from "./run-stream.ts";

/**
 * A slice: one run is advanced from a wake-up to its next wait or its end.
 *
 *   load ─▶ decide ─▶ commit ─▶ perform ─┐
 *             ▲         │ conflict        │ outcome, not yet committed
 *             └─────────┴─────────────────┘
 *
 * The outcome of one step and the start of the next are one append. When the append finds that somebody else has
 * written (a cancel, a signal), the outcome is kept, the stream is read again and the decision is made anew. When the
 * database does not answer, the outcome is kept too and offered again: a commit whose acknowledgement was lost is
 * recognised by its digests.
 */

export interface Lease extends Fence {
  /** Set when the last holder of the lease never gave it back. */
  readonly lostOwner: string | null;
}

export interface SliceOptions {
  readonly core: EngineCore;
  readonly lease: Lease;
  readonly workflow: Workflow;
  readonly ports: object;
  readonly signals: SliceSignals;
  /** Set when this process wants to stop: the slice ends at its next commit. */
  readonly stopping: () => boolean;
  /** Whether the lease is kept through a wait until then, to go on here; by default every wait gives it back. */
  readonly keeps?: (dueAt: number, waiting: RunState["waiting"]) => boolean;
  /** Told the run's state at the beginning and after each commit. */
  readonly tell?: (state: RunState) => void;
}

/** How long a slice keeps offering an outcome to a database that does not answer. */
const COMMIT_RETRIES = 40;
const COMMIT_PAUSE_MS = 250;

const fenceOf = ({ run, owner, fence }: Lease): Fence => ({ run, owner, fence });

interface World {
  readonly run: RunState;
  readonly resource: LoadedResource;
}

const nothingDone: Performed = { events: [], facts: [], lookAgainAt: 0 };

export async function runSlice(options: SliceOptions): Promise<void> {
  const { core, lease, workflow, ports, signals } = options;
  let world = await load(core, lease.run);
  let outcome: Performed =
    lease.lostOwner === null
      ? nothingDone
      : { ...nothingDone, events: [recovered(world.run, lease.lostOwner)] };
  options.tell?.(world.run);
  let outcomeAt = core.clock.now();

  for (;;) {
    const done = outcome.events.map((event) => runEvent(event, outcomeAt));
    const now = core.clock.now();
    const state = foldOnto(world.run, done);
    const decision = nextDecision(core, {
      workflow,
      state,
      resource: () =>
        core.resources.evolve(world.resource, world.resource.state, outcome.facts, now, lease.run),
      now,
      lookAgainAt: outcome.lookAgainAt,
    });
    const events = [...done, ...decision.events.map((event) => runEvent(event, now))];
    const mustStop = options.stopping() && (decision.do === "step" || decision.do === "undo");
    const written = await commit(options, {
      world,
      events: mustStop ? done : events,
      facts: outcome.facts,
      decision: mustStop ? "yield" : decision,
    });
    if (written === "lost") return;
    if (written === "changed") {
      world = await load(core, lease.run);
      // What changed may be what the step was waiting for, so it is looked at again at once.
      outcome = { ...outcome, lookAgainAt: 0 };
      continue;
    }
    world = written;
    options.tell?.(world.run);
    if (mustStop) return;
    outcome = nothingDone;
    switch (decision.do) {
      case "again":
        continue;
      case "wait":
      case "rest":
        return;
      case "end":
        await tellParent(core, world.run);
        return;
      case "step":
      case "undo": {
        const perform = decision.do === "step" ? performStep : performUndo;
        const performed = await perform({
          core,
          workflow,
          state: world.run,
          index: decision.index,
          resource: world.resource.state,
          ports,
          fence: fenceOf(lease),
          signal: decision.do === "step" ? signals.forStep() : signals.forUndo(),
          life: signals.life,
        });
        if (performed === GONE) {
          if (signals.ended === "shutdown") await giveBack(options);
          return;
        }
        outcome = performed;
        outcomeAt = core.clock.now();
      }
    }
  }
}

async function load(core: EngineCore, id: RunId): Promise<World> {
  const run = await loadRun(core.journal, id);
  const resource = await core.resources.load(
    run.requested.resourceType,
    run.requested.resourceId,
    true,
  );
  return { run, resource };
}

interface ToCommit {
  readonly world: World;
  readonly events: readonly NewEvent[];
  readonly facts: Performed["facts"];
  readonly decision: Decision | "yield";
}

/** The world after the commit; `changed`: read again and decide anew; `lost`: the run is somebody else's now. */
async function commit(
  options: SliceOptions,
  request: ToCommit,
): Promise<World | "changed" | "lost"> {
  const { core, lease } = options;
  const { world, events } = request;
  let isUnknown = false;
  // A look that found nothing new, right after a wait: nothing to write before looking.
  if (
    events.length === 0 &&
    request.facts.length === 0 &&
    request.decision !== "yield" &&
    (request.decision.do === "step" || request.decision.do === "undo")
  ) {
    return world;
  }
  const { made: own, after } = commitOf(options, request);
  const ends = request.decision !== "yield" && request.decision.do === "end";
  let made = own;
  for (let attempt = 0; ; attempt += 1) {
    try {
      if (ends) made = await withOvertaken(core, own, after);
      const result = await core.journal.commit(made);
      if (result.ok) {
        for (const { dueAt } of made.dispatch ?? []) if (dueAt !== null) core.expect(dueAt);
        return after;
      }
      // The conflict may be with our own commit, whose acknowledgement was lost. Then the outcome must not be offered
      // again, and whatever others have written since belongs to the world.
      if (isUnknown && (await isCommitted(core, made))) return await load(core, lease.run);
      return result.conflict.kind === "fence" ? "lost" : "changed";
    } catch (error) {
      if (options.signals.ended !== null || attempt >= COMMIT_RETRIES) throw error;
      isUnknown = true;
      core.log("warn", "the journal does not answer; the outcome is kept and offered again", {
        run: lease.run,
        attempt,
        error,
      });
      await core.clock.sleep(COMMIT_PAUSE_MS).catch(() => undefined);
    }
  }
}

/** Whether a commit stands in the journal: all of it was written or nothing, so one of its appends tells. */
async function isCommitted(core: EngineCore, { appends }: Commit): Promise<boolean> {
  const proof = appends.find(({ events }) => events.length > 0);
  if (proof === undefined) return false;
  const found = await core.journal.read(proof.stream, proof.expected, proof.events.length);
  return isWritten(proof.events, found);
}

/** Asked again whenever the commit is offered again, because the older runs may have changed meanwhile. */
async function withOvertaken(
  core: EngineCore,
  own: Commit,
  { run, resource }: World,
): Promise<Commit> {
  const others = await overtaking(core, run, { resource, at: core.clock.now() });
  return {
    ...own,
    appends: [...own.appends, ...others.appends],
    rows: [...(own.rows ?? []), ...others.rows],
  };
}

function commitOf(
  { core, lease, keeps }: SliceOptions,
  { world, events, facts, decision }: ToCommit,
): { made: Commit; after: World } {
  const run = foldOnto(world.run, events);
  const { requested } = run;
  const at = core.clock.now();
  const ends = decision !== "yield" && decision.do === "end";
  const by = { at, run: run.id, actor: run.actor };
  const settled = ends
    ? core.resources.settle(
        world.resource,
        core.resources.evolve(world.resource, world.resource.state, facts, at, run.id),
        runEndOf(run),
      )
    : [];
  const resource = core.resources.write(world.resource, [...facts, ...settled], by);
  const dueAt = decision === "yield" ? at : decision.do === "wait" ? decision.until : null;
  const stays =
    decision !== "yield" &&
    (decision.do === "step" || decision.do === "undo" || decision.do === "again");
  const made: Commit = {
    // With no event this still checks the version, so a wake-up between the look and the wait is not slept through.
    appends: [{ stream: run.id, expected: world.run.streamVersion, events }, ...resource.appends],
    rows: [...(events.length > 0 ? [runRow(run)] : []), ...resource.rows],
    ...resource.secrets,
    fence: fenceOf(lease),
    ...(!stays && {
      dispatch: [
        {
          run: run.id,
          kind: kindOf(requested.workflow, requested.workflowVersion),
          dueAt,
          release:
            dueAt === null ||
            decision === "yield" ||
            decision.do !== "wait" ||
            keeps?.(dueAt, run.waiting) !== true,
        },
      ],
    }),
    // What is held can be retried or undone for as long as it is, and needs its secrets for that.
    ...(ends &&
      run.cleanup !== "held" && {
        releaseLocks: [{ resource: requested.resourceId, run: run.id }],
        expireSecrets: [{ run: run.id, at: at + limits.retryableMs }],
      }),
  };
  return { made, after: { run, resource: resource.after } };
}

/** Gives the lease back at once, so that another process need not wait for it to expire. */
async function giveBack({ core, lease }: SliceOptions): Promise<void> {
  await core.database
    .query(
      "update dispatch set lease_until = null, owner = null where run_id = $1 and owner = $2 and fence = $3",
      [lease.run, lease.owner, lease.fence],
    )
    .catch(() => undefined);
}

/** A child's end wakes its parent. If this process dies before, the parent finds out at its next look. */
async function tellParent(core: EngineCore, run: RunState): Promise<void> {
  const { parent } = run.requested;
  if (parent === null || run.completedAt === null) return;
  try {
    await signalRun(core, parent.run, `child:${parent.step}`, { run: run.id, status: run.status });
  } catch (thrown) {
    core.log("warn", "the parent run could not be told", {
      run: run.id,
      parent: parent.run,
      error: thrown,
    });
  }
}

/**
 * Appends a signal and makes the run due. A failed run keeps what it hears for the retry that goes on from one of its
 * steps; once there is one, that run is told instead. Other runs that have ended are refused, as are one that has heard
 * too many, a signal that is too large (PAYLOAD_TOO_LARGE) and an unknown run (NOT_FOUND).
 */
export async function signalRun(
  core: EngineCore,
  to: RunId,
  name: string,
  data: unknown,
): Promise<void> {
  if (isTooLarge(data)) {
    throw new Failure("PAYLOAD_TOO_LARGE", `the signal ${name} is too large`, {
      details: { maxBytes: limits.payloadBytes },
    });
  }
  let id = to;
  for (let race = 0; race < 20; race += 1) {
    const run = await loadRun(core.journal, id);
    const heir = run.retriedBy === null ? null : await loadRun(core.journal, run.retriedBy);
    if (heir !== null && heir.requested.fromStep !== null) {
      id = heir.id;
      continue;
    }
    const hasEnded = run.completedAt !== null;
    if (hasEnded && (heir !== null || run.status !== "failed")) {
      throw new Failure("INVALID_STATE_TRANSITION", `run ${id} has ended (${run.status})`, {
        details: { status: run.status },
      });
    }
    if (run.streamVersion >= limits.signalledEvents) {
      throw new Failure("INVALID_STATE_TRANSITION", `run ${id} has heard too many signals`, {
        details: { events: run.streamVersion },
      });
    }
    const at = core.clock.now();
    const signalled: RunEvent = { type: "run.signalled", data: { name, data } };
    const events = [runEvent(signalled, at)];
    const after = foldOnto(run, events);
    const dispatch =
      run.pausedAt === null && !hasEnded
        ? {
            dispatch: [
              {
                run: id,
                kind: kindOf(run.requested.workflow, run.requested.workflowVersion),
                dueAt: at,
                release: false,
              },
            ],
          }
        : {};
    const result = await core.journal.commit({
      appends: [{ stream: id, expected: run.streamVersion, events }],
      rows: [runRow(after)],
      ...dispatch,
    });
    if (result.ok) {
      core.expect(at);
      return;
    }
  }
  throw new Failure("UNAVAILABLE", `run ${id} keeps changing; try again`, { retryAfterMs: 1_000 });
}
