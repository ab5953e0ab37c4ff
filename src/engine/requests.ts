import type { RunId, SecretId } from "#contract/ids.ts";
import type { Failure } from "#contract/failures.ts";
import type { ResourceType, WorkflowType } from "#contract/run.ts";
import type { ResourceKind } from "#domain/resource-model.ts";
import type { Workflow } from "./kit.ts";
import type { RunState } from "./run-state.ts";

/** What the doors (HTTP, the projector, a parent run) ask of the engine. All verbs throw `Failure`. */

/** Who asks, and in which request. */
export interface By {
  /** The caller's name as it will stand in `triggeredBy` and in every event's `meta.actor`. */
  readonly actor: string;
  readonly requestId?: string;
  /** W3C traceparent of the request. */
  readonly trace?: string;
  readonly reason?: string | null;
}

/** The answer that is stored under an idempotency key, to be given again. */
export interface StoredAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** The envelope's `data`, and its `meta` without request id and time. */
  readonly data: unknown;
  readonly meta: Readonly<Record<string, unknown>>;
}

/** An Idempotency-Key: written in the transaction that accepts the request, with the answer it will give. */
export interface Idempotency<Accepted> {
  readonly caller: string;
  readonly key: string;
  /** Digest of method, path and body: the same key with another fingerprint is IDEMPOTENCY_KEY_REUSED. */
  readonly fingerprint: string;
  readonly answer: (accepted: Accepted) => StoredAnswer;
}

/** A secret sealed by the door, stored in the accepting transaction; the input holds its id. */
export interface SealedSecret {
  readonly id: SecretId;
  readonly sealed: Uint8Array;
}

export interface StartRequest {
  readonly workflow: WorkflowType;
  /** Checked against the workflow's input schema; VALIDATION_ERROR names the fields. */
  readonly input: unknown;
  readonly project: string;
  readonly source: "atlas" | "arc" | "projector";
  readonly by: By;
  readonly secrets?: readonly SealedSecret[];
  /** Facts that come before the workflow's own first ones: a resource that this request makes. */
  readonly facts?: readonly { readonly type: string; readonly data: unknown }[];
  /** The version of the resource's stream to which those facts are appended; 0 (a new stream) unless a retry asks again. */
  readonly factsVersion?: number;
  readonly idempotency?: Idempotency<Accepted>;
}

/** What was committed when the request was accepted. */
export interface Accepted {
  readonly run: RunState;
  readonly resource: { readonly type: ResourceType; readonly id: string; readonly state: unknown };
}

export interface Plan {
  readonly workflow: WorkflowType;
  readonly version: number;
  readonly estimatedDurationMs: number;
  readonly pivot: { readonly beforeStep: string; readonly reason: string } | null;
  readonly steps: readonly {
    readonly name: string;
    readonly expectedMs: number;
    readonly undo: string | null;
  }[];
  /** Why the request would be refused now; empty when it would be accepted. */
  readonly refusals: readonly {
    readonly code: Failure["code"];
    readonly message: string;
    readonly details?: unknown;
  }[];
}

export interface RetryRequest {
  readonly fromStep?: string;
  /** Top-level fields that replace those of the old input; the door has checked them like those of a start. */
  readonly input?: Readonly<Record<string, unknown>>;
  /** New secrets that those fields refer to. */
  readonly secrets?: readonly SealedSecret[];
}

/** What becomes of one resource without a run. */
export interface Change {
  readonly resource: { readonly type: ResourceKind; readonly id: string };
  /**
   * The facts that follow from its state (null: it is not there), or the failure that refuses the whole request. None at
   * all: the others depend on its being as it is.
   */
  facts(state: unknown): readonly { readonly type: string; readonly data: unknown }[] | Failure;
}

/** Facts that no run brings about: a new display name, a pool and who is in it. Written together or not at all. */
export interface RecordRequest {
  /**
   * What is to change, at least one resource; the first one's state is the answer. Asked again whenever one of them was
   * changed by somebody else before it could be written.
   */
  changes(): Promise<readonly Change[]>;
  readonly by: By;
  readonly idempotency?: Idempotency<{ readonly state: unknown }>;
}

export interface ActRequest {
  readonly run: RunId;
  readonly by: By;
  readonly idempotency?: Idempotency<RunState>;
}

export interface Engine {
  /**
   * Accepts a request in one transaction: the resource admits it, the lock is taken, `run.requested` is
   * appended, the schedule gets its row. Throws VALIDATION_ERROR, NOT_FOUND, CONFLICT (details.activeRunId),
   * INVALID_STATE_TRANSITION. Touches nothing of the world.
   */
  start(request: StartRequest): Promise<Accepted>;
  /** What `start` would do, without writing anything. */
  plan(request: StartRequest): Promise<Plan>;
  /** PAST_PIVOT and INVALID_STATE_TRANSITION refuse it. A second cancel is a success that changes nothing. */
  cancel(request: ActRequest): Promise<RunState>;
  pause(request: ActRequest): Promise<RunState>;
  resume(request: ActRequest): Promise<RunState>;
  /** Runs the undo steps of an ended, failed run whose cleanup is held or incomplete. */
  undo(request: ActRequest): Promise<RunState>;
  /** Declares the rest handled by hand; `by.reason` is required. Releases the lock. */
  abandon(request: ActRequest): Promise<RunState>;
  /** A new run of an ended failed or cancelled one. INVALID_STATE_TRANSITION has details.earliestStep; an unknown step is VALIDATION_ERROR. */
  retry(
    request: Omit<ActRequest, "idempotency"> & {
      readonly retry: RetryRequest;
      readonly idempotency?: Idempotency<Accepted>;
    },
  ): Promise<Accepted>;
  /**
   * What an act (`cancel`, `retry` …) would do or be refused for, without writing. `steps` are those that would run: for
   * a cancel or an undo the ones that are taken back, in that order; for a pause or a resume what remains; none for what
   * is refused, or abandoned at rest.
   */
  planAct(
    act: "cancel" | "pause" | "resume" | "undo" | "abandon" | "retry",
    request: ActRequest & { readonly retry?: RetryRequest },
  ): Promise<Plan>;
  /**
   * Something from outside that the run may wait for; wakes it. A second call replaces the first. A failed run keeps it
   * for the retry that goes on from one of its steps, and passes it on to that one once there is one.
   */
  signal(run: RunId, name: string, data: unknown): Promise<void>;
  /**
   * Appends facts to the streams of resources, and writes their read models, without a run. Throws what `changes` and
   * `facts` refuse; UNAVAILABLE when others keep changing the same resources.
   */
  record(request: RecordRequest): Promise<{ readonly state: unknown }>;
  /** What `record` would be refused for, without writing; empty when it would be done. */
  planRecord(request: Pick<RecordRequest, "changes">): Promise<Plan["refusals"]>;
  /** The first answer under this key: null when the key is new; throws IDEMPOTENCY_KEY_REUSED when it was another request's. */
  recall(caller: string, key: string, fingerprint: string): Promise<StoredAnswer | null>;
  /** The workflows that this process knows, newest version of each type. */
  readonly workflows: readonly Workflow[];
  /** `pace`: what every declared time is divided by. */
  readonly pace: number;
  readonly now: () => number;
}
