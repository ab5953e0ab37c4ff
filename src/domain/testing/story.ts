import { Failure } from "#contract/failures.ts";
import type { RunId } from "#contract/ids.ts";
import type { WorkflowType } from "#contract/run.ts";
import type { ResourceModel, RunEnd } from "#domain/resource-model.ts";

/** A resource's life told for tests: what happened, which runs began and how they ended. */

export const idBody = (n: number): string => String(n).padStart(26, "0");
export const runId = (n: number): RunId => `run_${idBody(n)}`;

/** How a run can end, as far as the resource cares. */
export const ends = {
  completed: { status: "completed", cleanup: "none", attention: null, error: null },
  undone: {
    status: "failed",
    cleanup: "complete",
    attention: null,
    error: { code: "BMC_CONNECTION_FAILED", message: "no answer" },
  },
  cancelled: { status: "cancelled", cleanup: "complete", attention: null, error: null },
  pastPivot: {
    status: "failed",
    cleanup: "none",
    attention: {
      code: "STEP_TIMEOUT",
      message: "await-install took too long",
      step: "await-install",
      done: [],
      notDone: [],
      waysOut: [],
    },
    error: { code: "STEP_TIMEOUT", message: "await-install took too long" },
  },
  held: {
    status: "failed",
    cleanup: "held",
    attention: {
      code: "BMC_REJECTED",
      message: "held for diagnosis",
      step: "insert-media",
      done: [],
      notDone: [],
      waysOut: [],
    },
    error: { code: "BMC_REJECTED", message: "the BMC refused the medium" },
  },
} as const satisfies Record<string, Omit<RunEnd, "run" | "workflow" | "abandoned">>;

export type EndKind = keyof typeof ends;

export class ResourceStory<State, Fact extends { readonly type: string; readonly data: unknown }> {
  state: State | null = null;
  readonly #model: ResourceModel<State, Fact>;
  #at = Date.parse("2026-03-02T08:00:00.000Z");
  #runs = 0;
  readonly #workflows = new Map<RunId, WorkflowType>();
  /** Everything that happened, in order. */
  readonly facts: Fact[] = [];

  constructor(model: ResourceModel<State, Fact>) {
    this.#model = model;
  }

  happened(run: RunId | null, ...facts: readonly Fact[]): this {
    for (const fact of facts) {
      this.#at += 1_000;
      this.state = this.#model.evolve(this.state, { ...fact, at: this.#at, run });
      this.facts.push(fact);
    }
    return this;
  }

  /** What the resource answers to a request; nothing has begun. */
  ask(workflow: WorkflowType, input: unknown, parent: RunId | null = null) {
    return this.#model.admit(this.state, { workflow, run: runId(this.#runs + 1), input, parent });
  }

  begin(workflow: WorkflowType, input: unknown, parent: RunId | null = null): RunId {
    const answer = this.ask(workflow, input, parent);
    if (answer instanceof Failure) throw answer;
    this.#runs += 1;
    const run = runId(this.#runs);
    this.#workflows.set(run, workflow);
    this.happened(run, ...answer);
    return run;
  }

  end(run: RunId, kind: EndKind, changes: Partial<RunEnd> = {}): this {
    const workflow = this.#workflows.get(run);
    if (workflow === undefined) throw new Error(`${run} never began`);
    const end: RunEnd = { run, workflow, abandoned: false, ...ends[kind], ...changes };
    return this.happened(run, ...this.#model.settle(this.state, end));
  }
}
