import { z } from "zod";
import { failureCodes } from "./failures.ts";
import { Instant, RunId } from "./ids.ts";

/** The public run: what `GET /v1/workflows/runs/{id}` answers. */

export const workflowTypes = [
  "server.register",
  "server.inspect",
  "server.provision",
  "server.lifecycle",
  "server.decommission",
  "cluster.create",
  "cluster.scale",
  "cluster.upgrade",
  "cluster.delete",
  "vm.create",
  "vm.power",
  "vm.delete",
  "sync.server-state",
  "sync.cluster-state",
] as const;

export const WorkflowType = z.enum(workflowTypes);
export type WorkflowType = z.infer<typeof WorkflowType>;

export const ResourceType = z.enum(["server", "cluster", "vm"]);
export type ResourceType = z.infer<typeof ResourceType>;

export const RunStatus = z.enum(["pending", "running", "completed", "failed", "cancelled"]);
export type RunStatus = z.infer<typeof RunStatus>;

export const RunPhase = z
  .enum(["queued", "executing", "waiting", "paused", "undoing", "ended"])
  .meta({ description: "What the run does now" });
export type RunPhase = z.infer<typeof RunPhase>;

export const Cleanup = z
  .enum(["none", "running", "complete", "incomplete", "held"])
  .meta({ description: "What became of partial state" });
export type Cleanup = z.infer<typeof Cleanup>;

export const Waiting = z.object({
  reason: z.string().meta({ description: "Why nothing happens now" }),
  since: Instant,
  until: Instant.meta({
    description:
      "When the wait ends by itself, at the latest: the retry's time or the step's deadline",
  }),
  wakesOn: z
    .string()
    .optional()
    .meta({ description: "What ends the wait early, when something can" }),
});
export type Waiting = z.infer<typeof Waiting>;

export const Attention = z.object({
  code: z.enum(failureCodes),
  message: z.string(),
  step: z.string().nullable(),
  done: z.array(z.string()).meta({ description: "Steps whose effects stand" }),
  notDone: z.array(z.string()).meta({ description: "What was neither done nor undone" }),
  waysOut: z.array(z.string()).meta({ description: "What a person can do about it, as requests" }),
});
export type Attention = z.infer<typeof Attention>;

export const RunError = z.object({
  code: z.enum(failureCodes),
  message: z.string(),
  step: z.string().nullable(),
  retryable: z
    .boolean()
    .meta({ description: "The same request may succeed later without anybody changing anything" }),
  details: z.record(z.string(), z.unknown()).optional(),
});
export type RunError = z.infer<typeof RunError>;

export const StepStatus = z.enum([
  "pending",
  "running",
  "waiting",
  "completed",
  "reused",
  "failed",
  "skipped",
]);
export type StepStatus = z.infer<typeof StepStatus>;

export const UndoStatus = z.enum(["undone", "nothing", "failed"]);
export type UndoStatus = z.infer<typeof UndoStatus>;

export const RunStep = z.object({
  name: z.string(),
  status: StepStatus,
  attempts: z.number().int().nonnegative(),
  startedAt: Instant.nullable(),
  completedAt: Instant.nullable(),
  durationMs: z.number().int().nonnegative().nullable(),
  undo: UndoStatus.nullable().meta({
    description:
      "What its undo came to; `nothing`: there was nothing to take back, as of a step that was skipped. Null: it was not undone",
  }),
});

export const Run = z
  .object({
    id: RunId,
    type: WorkflowType,
    version: z
      .number()
      .int()
      .positive()
      .meta({ description: "The version of the workflow that the run started with and keeps" }),
    status: RunStatus,
    phase: RunPhase,
    resourceType: ResourceType,
    resourceId: z.string(),
    region: z.string(),
    project: z.string(),
    triggeredBy: z.string().meta({
      description: "Who asked: an API key's name, a user, or the run that started this one",
    }),
    source: z.enum(["atlas", "arc", "projector", "workflow"]).meta({
      description:
        "Which part of the control plane began it: `atlas` the API of infrastructure (servers), `arc` the API of compute (clusters, virtual machines), `projector` what watches the world, `workflow` another run (`parent`)",
    }),
    retryOf: RunId.nullable(),
    retriedBy: RunId.nullable(),
    fromStep: z.string().nullable(),
    parent: RunId.nullable(),
    createdAt: Instant,
    startedAt: Instant.nullable(),
    completedAt: Instant.nullable(),
    durationMs: z
      .number()
      .int()
      .nonnegative()
      .nullable()
      .meta({ description: "From the start to the end, or to now" }),
    estimatedDurationMs: z.number().int().nonnegative(),
    progress: z.object({
      percent: z.number().int().min(0).max(100),
      step: z.string().nullable(),
      completed: z.number().int().nonnegative(),
      total: z.number().int().nonnegative(),
      eta: Instant.nullable(),
    }),
    waiting: Waiting.nullable(),
    cleanup: Cleanup,
    attention: Attention.nullable(),
    overdue: z.boolean(),
    error: RunError.nullable(),
    steps: z.array(RunStep),
    input: z
      .unknown()
      .optional()
      .meta({ description: "Left out of lists; secrets are references" }),
    output: z.unknown().optional().meta({ description: "Left out of lists; null until completed" }),
    engine: z.object({ name: z.enum(["embedded", "trigger"]), runs: z.array(z.string()) }),
    links: z.object({
      self: z.string(),
      events: z.string(),
      resource: z.string(),
      engine: z
        .string()
        .optional()
        .meta({ description: "The newest slice in the dashboard of the engine that executes it" }),
    }),
  })
  .meta({ id: "Run" });
export type Run = z.infer<typeof Run>;
