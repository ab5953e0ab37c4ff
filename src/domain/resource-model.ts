import type { Failure } from "#contract/failures.ts";
import type { RunId } from "#contract/ids.ts";
import type { Attention, Cleanup, ResourceType, WorkflowType } from "#contract/run.ts";

/** A fact and when and by which run it came to be: what `evolve` sees. */
export type Happened<Fact> = Fact & { readonly at: number; readonly run: RunId | null };

/** A request to start a workflow, as the resource sees it. */
export interface Admission {
  readonly workflow: WorkflowType;
  readonly run: RunId;
  /** The run's checked input. */
  readonly input: unknown;
  /** Set when a run that already holds the resource starts this one as its child. */
  readonly parent: RunId | null;
}

/** How a run ended, as the resource sees it. */
export interface RunEnd {
  readonly run: RunId;
  readonly workflow: WorkflowType;
  readonly status: "completed" | "failed" | "cancelled";
  readonly cleanup: Cleanup;
  readonly attention: Attention | null;
  /** An operator has declared the rest handled by hand; the run ended before and is settled once more. */
  readonly abandoned: boolean;
  /** Why, in the operator's words, where they are at hand. */
  readonly abandonReason?: string | null;
  readonly error: { readonly code: Attention["code"]; readonly message: string } | null;
}

type AnyFact = { readonly type: string; readonly data: unknown };

/** Whatever has a stream of facts: what runs change, and pools, which change at once and without a run. */
export type ResourceKind = ResourceType | "pool";

/** What every kind of resource must be able to say, purely: how its facts fold. */
export interface FactModel<State, Fact extends AnyFact> {
  readonly type: ResourceKind;
  /** The state after a fact; null means that the resource does not exist (any more). Total: an unknown fact changes nothing. */
  evolve(state: State | null, fact: Happened<Fact>): State | null;
  /** True once the resource is out of use for good: its secrets are then forgotten. Absent: it never is. */
  isRetired?(state: State): boolean;
}

/**
 * What a kind of resource that runs change must be able to say besides: admit or refuse a workflow, and take
 * the end of a run. The engine writes what it answers in the same transaction as the run's own event.
 */
export interface ResourceModel<State, Fact extends AnyFact> extends FactModel<State, Fact> {
  readonly type: ResourceType;
  /** The facts with which the run begins, or the failure (VALIDATION_ERROR, NOT_FOUND, INVALID_STATE_TRANSITION …) that refuses it. */
  admit(state: State | null, admission: Admission): readonly Fact[] | Failure;
  /**
   * The facts with which the run leaves the resource, whatever the end. Asked again for a run that had ended
   * already when its cleanup changes (a later undo) and when it is abandoned.
   */
  settle(state: State | null, end: RunEnd): readonly Fact[];
  /** Whether the record says that nothing is wrong: no run has left anything behind that nobody has cured. */
  isSound(state: State): boolean;
}
