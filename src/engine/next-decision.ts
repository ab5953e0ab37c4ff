import type { RunEvent } from "#contract/events.ts";
import type { EngineCore } from "./core.ts";
import { type Decision, type DecideOptions, decide } from "./decide.ts";
import type { Workflow } from "./kit.ts";
import type { RunState } from "./run-state.ts";
import { foldOnto, runEvent } from "./run-stream.ts";

/** What a run does next, once its workflow has been asked: which steps have nothing to do, and what the end has brought. */

interface Asked extends Pick<DecideOptions, "now" | "lookAgainAt"> {
  readonly workflow: Workflow;
  readonly state: RunState;
  /** The resource with the facts of the last outcome. */
  readonly resource: () => unknown;
}

/** Steps that have nothing to do on this resource are skipped without having begun; all of that is one append. */
export function nextDecision(core: EngineCore, asked: Asked): Decision {
  const { now, lookAgainAt } = asked;
  const skipped: RunEvent[] = [];
  for (let { state } = asked; ;) {
    const decision = decide(state, { now, lookAgainAt, pace: core.pace });
    const skip = decision.do === "step" ? skipOf({ ...asked, state }, decision.index) : null;
    if (skip === null) {
      const { events, ...what } = finish(core, { ...asked, state }, decision);
      return { ...what, events: [...skipped, ...events] };
    }
    skipped.push(skip);
    state = foldOnto(state, [runEvent(skip, now)]);
  }
}

/** Null: the step has something to do, or has begun. */
function skipOf({ workflow, state, resource }: Asked, index: number): RunEvent | null {
  const step = state.steps[index];
  const skipWhen = workflow.steps[index]?.skipWhen ?? null;
  if (step?.status !== "pending" || skipWhen === null) return null;
  const why = skipWhen({ input: state.requested.input, resource: resource() });
  if (why === null) return null;
  const data = { step: step.name, attempt: 1, output: null, skipped: why };
  return { type: "step.completed", data };
}

/** When all steps are done, the end needs the run's output, which only the workflow can say. */
function finish(core: EngineCore, { workflow, state }: Asked, decision: Decision): Decision {
  if (decision.do !== "end" || decision.events.length > 0) return decision;
  const output = ((): unknown => {
    try {
      return workflow.result({ input: state.requested.input, prior: state.outputs }) ?? null;
    } catch (thrown) {
      // The work is done and stands; an output that cannot be told must not make a failure of it.
      core.log("error", "the run's output cannot be made", { run: state.id, error: thrown });
      return null;
    }
  })();
  return { do: "end", events: [{ type: "run.completed", data: { output } }] };
}
