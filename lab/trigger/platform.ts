import { executionOf, type Sabotage } from "./execution.ts";
import { type Fault, Faults } from "./fault.ts";
import { finalStatuses, type RunStatus, type TriggerBody, type TriggerRun } from "./run.ts";
import { type Ended, WorkerProcess } from "./worker.ts";

/**
 * The stand-in's queue and workers. What becomes of a run is decided as a real platform was seen to decide it: what
 * throws has FAILED, a killed process has CRASHED and is not retried, used-up time is TIMED_OUT, and a run of which
 * nothing is heard stays EXECUTING until it counts as stalled and is CANCELED.
 */

export interface PlatformOptions {
  readonly tasksFile: string;
  /** What worker processes find in their environment. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Runs that are executed at the same time. */
  readonly concurrency: number;
  /** Runs that one process may execute, one after the other, before another takes its place. */
  readonly runsPerProcess: number;
  /** After so long without a sign a run counts as stalled; 300 s on a real platform. */
  readonly stallMs: number;
  readonly now: () => number;
  /** What a new run is called. */
  readonly newId: () => string;
}

/** How long after a cancel a process that goes on is killed. */
const CANCEL_PATIENCE_MS = 2_000;
/** How long after its time a process that goes on is killed. */
const TIME_OUT_PATIENCE_MS = 500;

/** How long after its end a session's runs are cancelled. */
const SESSION_END_MS = 2_500;

/** The run as the worker gets to see it. */
function givenTo(run: TriggerRun, fault: Fault | null): TriggerRun {
  if (fault?.fault === "max-duration") return { ...run, maxDuration: 1 };
  return fault?.fault === "payload-spoilt" ? { ...run, payload: '{"json":{}}' } : run;
}

const sabotages: readonly string[] = [
  "start-hook-throws",
  "start-hook-aborts",
  "middleware-throws",
] satisfies Sabotage[];
const sabotageOf = (fault: Fault | null): Sabotage | null =>
  fault !== null && sabotages.includes(fault.fault) ? (fault.fault as Sabotage) : null;

interface Busy {
  readonly worker: WorkerProcess;
  /** Set when the platform has decided already what became of the run, whatever the worker says. */
  decided: boolean;
}

export class Platform {
  readonly faults = new Faults();
  readonly #options: PlatformOptions;
  readonly #runs = new Map<string, TriggerRun>();
  readonly #byKey = new Map<string, string>();
  readonly #queue: string[] = [];
  readonly #busy = new Map<string, Busy>();
  readonly #idle: { readonly worker: WorkerProcess; left: number }[] = [];
  readonly #timers = new Set<NodeJS.Timeout>();
  #executing = 0;
  #closed = false;

  constructor(options: PlatformOptions) {
    this.#options = options;
  }

  get runs(): readonly TriggerRun[] {
    return [...this.#runs.values()];
  }

  run(id: string): TriggerRun | undefined {
    return this.#runs.get(id);
  }

  /** The run of the task's idempotency key when there is one that has not failed; else a new one, queued. */
  trigger(
    task: string,
    body: TriggerBody,
  ): { readonly run: TriggerRun; readonly isCached: boolean } {
    const { idempotencyKey = null, concurrencyKey = null } = body.options;
    const key = idempotencyKey === null ? null : `${task} ${idempotencyKey}`;
    const known = key === null ? undefined : this.#runs.get(this.#byKey.get(key) ?? "");
    if (known !== undefined && known.status !== "FAILED") return { run: known, isCached: true };
    const { tags = [] } = body.options;
    const run: TriggerRun = {
      id: this.#options.newId(),
      task,
      payload:
        typeof body.payload === "string" ? body.payload : JSON.stringify(body.payload ?? null),
      payloadType: body.options.payloadType ?? "application/json",
      idempotencyKey,
      concurrencyKey,
      tags: typeof tags === "string" ? [tags] : tags,
      maxDuration: body.options.maxDuration ?? null,
      priority: body.options.priority ?? 0,
      createdAt: this.#options.now(),
      status: "QUEUED",
      startedAt: null,
      finishedAt: null,
      attempts: 0,
      metadata: {},
      output: null,
      error: null,
    };
    this.#runs.set(run.id, run);
    if (key !== null) this.#byKey.set(key, run.id);
    this.#enqueue(run);
    return { run, isCached: false };
  }

  /** Ends a run that has not ended; one that executes is told, and its process killed when it goes on. */
  cancel(id: string): boolean {
    const run = this.#runs.get(id);
    if (run === undefined) return false;
    if (finalStatuses.has(run.status)) return true;
    const busy = this.#busy.get(id);
    this.#end(id, "CANCELED", { error: { message: "cancelled" } });
    if (busy !== undefined) {
      busy.decided = true;
      busy.worker.cancel();
      this.#later(CANCEL_PATIENCE_MS, () => {
        if (this.#busy.get(id) === busy) busy.worker.kill();
      });
    }
    return true;
  }

  setMetadata(id: string, metadata: Readonly<Record<string, unknown>>): void {
    this.#change(id, { metadata });
  }

  /** Deploys what runs in PENDING_VERSION wait for. */
  deploy(): void {
    for (const run of this.#runs.values())
      if (run.status === "PENDING_VERSION")
        this.#enqueue(this.#change(run.id, { status: "QUEUED" }) ?? run);
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const timer of this.#timers) clearTimeout(timer);
    for (const { worker } of this.#busy.values()) worker.kill();
    for (const { worker } of this.#idle) worker.kill();
    await Promise.resolve();
  }

  #enqueue(run: TriggerRun): void {
    if (this.faults.take(run, ["unknown-version"]) !== null) {
      this.#change(run.id, { status: "PENDING_VERSION" });
      return;
    }
    if (this.faults.take(run, ["expires"]) !== null) {
      this.#end(run.id, "EXPIRED", {
        error: { message: "the run waited longer than its time to live" },
      });
      return;
    }
    const late = this.faults.take(run, ["delivered-late"]);
    this.#later(late?.ms ?? 0, () => {
      this.#queue.push(run.id);
      this.#dequeue();
    });
  }

  #dequeue(): void {
    while (!this.#closed && this.#executing < this.#options.concurrency && this.#queue.length > 0) {
      // Priority is a head start in time, as on the platform.
      const startOf = (id: string): number => {
        const run = this.#runs.get(id);
        return run === undefined ? 0 : run.createdAt - run.priority * 1_000;
      };
      this.#queue.sort((a, b) => startOf(a) - startOf(b));
      const run = this.#runs.get(this.#queue.shift() ?? "");
      if (run === undefined || run.status !== "QUEUED") continue;
      const twice = this.faults.take(run, ["delivered-twice"]);
      const fault = this.faults.take(run, [
        "killed",
        "exits",
        "terminated",
        "session-ends",
        "start-hook-throws",
        "start-hook-aborts",
        "middleware-throws",
        "payload-spoilt",
        "uncaught",
        "max-duration",
        "completion-lost",
        "vanishes",
      ]);
      void this.#execute(run, fault);
      if (twice !== null) void this.#execute(run, null, true);
    }
  }

  async #execute(run: TriggerRun, fault: Fault | null, isSecond = false): Promise<void> {
    this.#executing += 1;
    const slot = this.#worker();
    const { worker } = slot;
    const busy: Busy = { worker, decided: isSecond };
    if (!isSecond) {
      this.#busy.set(run.id, busy);
      this.#change(run.id, { status: "EXECUTING", startedAt: this.#options.now(), attempts: 1 });
    }
    try {
      await worker.ready;
      const execution = executionOf(givenTo(run, fault), this.#options.tasksFile);
      const ended = worker.execute(execution, sabotageOf(fault));
      this.#strike(worker, fault);
      await this.#settle(run.id, { busy, fault, ended: await ended });
    } catch (error) {
      this.#end(run.id, "FAILED", { error: { message: String(error) } });
    } finally {
      if (this.#busy.get(run.id) === busy) this.#busy.delete(run.id);
      this.#executing -= 1;
      this.#giveBack(slot);
      this.#dequeue();
    }
  }

  #strike(worker: WorkerProcess, fault: Fault | null): void {
    if (fault === null) return;
    const strikes: Partial<Record<Fault["fault"], () => void>> = {
      killed: () => worker.kill("SIGKILL"),
      vanishes: () => worker.kill("SIGKILL"),
      "session-ends": () => worker.kill("SIGKILL"),
      terminated: () => worker.kill("SIGTERM"),
      exits: () => worker.exit(),
      uncaught: () => worker.throwUp(),
    };
    const strike = strikes[fault.fault];
    if (strike !== undefined) this.#later(fault.ms, strike);
  }

  async #settle(
    id: string,
    {
      busy,
      fault,
      ended,
    }: { readonly busy: Busy; readonly fault: Fault | null; readonly ended: Ended },
  ): Promise<void> {
    if (ended.by === "time-out") {
      // The task has heard it by its signal; it gets a moment, and nobody asks what it made of it.
      await new Promise((resolve) => this.#later(TIME_OUT_PATIENCE_MS, () => resolve(undefined)));
      busy.worker.kill();
      if (!busy.decided) this.#end(id, "TIMED_OUT", { error: { message: "maxDuration exceeded" } });
      return;
    }
    if (busy.decided) return;
    if (fault?.fault === "completion-lost" || fault?.fault === "vanishes") {
      this.#later(this.#options.stallMs, () =>
        this.#end(id, "CANCELED", { error: { message: "TASK_RUN_STALLED_EXECUTING" } }),
      );
      return;
    }
    if (fault?.fault === "session-ends") {
      this.#later(SESSION_END_MS, () =>
        this.#end(id, "CANCELED", { error: { message: "Dev session ended (CLI exited)" } }),
      );
      return;
    }
    if (ended.by === "exit") {
      if (fault?.fault === "uncaught" || fault?.fault === "terminated")
        this.#end(id, "FAILED", {
          error: {
            message:
              fault.fault === "uncaught" ? "TASK_RUN_UNCAUGHT_EXCEPTION" : "TASK_PROCESS_SIGTERM",
          },
        });
      else
        this.#end(id, "CRASHED", {
          error: {
            message: ended.signal === "SIGKILL" ? "MAYBE_OOM_KILLED" : `exit ${ended.code}`,
          },
        });
      return;
    }
    const { result } = ended;
    if (result.ok) this.#end(id, "COMPLETED", { output: result.output });
    else this.#end(id, "FAILED", { error: result.error });
  }

  #worker(): { readonly worker: WorkerProcess; left: number } {
    for (let idle = this.#idle.pop(); idle !== undefined; idle = this.#idle.pop())
      if (!idle.worker.gone) return idle;
    return { worker: new WorkerProcess(this.#options), left: this.#options.runsPerProcess };
  }

  #giveBack(slot: { readonly worker: WorkerProcess; left: number }): void {
    slot.left -= 1;
    if (slot.worker.gone) return;
    if (this.#closed || slot.left <= 0) slot.worker.kill();
    else this.#idle.push(slot);
  }

  #end(
    id: string,
    status: RunStatus,
    what: Partial<Pick<TriggerRun, "output" | "error">> = {},
  ): void {
    const run = this.#runs.get(id);
    if (run === undefined || finalStatuses.has(run.status)) return;
    this.#change(id, { status, finishedAt: this.#options.now(), ...what });
  }

  #change(id: string, change: Partial<TriggerRun>): TriggerRun | undefined {
    const run = this.#runs.get(id);
    if (run === undefined) return undefined;
    const changed = { ...run, ...change };
    this.#runs.set(id, changed);
    return changed;
  }

  #later(ms: number, act: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      act();
    }, ms);
    this.#timers.add(timer);
  }
}
