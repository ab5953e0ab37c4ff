import type { TriggerRun } from "./run.ts";

/** What a worker is given to execute one attempt (the schema `TaskRunExecution` of @trigger.dev/core). */
export const executionOf = (run: TriggerRun, filePath: string) => ({
  task: { id: run.task, filePath },
  attempt: { number: 1, startedAt: new Date() },
  run: {
    id: run.id,
    payload: run.payload,
    payloadType: run.payloadType,
    tags: [...run.tags],
    isTest: false,
    isReplay: false,
    createdAt: new Date(run.createdAt),
    startedAt: new Date(run.startedAt ?? run.createdAt),
    maxAttempts: 1,
    version: "20260302.1",
    ...(run.maxDuration !== null && { maxDuration: run.maxDuration }),
    context: undefined,
    durationMs: 0,
    costInCents: 0,
    baseCostInCents: 0,
  },
  queue: { id: "queue_lab", name: `task/${run.task}` },
  environment: { id: "env_lab", slug: "dev", type: "DEVELOPMENT" as const },
  organization: { id: "org_lab", slug: "lab", name: "Lab" },
  project: { id: "proj_lab", ref: "proj_millwright", slug: "millwright", name: "Millwright" },
  machine: { name: "small-1x" as const, cpu: 0.5, memory: 0.5, centsPerMs: 0 },
});
export type Execution = ReturnType<typeof executionOf>;

/** What goes wrong around a task in its own process. */
export type Sabotage = "start-hook-throws" | "start-hook-aborts" | "middleware-throws";

/** From the platform to a worker. */
export type ToWorker =
  | { readonly do: "execute"; readonly execution: Execution; readonly sabotage: Sabotage | null }
  | { readonly do: "cancel" }
  | { readonly do: "throw" }
  | { readonly do: "exit" };

/** From a worker to the platform. */
export type FromWorker =
  | { readonly did: "ready"; readonly tasks: readonly string[] }
  | { readonly did: "complete"; readonly run: string; readonly result: ExecutionResult }
  | { readonly did: "time-out"; readonly run: string };

export type ExecutionResult =
  | { readonly ok: true; readonly output: string | null }
  | { readonly ok: false; readonly error: { readonly name?: string; readonly message: string } };
