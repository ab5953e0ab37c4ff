import type { RunEvent } from "#contract/events.ts";
import { Failure } from "#contract/failures.ts";
import type { Commit } from "#journal/journal.ts";
import { refusal } from "./accept.ts";
import type { EngineCore } from "./core.ts";
import { isPastPivot } from "./decide.ts";
import { limits } from "./limits.ts";
import { kindOf } from "./registry.ts";
import type { ActRequest, By } from "./requests.ts";
import type { LoadedResource } from "./resources.ts";
import { runEndOf } from "./run-end.ts";
import { runRow } from "./run-row.ts";
import type { RunState } from "./run-state.ts";
import { foldOnto, loadRun, runEvent } from "./run-stream.ts";

/** What people do to a run: cancel, pause, resume, undo, abandon. Each is an event that says who and why. */

export type Act = "cancel" | "pause" | "resume" | "undo" | "abandon";

/** What an act comes to, given the run as it is; no event means that there is nothing to do. */
interface Consequence {
  readonly events: readonly RunEvent[];
  /** The run wants attention now. */
  readonly wakes: boolean;
  readonly lock: "keep" | "take" | "release";
  /** The resource takes the run's end (again). */
  readonly settles: boolean;
}

const plain = { wakes: true, lock: "keep", settles: false } as const;

const refuse = (run: RunState, act: string, allowed: string): Failure =>
  new Failure(
    "INVALID_STATE_TRANSITION",
    `run ${run.id} is ${run.status}${run.phase === "ended" ? "" : ` (${run.phase})`}; ${act} needs ${allowed}`,
    {
      details: {
        status: run.status,
        phase: run.phase,
        cleanup: run.cleanup,
        retriedBy: run.retriedBy,
      },
    },
  );

/** A cancel would only ask for what is being done: whoever waits for the run's end must hear what that hangs on. */
function undoingAlready(run: RunState, undoing: NonNullable<RunState["undoing"]>): Failure {
  const since = new Date(undoing.since).toISOString();
  const failed = undoing.cause?.step ?? null;
  const after = failed === null ? "" : ` because ${failed} failed`;
  const now = run.pausedAt !== null ? "it is paused" : (run.waiting?.reason ?? null);
  return new Failure(
    "INVALID_STATE_TRANSITION",
    `run ${run.id} has been taking back what it did since ${since}${after}, so there is nothing to cancel${now === null ? "" : `; now: ${now}`}`,
    { details: { status: run.status, phase: run.phase, cleanup: run.cleanup, since } },
  );
}

/** Pure: the consequence of an act, or the failure that refuses it. */
export function consequence(run: RunState, act: Act, reason: string | null): Consequence {
  const ended = run.completedAt !== null;
  // After its end a run may still be undone on an operator's word; then it goes on by itself, with its lock.
  const atRest = ended && run.undoing === null;
  switch (act) {
    case "cancel":
      if (ended) throw refuse(run, "cancel", "a run that has not ended");
      if (isPastPivot(run)) {
        const why = run.requested.pivot?.reason ?? "";
        throw new Failure("PAST_PIVOT", `run ${run.id} can no longer be cancelled: ${why}`, {
          details: { pivot: why },
        });
      }
      if (run.cancel !== null) return { ...plain, events: [], wakes: false };
      if (run.undoing !== null) throw undoingAlready(run, run.undoing);
      return { ...plain, events: [{ type: "run.cancel_requested", data: { reason } }] };
    case "pause":
      if (ended || run.status !== "running") throw refuse(run, "pause", "a running run");
      if (run.pausedAt !== null) return { ...plain, events: [], wakes: false };
      return { ...plain, wakes: false, events: [{ type: "run.paused", data: { reason } }] };
    case "resume":
      if (ended) throw refuse(run, "resume", "a paused run");
      if (run.pausedAt === null) throw refuse(run, "resume", "a paused run");
      return { ...plain, events: [{ type: "run.resumed", data: { reason } }] };
    case "undo":
      if (
        run.status !== "failed" ||
        (run.cleanup !== "held" && run.cleanup !== "incomplete") ||
        run.retriedBy !== null ||
        run.abandoned
      ) {
        throw refuse(
          run,
          "undo",
          "a failed run whose cleanup is held or incomplete, that was neither retried nor abandoned",
        );
      }
      return {
        events: [{ type: "run.undo_requested", data: { reason } }],
        wakes: true,
        // A held run kept its lock; a child never had one of its own.
        lock: run.cleanup === "held" && run.requested.parent === null ? "keep" : "take",
        settles: false,
      };
    case "abandon":
      if (run.attention === null) throw refuse(run, "abandon", "a run that asks for attention");
      if (reason === null || reason.trim() === "") {
        throw new Failure(
          "VALIDATION_ERROR",
          "abandon needs a reason: it will be the only record of why the rest was left",
          {
            details: { fields: { reason: "is required" } },
          },
        );
      }
      return {
        events: [{ type: "run.abandoned", data: { reason } }],
        wakes: !atRest,
        lock: atRest ? "release" : "keep",
        settles: atRest,
      };
  }
}

const RACES = 20;

/** Carries an act out: reads, decides, commits; somebody else's append in between means to start again. */
export async function actOn(core: EngineCore, act: Act, request: ActRequest): Promise<RunState> {
  for (let race = 0; race < RACES; race += 1) {
    const run = await loadRun(core.journal, request.run);
    const what = consequence(run, act, request.by.reason ?? null);
    const at = core.clock.now();
    const events = what.events.map((event) => runEvent(event, at, request.by));
    const after = foldOnto(run, events);
    const { resourceType, resourceId } = run.requested;
    const resource = await core.resources.load(resourceType, resourceId, false);
    const settled = what.settles
      ? settleAgain(core, { run: after, resource, at, by: request.by })
      : { appends: [], rows: [], secrets: {} };
    const kind = kindOf(run.requested.workflow, run.requested.workflowVersion);
    const made: Commit = {
      appends: [{ stream: run.id, expected: run.streamVersion, events }, ...settled.appends],
      rows: [runRow(after), ...settled.rows],
      ...settled.secrets,
      ...(what.wakes && { dispatch: [{ run: run.id, kind, dueAt: at, release: false }] }),
      ...(what.lock === "take" && { takeLocks: [{ resource: resourceId, run: run.id, at }] }),
      ...(what.lock === "release" && {
        releaseLocks: [{ resource: resourceId, run: run.id }],
        expireSecrets: [{ run: run.id, at: at + limits.retryableMs }],
      }),
      ...(request.idempotency !== undefined && {
        keys: [
          {
            caller: request.idempotency.caller,
            key: request.idempotency.key,
            fingerprint: request.idempotency.fingerprint,
            answer: request.idempotency.answer(after),
            at,
          },
        ],
      }),
    };
    const result = await core.journal.commit(made);
    if (result.ok) {
      if (act === "cancel") core.cancelStep(run.id);
      if (what.wakes) core.expect(at);
      return after;
    }
    const failure = refusal(result.conflict, resource);
    if (failure !== null) throw failure;
  }
  throw new Failure("UNAVAILABLE", `run ${request.run} keeps changing; try again`, {
    retryAfterMs: 1_000,
  });
}

function settleAgain(
  core: EngineCore,
  { run, resource, at, by }: { run: RunState; resource: LoadedResource; at: number; by: By },
) {
  const facts = core.resources.settle(resource, resource.state, runEndOf(run, by.reason ?? null));
  return core.resources.write(resource, facts, { at, run: run.id, actor: by.actor });
}

export const cancelRun = (core: EngineCore, request: ActRequest): Promise<RunState> =>
  actOn(core, "cancel", request);
