import { z } from "zod";

/** A Trigger run as the stand-in keeps it, and as its API shows it (API v3, read off a self-hosted 4.5). */

export type RunStatus =
  | "PENDING_VERSION"
  | "QUEUED"
  | "EXECUTING"
  | "COMPLETED"
  | "CANCELED"
  | "FAILED"
  | "CRASHED"
  | "EXPIRED"
  | "TIMED_OUT";

export const finalStatuses: ReadonlySet<RunStatus> = new Set([
  "COMPLETED",
  "CANCELED",
  "FAILED",
  "CRASHED",
  "EXPIRED",
  "TIMED_OUT",
]);

/** The part of a trigger request that the stand-in heeds; everything else is taken and ignored. */
export const TriggerBody = z.object({
  payload: z.unknown(),
  options: z
    .object({
      payloadType: z.string().optional(),
      idempotencyKey: z.string().optional(),
      concurrencyKey: z.string().optional(),
      tags: z.union([z.string(), z.array(z.string())]).optional(),
      maxDuration: z.number().optional(),
      maxAttempts: z.number().optional(),
      priority: z.number().optional(),
    })
    .loose()
    .default({}),
});
export type TriggerBody = z.infer<typeof TriggerBody>;

export interface TriggerRun {
  readonly id: string;
  readonly task: string;
  /** As it was sent: JSON text. */
  readonly payload: string;
  readonly payloadType: string;
  readonly idempotencyKey: string | null;
  readonly concurrencyKey: string | null;
  readonly tags: readonly string[];
  /** Seconds. */
  readonly maxDuration: number | null;
  /** Seconds by which it comes before others; the API sends ms. */
  readonly priority: number;
  readonly createdAt: number;
  readonly status: RunStatus;
  readonly startedAt: number | null;
  readonly finishedAt: number | null;
  readonly attempts: number;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly output: string | null;
  readonly error: { readonly name?: string; readonly message: string } | null;
}

const iso = (ms: number): string => new Date(ms).toISOString();

/** `GET /api/v3/runs/{id}`. */
export function runBody(run: TriggerRun): Record<string, unknown> {
  const { status } = run;
  return {
    id: run.id,
    status,
    taskIdentifier: run.task,
    ...(run.idempotencyKey !== null && { idempotencyKey: run.idempotencyKey }),
    version: "20260302.1",
    isQueued: status === "QUEUED" || status === "PENDING_VERSION",
    isExecuting: status === "EXECUTING",
    isWaiting: false,
    isCompleted: finalStatuses.has(status),
    isSuccess: status === "COMPLETED",
    isFailed: ["FAILED", "CRASHED", "TIMED_OUT"].includes(status),
    isCancelled: status === "CANCELED",
    isTest: false,
    createdAt: iso(run.createdAt),
    updatedAt: iso(run.finishedAt ?? run.startedAt ?? run.createdAt),
    ...(run.startedAt !== null && { startedAt: iso(run.startedAt) }),
    ...(run.finishedAt !== null && { finishedAt: iso(run.finishedAt) }),
    tags: run.tags,
    costInCents: 0,
    baseCostInCents: 0,
    durationMs: run.startedAt === null ? 0 : (run.finishedAt ?? run.startedAt) - run.startedAt,
    metadata: run.metadata,
    depth: 0,
    triggerFunction: "trigger",
    payload: JSON.parse(run.payload) as unknown,
    ...(run.output !== null && { output: JSON.parse(run.output) as unknown }),
    ...(run.error !== null && { error: run.error }),
    relatedRuns: {},
    attemptCount: run.attempts,
  };
}
