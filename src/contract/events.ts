import { z } from "zod";
import { failureCodes } from "./failures.ts";
import { Instant, RunId } from "./ids.ts";
import { Attention, Cleanup, ResourceType, WorkflowType } from "./run.ts";

/** The actor of what nobody asked for: a step's start, a retry, a recovery. */
export const ENGINE_ACTOR = "millwright";

/** Who caused an event, in whose request, and which event or run came before. */
export const EventMeta = z.object({
  actor: z
    .string()
    .meta({ description: "An API key's or user's name, or `millwright` for the engine itself" }),
  requestId: z.string().optional(),
  causation: z.string().optional().meta({ description: "The run that produced a resource's fact" }),
  trace: z.string().optional().meta({ description: "W3C traceparent" }),
  schema: z.number().int().positive().meta({ description: "Version of the data's schema" }),
});
export type EventMeta = z.infer<typeof EventMeta>;

/** An error as the journal keeps it: plain data, readable by any later version. */
export const JournalledFailure = z.object({
  code: z.enum(failureCodes),
  message: z.string(),
  details: z.record(z.string(), z.unknown()).optional(),
});
export type JournalledFailure = z.infer<typeof JournalledFailure>;

/** One step as planned when the run was accepted, so that the stream can be folded without its definition. */
export const PlannedStep = z.object({
  name: z.string(),
  expectedMs: z.number().nonnegative(),
  withinMs: z.number().positive(),
  overdueAfterMs: z.number().nonnegative(),
  undo: z.enum(["undo", "nothing"]).nullable().meta({ description: "Null after the pivot" }),
});
export type PlannedStep = z.infer<typeof PlannedStep>;

const stepRef = { step: z.string(), attempt: z.number().int().positive() };
const acted = z.object({ reason: z.string().nullable() });

/** Every event of a run's stream, by type. Changing a shape means a new schema version beside the old one. */
export const runEvents = {
  "run.requested": z.object({
    workflow: WorkflowType,
    workflowVersion: z.number().int().positive(),
    resourceType: ResourceType,
    resourceId: z.string(),
    region: z.string(),
    project: z.string(),
    source: z.enum(["atlas", "arc", "projector", "workflow"]),
    input: z.unknown(),
    plan: z.array(PlannedStep),
    pivot: z
      .object({ before: z.number().int().nonnegative(), reason: z.string() })
      .nullable()
      .meta({
        description: "`before` is the index of the first step past the point of no return",
      }),
    onFailure: z.enum(["undo", "hold"]),
    estimatedDurationMs: z.number().nonnegative(),
    retryOf: RunId.nullable(),
    fromStep: z.string().nullable(),
    parent: z.object({ run: RunId, step: z.string() }).nullable(),
    reason: z.string().nullable(),
  }),
  "run.started": z.object({}),
  "step.started": z.object({ ...stepRef, deadlineAt: Instant }),
  "step.completed": z.object({
    ...stepRef,
    output: z.unknown(),
    skipped: z
      .string()
      .optional()
      .meta({ description: "Why there was nothing to do for this step" }),
  }),
  "step.reused": z.object({
    step: z.string(),
    output: z.unknown(),
    fromRun: RunId,
    key: z.string(),
    skipped: z.object({ didNothing: z.boolean() }).optional().meta({
      description:
        "It had nothing to do there; `didNothing` is false where it found that out only after it had begun something",
    }),
  }),
  "step.waiting": z.object({
    step: z.string(),
    undo: z.boolean().optional().meta({ description: "It is the step's undo that waits" }),
    reason: z.string(),
    until: Instant,
    wakesOn: z.string().optional(),
    memo: z
      .unknown()
      .optional()
      .meta({ description: "What the step wants to remember at its next look" }),
  }),
  "step.failed": z.object({ ...stepRef, error: JournalledFailure, retryAt: Instant.nullable() }),
  "undo.started": z.object(stepRef),
  "undo.completed": z.object({
    step: z.string(),
    result: z.enum(["undone", "nothing"]),
    reason: z.string().optional(),
  }),
  "undo.failed": z.object({ ...stepRef, error: JournalledFailure, retryAt: Instant.nullable() }),
  "run.cancel_requested": acted,
  "run.paused": acted,
  "run.resumed": acted,
  "run.undo_requested": acted,
  "run.signalled": z.object({ name: z.string(), data: z.unknown() }),
  "run.handed_over": z.object({
    slice: z.number().int(),
    engine: z.string(),
    engineRun: z.string(),
  }),
  "run.recovered": z.object({ lostOwner: z.string().nullable(), step: z.string().nullable() }),
  /** A later run has come to its end and left the resource with nothing wrong: nobody is needed for this one any more. */
  "run.overtaken": z.object({ by: RunId }),
  "run.retried": z.object({ by: RunId, reason: z.string().nullable() }),
  "run.completed": z.object({ output: z.unknown() }),
  "run.failed": z.object({
    error: JournalledFailure.extend({ step: z.string().nullable() }),
    cleanup: Cleanup,
  }),
  "run.cancelled": z.object({ reason: z.string().nullable(), cleanup: Cleanup }),
  "run.cleaned_up": z.object({ cleanup: Cleanup }),
  "run.attention_raised": Attention,
  "run.abandoned": z.object({ reason: z.string() }),
} as const;

export type RunEventType = keyof typeof runEvents;
export type RunEvent = {
  [T in RunEventType]: { readonly type: T; readonly data: z.infer<(typeof runEvents)[T]> };
}[RunEventType];
export type RunEventData<T extends RunEventType> = z.infer<(typeof runEvents)[T]>;

/** A run's event and when it happened (ms since 1970): what the fold sees. */
export type TimedRunEvent = RunEvent & { readonly at: number };
