import type { RunEvent } from "#contract/events.ts";
import type { Fence } from "#contract/fence.ts";
import { Failure, rowOf, toFailure } from "#contract/failures.ts";
import { sameJson } from "#journal/canonical.ts";
import { MAX_TIMER_MS } from "#platform/clock.ts";
import { isDatabaseAway } from "#platform/database.ts";
import { retryAt } from "./backoff.ts";
import { childRuns } from "./children.ts";
import type { EngineCore } from "./core.ts";
import { durationMs } from "./duration.ts";
import type {
  Environment,
  Skip,
  StepContext,
  StepDefinition,
  UndoContext,
  Wait,
  Workflow,
} from "./kit.ts";
import { limits } from "./limits.ts";
import { deadlineMessage, outOfTime, stoppedLate, waitedTooLong } from "./out-of-time.ts";
import { refuseTooLarge } from "./payload.ts";
import { nextLookMs } from "./plan.ts";
import type { RunState, StepState } from "./run-state.ts";

/** Carries out one step or one undo and says, as events, how it went. The only place that calls a workflow's code. */

/** Why a step's signal aborted. */
export type Interruption = "cancel" | "pause" | "lost" | "shutdown" | "deadline";

export interface Performed {
  readonly events: readonly RunEvent[];
  readonly facts: readonly { readonly type: string; readonly data: unknown }[];
  /** When to look again, after a wait; 0 otherwise. */
  readonly lookAgainAt: number;
}

/** The slice must stop without recording anything: this process no longer runs the run. */
export const GONE = Symbol("gone");

export interface PerformRequest {
  readonly core: EngineCore;
  readonly workflow: Workflow;
  readonly state: RunState;
  readonly index: number;
  readonly resource: unknown;
  readonly ports: object;
  readonly fence: Fence;
  /** Aborts with an `Interruption` as its reason. */
  readonly signal: AbortSignal;
  /** Aborts when the slice must end: what the step's writes are cut off by. */
  readonly life: AbortSignal;
}

const isWait = (result: unknown): result is Wait =>
  typeof result === "object" && result !== null && "kind" in result && result.kind === "wait";
const isSkip = (result: unknown): result is Skip<unknown> =>
  typeof result === "object" && result !== null && "kind" in result && result.kind === "skip";

const iso = (ms: number): string => new Date(ms).toISOString();

/** The step and its plan by index; the fold made both from the same list. */
function at(
  state: RunState,
  workflow: Workflow,
  index: number,
): { step: StepState; definition: StepDefinition; expectedMs: number } {
  const step = state.steps[index];
  const definition = workflow.steps[index];
  const plan = state.requested.plan[index];
  if (
    step === undefined ||
    definition === undefined ||
    plan === undefined ||
    definition.name !== step.name
  ) {
    throw new Failure(
      "INTERNAL_ERROR",
      `${workflow.type}@${workflow.version} does not have step ${index} of run ${state.id}`,
    );
  }
  return { step, definition, expectedMs: plan.expectedMs };
}

/** Runs `work` under the slice's signal and a time limit; gives it a moment to stop once aborted, and not more. */
async function underSignal<T>(
  core: EngineCore,
  { signal, limitMs }: { readonly signal: AbortSignal; readonly limitMs: number },
  work: (signal: AbortSignal) => Promise<T>,
): Promise<
  { readonly value: T } | { readonly thrown: unknown; readonly why: Interruption | null }
> {
  const deadline = new AbortController();
  const timer = setTimeout(
    () => deadline.abort("deadline" satisfies Interruption),
    Math.min(Math.max(0, limitMs), MAX_TIMER_MS),
  );
  const both = AbortSignal.any([signal, deadline.signal]);
  const grace = new AbortController();
  const { promise: abandoned, reject: abandon } = Promise.withResolvers<never>();
  const onAbort = (): void => {
    const mustEnd = both.reason === "lost" || both.reason === "shutdown";
    core.clock.sleep(mustEnd ? limits.endGraceMs : limits.abortGraceMs, grace.signal).then(
      () => abandon(new Failure("INTERNAL_ERROR", "the step did not stop when it was told to")),
      () => undefined,
    );
  };
  if (both.aborted) onAbort();
  else both.addEventListener("abort", onAbort, { once: true });
  try {
    return { value: await Promise.race([work(both), abandoned]) };
  } catch (thrown) {
    return { thrown, why: both.aborted ? (both.reason as Interruption) : null };
  } finally {
    clearTimeout(timer);
    // Node keeps a combined signal for ever while somebody listens to it, and with it everything that the step had.
    both.removeEventListener("abort", onAbort);
    // With a reason of our own no exception is made for it, which took as long as the rest of this function.
    grace.abort("over");
  }
}

function contextOf(
  { core, workflow, state, index, resource, ports, fence, life }: PerformRequest,
  facts: { type: string; data: unknown }[],
): Omit<StepContext<Environment, unknown, unknown>, "signal"> {
  const { step } = at(state, workflow, index);
  return {
    input: state.requested.input,
    prior: state.outputs,
    ports,
    resource,
    life,
    key: step.key ?? `${state.id}/${step.name}`,
    run: { id: state.id, actor: state.actor, resourceId: state.requested.resourceId, fence },
    now: () => core.clock.now(),
    pace: core.pace,
    startedAt: step.startedAt ?? core.clock.now(),
    deadlineAt: step.deadlineAt ?? Number.MAX_SAFE_INTEGER,
    memo: state.memos[step.name],
    signals: state.signals,
    child: childRuns(core, state, step.name),
    fact: (fact) => {
      refuseTooLarge(fact.data, `the fact ${fact.type} of ${step.name}`);
      facts.push(fact);
    },
  };
}

/** The event of a wait, if it says anything new, and when to look again. */
function waited(
  { core, state }: PerformRequest,
  {
    step,
    definition,
    expectedMs,
    wait,
    undo,
  }: { step: StepState; definition: StepDefinition; expectedMs: number; wait: Wait; undo: boolean },
): { readonly events: readonly RunEvent[]; readonly lookAgainAt: number } {
  const now = core.clock.now();
  const elapsedMs = now - ((undo ? step.undoStartedAt : step.startedAt) ?? now);
  const lookAgainAt =
    wait.until ??
    now +
      (wait.for === undefined
        ? nextLookMs(definition, { expectedMs, elapsedMs, pace: core.pace })
        : Math.round(durationMs(wait.for) / core.pace));
  const endsAt = undo
    ? (state.undoing?.since ?? now) + limits.undoMs / core.pace
    : (step.deadlineAt ?? lookAgainAt);
  const before = state.waiting;
  const known =
    before !== null &&
    (undo || step.status === "waiting") &&
    before.reason === wait.reason &&
    before.wakesOn === wait.wakesOn &&
    sameJson(state.memos[step.name], wait.memo);
  if (known) return { events: [], lookAgainAt };
  return {
    lookAgainAt,
    events: [
      {
        type: "step.waiting",
        data: {
          step: step.name,
          ...(undo && { undo }),
          reason: wait.reason,
          until: iso(Math.round(Math.min(endsAt, wait.until ?? endsAt))),
          ...(wait.wakesOn !== undefined && { wakesOn: wait.wakesOn }),
          ...(wait.memo !== undefined && { memo: wait.memo }),
        },
      },
    ],
  };
}

/** How long the step may take, as the run was planned. */
const plannedMs = ({ requested }: RunState, index: number): number =>
  requested.plan[index]?.withinMs ?? 0;

/** What was thrown, as the failure that the journal keeps; strangers are logged whole, because only the log has them. */
function failureOf(
  { core, workflow, state, index }: PerformRequest,
  step: string,
  thrown: unknown,
  why: Interruption | null,
): Failure {
  if (why === "cancel")
    return new Failure("RUN_CANCELLED", "the run was cancelled while this step was under way", {
      cause: thrown,
    });
  if (why === "deadline") {
    const message =
      state.undoing === null
        ? stoppedLate(state, at(state, workflow, index).step, plannedMs(state, index))
        : deadlineMessage(
            { what: "undo", withinMs: limits.undoAttemptMs, error: null },
            state.waiting?.reason ?? null,
          );
    return new Failure("STEP_TIMEOUT", message, { cause: thrown });
  }
  // A database that is away is no fault of the step's, and past the pivot it must not be the end of the run.
  const failure =
    !(thrown instanceof Failure) && isDatabaseAway(thrown)
      ? new Failure("UNAVAILABLE", "the database does not answer", { cause: thrown })
      : toFailure(thrown);
  core.log(failure.code === "INTERNAL_ERROR" ? "error" : "warn", "step failed", {
    run: state.id,
    step,
    code: failure.code,
    reason: failure.message,
    // Of what is expected the code and the message say everything; a stack would only look like a bug.
    ...((failure.code === "INTERNAL_ERROR" || !(thrown instanceof Failure)) && { error: thrown }),
  });
  return failure;
}

const journalled = (failure: Failure) => ({
  code: failure.code,
  message: failure.message,
  ...(failure.details !== undefined && { details: { ...failure.details } }),
});

/** The step's output as its schema has it; an output that does not fit is a bug of the step. */
function checkedOutput(definition: StepDefinition, output: unknown): unknown {
  if (definition.output === null) return null;
  const parsed = definition.output.safeParse(output);
  if (!parsed.success) {
    throw new Failure(
      "INTERNAL_ERROR",
      `the output of ${definition.name} does not fit its schema: ${parsed.error.issues.map((issue) => `${issue.path.join(".")} ${issue.message}`).join("; ")}`,
    );
  }
  refuseTooLarge(parsed.data, `the output of ${definition.name}`);
  return parsed.data;
}

function checkedWait({ name }: StepDefinition, wait: Wait): Wait {
  refuseTooLarge({ memo: wait.memo, reason: wait.reason }, `what ${name} wants to remember`);
  return wait;
}

/** The first attempt has all the time there is. What begins later, however late, has enough for a look: what it sees is how things are. */
function timeLeftMs({ attempts, status, deadlineAt }: StepState, now: number): number {
  const leftMs = (deadlineAt ?? Number.MAX_SAFE_INTEGER) - now;
  const isFirst = attempts <= 1 && status !== "waiting";
  return isFirst ? leftMs : Math.max(leftMs, limits.lastLookMs);
}

/** A step that polls goes on in spite of such a failure, for as long as its deadline allows. */
const isWaitedOut = ({ times }: StepDefinition, { code }: Failure): boolean =>
  times.poll !== undefined && times.attempts === undefined && rowOf(code).isWaitedOut === true;

export async function performStep(request: PerformRequest): Promise<Performed | typeof GONE> {
  const { core, workflow, state, index, signal } = request;
  const { step, definition, expectedMs } = at(state, workflow, index);
  const facts: { type: string; data: unknown }[] = [];
  const context = contextOf(request, facts);
  const ran = await underSignal(
    core,
    { signal, limitMs: timeLeftMs(step, core.clock.now()) },
    async (both) => {
      const result = await definition.run({ ...context, signal: both });
      if (isWait(result)) return checkedWait(definition, result);
      return isSkip(result)
        ? { ...result, output: checkedOutput(definition, result.output) }
        : { output: checkedOutput(definition, result) };
    },
  );
  const ref = { step: step.name, attempt: Math.max(1, step.attempts) };
  if ("thrown" in ran) {
    if (ran.why === "lost" || ran.why === "shutdown") return GONE;
    // A pause lets the step finish; one that stops anyway is tried again when the run resumes.
    const failure = failureOf(request, step.name, ran.thrown, ran.why);
    const now = core.clock.now();
    const waitsOut = isWaitedOut(definition, failure);
    const wanted =
      ran.why === "cancel"
        ? null
        : retryAt({
            failure,
            failures: step.failures,
            attempts: waitsOut ? Number.POSITIVE_INFINITY : definition.times.attempts,
            now,
            // Compared below: a retry that comes too late is told from one that nobody wants.
            deadlineAt: Number.POSITIVE_INFINITY,
            pace: core.pace,
            random: core.random(),
          });
    // What is waited out is looked at once more when the deadline comes, however long the next pause would be.
    const latest = waitsOut && now < context.deadlineAt ? context.deadlineAt : null;
    const again = wanted === null || wanted < context.deadlineAt ? wanted : latest;
    const error = journalled(failure);
    const event: RunEvent = {
      type: "step.failed",
      data: {
        ...ref,
        error: wanted !== null && again === null ? outOfTime(step.name, error) : error,
        retryAt: again === null ? null : iso(again),
      },
    };
    return { events: [event], facts: [], lookAgainAt: 0 };
  }
  if (isWait(ran.value)) {
    if (core.clock.now() >= context.deadlineAt)
      return {
        events: [
          waitedTooLong(step, { withinMs: plannedMs(state, index), reason: ran.value.reason }),
        ],
        facts,
        lookAgainAt: 0,
      };
    return {
      ...waited(request, { step, definition, expectedMs, wait: ran.value, undo: false }),
      facts,
    };
  }
  const event: RunEvent = {
    type: "step.completed",
    data: {
      ...ref,
      output: ran.value.output,
      ...(isSkip(ran.value) && { skipped: ran.value.why }),
    },
  };
  return { events: [event], facts, lookAgainAt: 0 };
}

export async function performUndo(request: PerformRequest): Promise<Performed | typeof GONE> {
  const { core, workflow, state, index, signal } = request;
  const { step, definition, expectedMs } = at(state, workflow, index);
  const undo = definition.undo;
  if (typeof undo !== "function") throw new Failure("INTERNAL_ERROR", `${step.name} has no undo`);
  const facts: { type: string; data: unknown }[] = [];
  const giveUpAt = (state.undoing?.since ?? core.clock.now()) + limits.undoMs / core.pace;
  const context = {
    ...contextOf(request, facts),
    startedAt: step.undoStartedAt ?? core.clock.now(),
    deadlineAt: giveUpAt,
  };
  const ran = await underSignal(core, { signal, limitMs: limits.undoAttemptMs }, async (both) => {
    const result = await undo({
      ...context,
      signal: both,
      output: state.outputs[step.name],
    } as UndoContext<Environment, unknown, unknown, unknown>);
    return isWait(result) ? checkedWait(definition, result) : result;
  });
  if ("thrown" in ran) {
    if (ran.why === "lost" || ran.why === "shutdown") return GONE;
    const failure = failureOf(
      request,
      `undo of ${step.name}`,
      ran.thrown,
      ran.why === "cancel" ? null : ran.why,
    );
    // One attempt that hangs says nothing of the next; a step's time-out is final because it is the whole step's.
    const retry = ran.why === "deadline" ? "slowly" : rowOf(failure.code).undo;
    const again = retryAt({
      failure,
      ...(retry !== undefined && { retry }),
      failures: step.undoFailures,
      // Not a number of tries but a day: leaving the world half-changed is the worst of all ends.
      attempts: Number.POSITIVE_INFINITY,
      now: core.clock.now(),
      deadlineAt: giveUpAt,
      pace: core.pace,
      random: core.random(),
    });
    const event: RunEvent = {
      type: "undo.failed",
      data: {
        step: step.name,
        attempt: step.undoFailures + 1,
        error: journalled(failure),
        retryAt: again === null ? null : iso(again),
      },
    };
    return { events: [event], facts: [], lookAgainAt: 0 };
  }
  if (isWait(ran.value))
    return {
      ...waited(request, { step, definition, expectedMs, wait: ran.value, undo: true }),
      facts,
    };
  return {
    events: [{ type: "undo.completed", data: { step: step.name, result: "undone" } }],
    facts,
    lookAgainAt: 0,
  };
}
