import type { RunEvent, TimedRunEvent } from "#contract/events.ts";
import { Failure, type FailureCode } from "#contract/failures.ts";
import { consequence, type Act } from "#engine/acts.ts";
import { retryAt } from "#engine/backoff.ts";
import { decide, type Decision } from "#engine/decide.ts";
import { evolveRun, firstRunState } from "#engine/evolve.ts";
import { waitedTooLong } from "#engine/out-of-time.ts";
import type { RunState } from "#engine/run-state.ts";

/**
 * A small interpreter of the pure core: it does what a slice does (decide, append, carry out, append the outcome) with
 * a world that answers as a script says, and time that jumps. No database, no promises: thousands of runs a second.
 */

/** What becomes of one attempt of a step or of an undo. */
export type Outcome =
  | { readonly kind: "complete" }
  | { readonly kind: "skip" }
  /** Wants to be looked at again after so long. */
  | { readonly kind: "wait"; readonly forMs: number }
  | { readonly kind: "fail"; readonly code: FailureCode }
  /** The process dies after the effect and before anything is written. */
  | { readonly kind: "crash" };

/** One thing that happens, in the order of the script. */
export type Happening =
  | { readonly kind: "act"; readonly act: Act }
  | { readonly kind: "signal" }
  | { readonly kind: "pass"; readonly ms: number };

export interface Script {
  /** Answers to the attempts, in order; when they are used up everything completes. */
  readonly outcomes: readonly Outcome[];
  /** What happens before the n-th decision. */
  readonly happenings: readonly (Happening | null)[];
  /** What happens while the n-th attempt is under way: its outcome is appended behind it. */
  readonly meanwhile: readonly (Happening | null)[];
}

export interface Shape {
  /** Whether each step has an undo; past the pivot it is ignored. */
  readonly undo: readonly boolean[];
  readonly pivot: number | null;
  readonly onFailure: "undo" | "hold";
  readonly withinMs: number;
}

/** One call into the world, with the state from which it was made. */
export interface Effect {
  readonly kind: "do" | "undo";
  readonly step: string;
  readonly at: number;
  readonly before: RunState;
}

export interface Simulated {
  readonly events: readonly TimedRunEvent[];
  /** The state after each event. */
  readonly states: readonly RunState[];
  readonly effects: readonly Effect[];
  readonly decisions: number;
  readonly final: RunState;
}

const RUN = "run_01KAP5ZV9QJ5T1W7R9D0C3M8XH";
export const stepName = (index: number): string => `s${index}`;

export const requestOf = (shape: Shape): Extract<TimedRunEvent, { type: "run.requested" }> => ({
  type: "run.requested",
  at: 1_000,
  data: {
    workflow: "server.inspect",
    workflowVersion: 1,
    resourceType: "server",
    resourceId: "srv_1",
    region: "toy",
    project: "toy",
    source: "atlas",
    input: {},
    plan: shape.undo.map((undo, index) => ({
      name: stepName(index),
      expectedMs: 10,
      withinMs: shape.withinMs,
      overdueAfterMs: 20,
      undo: shape.pivot !== null && index >= shape.pivot ? null : undo ? "undo" : "nothing",
    })),
    pivot: shape.pivot === null ? null : { before: shape.pivot, reason: "no way back" },
    onFailure: shape.onFailure,
    estimatedDurationMs: 10 * shape.undo.length,
    retryOf: null,
    fromStep: null,
    parent: null,
    reason: null,
  },
});

export const firstState = (shape: Shape): RunState =>
  firstRunState(RUN, requestOf(shape), "tester");

const iso = (ms: number): string => new Date(ms).toISOString();

/** More decisions than any script can need: beyond it the core goes in circles. */
export const decisionLimit = (shape: Shape, script: Script): number =>
  50 + 10 * shape.undo.length + 6 * (script.outcomes.length + script.happenings.length);

export function simulate(shape: Shape, script: Script): Simulated {
  let state = firstState(shape);
  let now = state.createdAt;
  let lookAgainAt = 0;
  let decisions = 0;
  let attempts = 0;
  const events: TimedRunEvent[] = [requestOf(shape)];
  const states: RunState[] = [state];
  const effects: Effect[] = [];

  const append = (added: readonly RunEvent[]): void => {
    for (const event of added) {
      const timed = { ...event, at: now };
      state = evolveRun(state, { ...timed, actor: "tester" });
      events.push(timed);
      states.push(state);
    }
  };

  const happen = (happening: Happening | null | undefined): void => {
    if (happening === null || happening === undefined) return;
    switch (happening.kind) {
      case "act":
        try {
          append(consequence(state, happening.act, "because").events);
          lookAgainAt = 0;
        } catch (refused) {
          if (!(refused instanceof Failure)) throw refused;
        }
        return;
      case "signal":
        if (state.completedAt === null) {
          append([{ type: "run.signalled", data: { name: "bell", data: {} } }]);
          lookAgainAt = 0;
        }
        return;
      case "pass":
        now += happening.ms;
    }
  };

  const carryOut = (decision: Extract<Decision, { do: "step" | "undo" }>): void => {
    const step = state.steps[decision.index];
    if (step === undefined) throw new Error("the decision names no step");
    const undo = decision.do === "undo";
    effects.push({ kind: undo ? "undo" : "do", step: step.name, at: now, before: state });
    const outcome = script.outcomes[attempts] ?? { kind: "complete" };
    const meanwhile = script.meanwhile[attempts];
    attempts += 1;
    now += 1;
    const before = step;
    lookAgainAt = 0;
    happen(meanwhile);
    switch (outcome.kind) {
      case "complete":
      case "skip":
        append([
          undo
            ? { type: "undo.completed", data: { step: step.name, result: "undone" } }
            : {
                type: "step.completed",
                data: {
                  step: step.name,
                  attempt: Math.max(1, before.attempts),
                  output: null,
                  ...(outcome.kind === "skip" && { skipped: "no need" }),
                },
              },
        ]);
        return;
      case "wait": {
        if (!undo && before.deadlineAt !== null && now >= before.deadlineAt) {
          append([waitedTooLong(before, { withinMs: 1_000, reason: "not yet" })]);
          return;
        }
        const changed = states.length !== 0 && meanwhile !== null && meanwhile !== undefined;
        append([
          {
            type: "step.waiting",
            data: {
              step: step.name,
              ...(undo && { undo }),
              reason: "not yet",
              until: iso(before.deadlineAt ?? now),
            },
          },
        ]);
        // What was written meanwhile may be what it waits for: then it looks again at once.
        lookAgainAt = changed ? 0 : now + outcome.forMs;
        return;
      }
      case "fail": {
        const again = retryAt({
          failure: new Failure(outcome.code, "as scripted"),
          failures: undo ? before.undoFailures : before.failures,
          attempts: undo ? Number.POSITIVE_INFINITY : undefined,
          now,
          deadlineAt: undo ? now + 3_600_000 : (before.deadlineAt ?? now),
          pace: 1,
          random: 0.5,
        });
        const data = {
          step: step.name,
          attempt: Math.max(1, before.attempts),
          error: { code: outcome.code, message: "as scripted" },
          retryAt: again === null ? null : iso(again),
        };
        append([undo ? { type: "undo.failed", data } : { type: "step.failed", data }]);
        return;
      }
      case "crash":
        append([{ type: "run.recovered", data: { lostOwner: "dead/0", step: step.name } }]);
    }
  };

  const limit = decisionLimit(shape, script);
  for (;;) {
    happen(script.happenings[decisions]);
    const decision = decide(state, { now, pace: 1, lookAgainAt });
    decisions += 1;
    if (decisions > limit) throw new Error(`no end after ${limit} decisions`);
    append(decision.events);
    switch (decision.do) {
      case "again":
        continue;
      case "step":
      case "undo":
        carryOut(decision);
        continue;
      case "wait":
        // A wait that does not move time would be a busy loop.
        if (decision.until <= now) throw new Error(`waits until ${decision.until}, it is ${now}`);
        now = decision.until;
        continue;
      case "end":
        if (decision.events.length === 0)
          append([{ type: "run.completed", data: { output: { done: true } } }]);
        continue;
      case "rest":
        if (decisions < script.happenings.length) continue;
        // Nothing more will happen by itself. Only a pause may keep a run from its end, and only until it is resumed.
        if (state.completedAt === null && state.pausedAt !== null && state.cancel === null) {
          append([{ type: "run.resumed", data: { reason: null } }]);
          continue;
        }
        return { events, states, effects, decisions, final: state };
    }
  }
}
