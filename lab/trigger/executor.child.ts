import { pathToFileURL } from "node:url";
import {
  AbortTaskRunError,
  apiClientManager,
  attemptKey,
  clock,
  heartbeats,
  lifecycleHooks,
  localsAPI,
  logger,
  resourceCatalog,
  runMetadata,
  runTimelineMetrics,
  taskContext,
  TaskRunContext,
  timeout,
  traceContext,
  waitUntil,
} from "@trigger.dev/core/v3";
import { TriggerTracer } from "@trigger.dev/core/v3/tracer";
import {
  ConsoleInterceptor,
  DevUsageManager,
  DurableClock,
  NO_FILE_CONTEXT,
  OtelTaskLogger,
  StandardHeartbeatsManager,
  StandardLifecycleHooksManager,
  StandardLocalsManager,
  StandardMetadataManager,
  StandardResourceCatalog,
  StandardRunTimelineMetricsManager,
  StandardTraceContextManager,
  StandardWaitUntilManager,
  TaskExecutor,
  TracingSDK,
  usage,
  UsageTimeoutManager,
} from "@trigger.dev/core/v3/workers";
import type { Execution, ExecutionResult, FromWorker, Sabotage, ToWorker } from "./execution.ts";

/**
 * A worker process: it loads the real tasks and executes attempts of them, one after the other, with the executor that
 * Trigger.dev publishes and its own workers use. Only what is around it (queue, statuses, faults) is the stand-in's.
 *
 * Arguments: the file with the tasks.
 */

const [, , tasksFile = ""] = process.argv;
const tell = (message: FromWorker): void => {
  if (process.connected) process.send?.(message);
};

const lifecycle = new StandardLifecycleHooksManager();
const locals = new StandardLocalsManager();
const timeline = new StandardRunTimelineMetricsManager();
const usages = new DevUsageManager();
const timeouts = new UsageTimeoutManager(usages);
const waits = new StandardWaitUntilManager(10_000);
const beats = new StandardHeartbeatsManager(30_000);
const traces = new StandardTraceContextManager();
const durableClock = new DurableClock();
const catalog = new StandardResourceCatalog();
const metadataStore = new StandardMetadataManager(apiClientManager.clientOrThrow());
lifecycleHooks.setGlobalLifecycleHooksManager(lifecycle);
localsAPI.setGlobalLocalsManager(locals);
runTimelineMetrics.setGlobalManager(timeline);
usage.setGlobalUsageManager(usages);
// Its types were not written for exactOptionalPropertyTypes.
timeout.setGlobalManager(timeouts as Parameters<typeof timeout.setGlobalManager>[0]);
waitUntil.setGlobalManager(waits);
heartbeats.setGlobalManager(beats);
traceContext.setGlobalManager(traces as Parameters<typeof traceContext.setGlobalManager>[0]);
clock.setGlobalClock(durableClock);
resourceCatalog.setGlobalResourceCatalog(catalog);
runMetadata.setGlobalManager(metadataStore);

const tracingSDK = new TracingSDK({
  url: `${process.env["TRIGGER_API_URL"]}/otel`,
  instrumentations: [],
  exporters: [],
  logExporters: [],
  diagLogLevel: "none",
  forceFlushTimeoutMillis: 2_000,
});
const otelLogger = tracingSDK.getLogger("millwright-lab");
const tracer = new TriggerTracer({
  tracer: tracingSDK.getTracer("millwright-lab"),
  logger: otelLogger,
});
const consoleInterceptor = new ConsoleInterceptor(otelLogger, true, true);
logger.setGlobalTaskLogger(new OtelTaskLogger({ logger: otelLogger, tracer, level: "info" }));

// A task made while no file is current would not be registered.
resourceCatalog.setCurrentFileContext(tasksFile, tasksFile);
await import(pathToFileURL(tasksFile).href);
resourceCatalog.clearCurrentFileContext();

let sabotage: Sabotage | null = null;
lifecycle.registerGlobalStartAttemptHook({
  id: "sabotage",
  fn: () => {
    if (sabotage === "start-hook-throws") throw new Error("a start hook threw");
    if (sabotage === "start-hook-aborts") throw new AbortTaskRunError("a start hook gave up");
  },
});
lifecycle.registerGlobalMiddlewareHook({
  id: "sabotage",
  fn: async ({ next }) => {
    if (sabotage === "middleware-throws") throw new Error("a middleware threw");
    await next();
  },
});

let cancel = new AbortController();
let running: string | null = null;

timeouts.registerListener(async () => {
  if (running !== null) tell({ did: "time-out", run: running });
});

async function execute(execution: Execution): Promise<ExecutionResult> {
  lifecycle.reset();
  locals.reset();
  timeline.reset();
  usages.reset();
  timeouts.reset();
  waits.reset();
  beats.reset();
  traces.reset();
  durableClock.reset();
  metadataStore.reset();
  cancel = new AbortController();
  const ctx = TaskRunContext.parse(execution);
  taskContext.setGlobalTaskContext({
    ctx,
    worker: { id: "worker_lab", contentHash: "lab", version: "20260302.1" },
    isWarmStart: false,
  });
  const task = resourceCatalog.getTask(execution.task.id);
  if (task === undefined)
    return { ok: false, error: { message: `there is no task ${execution.task.id}` } };
  metadataStore.runId = execution.run.id;
  metadataStore.runIdIsRoot = true;
  metadataStore.startPeriodicFlush(200);
  const executor = new TaskExecutor(task, { tracer, tracingSDK, consoleInterceptor });
  const measured = usage.start();
  const limit = timeout.abortAfterTimeout(execution.run.maxDuration);
  resourceCatalog.setCurrentFileContext(NO_FILE_CONTEXT, NO_FILE_CONTEXT);
  beats.startHeartbeat(attemptKey(execution));
  try {
    const signal = AbortSignal.any([cancel.signal, limit.signal]);
    const { result } = await executor.execute(execution, ctx, signal);
    usage.stop(measured);
    return result.ok
      ? { ok: true, output: result.output ?? null }
      : { ok: false, error: errorOf(result.error) };
  } finally {
    beats.stopHeartbeat();
    resourceCatalog.clearCurrentFileContext();
    await metadataStore.flush().catch(() => undefined);
    await metadataStore.stopAndReturnLastFlush().catch(() => undefined);
  }
}

function errorOf(error: unknown): { readonly name?: string; readonly message: string } {
  const { name, message } = error as { readonly name?: unknown; readonly message?: unknown };
  return {
    ...(typeof name === "string" && { name }),
    message: typeof message === "string" ? message : JSON.stringify(error),
  };
}

process.on("message", (message: ToWorker) => {
  switch (message.do) {
    case "execute": {
      const { id } = message.execution.run;
      running = id;
      ({ sabotage } = message);
      void execute(message.execution)
        .catch((error: unknown): ExecutionResult => ({ ok: false, error: errorOf(error) }))
        .then((result) => {
          running = null;
          tell({ did: "complete", run: id, result });
        });
      return;
    }
    case "cancel":
      cancel.abort("run cancelled");
      void lifecycle.callOnCancelHookListeners();
      return;
    case "throw":
      setImmediate(() => {
        throw new Error("nobody caught this");
      });
      return;
    case "exit":
      process.exit(3);
  }
});
// A worker whose platform is gone has nobody to work for.
process.on("disconnect", () => process.exit(0));
tell({ did: "ready", tasks: resourceCatalog.listTaskManifests().map(({ id }) => id) });
