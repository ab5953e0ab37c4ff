import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Execution, ExecutionResult, FromWorker, Sabotage, ToWorker } from "./execution.ts";

/** How a worker's attempt ended: told by it, or by its process's end. */
export type Ended =
  | { readonly by: "result"; readonly result: ExecutionResult }
  | { readonly by: "time-out" }
  | {
      readonly by: "exit";
      readonly code: number | null;
      readonly signal: NodeJS.Signals | null;
      readonly stderr: string;
    };

const script = fileURLToPath(new URL("./executor.child.ts", import.meta.url));

export interface WorkerOptions {
  readonly tasksFile: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** One worker process. It executes one attempt at a time. */
export class WorkerProcess {
  readonly #child: ChildProcess;
  readonly #ready: Promise<readonly string[]>;
  #onEnd: ((ended: Ended) => void) | null = null;
  #stderr = "";
  #gone = false;

  constructor({ tasksFile, env }: WorkerOptions) {
    this.#child = fork(script, [tasksFile], {
      env: { ...env },
      stdio: ["ignore", "ignore", "pipe", "ipc"],
      execPath: process.execPath,
    });
    this.#child.stderr?.on("data", (chunk: Buffer) => {
      this.#stderr = `${this.#stderr}${chunk.toString("utf8")}`.slice(-20_000);
    });
    const { promise, resolve, reject } = Promise.withResolvers<readonly string[]>();
    this.#ready = promise;
    promise.catch(() => undefined);
    this.#child.on("message", (message: FromWorker) => {
      switch (message.did) {
        case "ready":
          return resolve(message.tasks);
        case "complete":
          return this.#end({ by: "result", result: message.result });
        case "time-out":
          return this.#end({ by: "time-out" });
      }
    });
    this.#child.on("exit", (code, signal) => {
      this.#gone = true;
      reject(new Error(`the worker ended before it was ready: ${this.#stderr}`));
      this.#end({ by: "exit", code, signal, stderr: this.#stderr });
    });
    this.#child.on("error", reject);
  }

  /** Resolves with the ids of its tasks; rejects when the process ends before. */
  get ready(): Promise<readonly string[]> {
    return this.#ready;
  }

  get gone(): boolean {
    return this.#gone;
  }

  get stderr(): string {
    return this.#stderr;
  }

  execute(execution: Execution, sabotage: Sabotage | null): Promise<Ended> {
    return new Promise((resolve) => {
      if (this.#gone)
        return resolve({ by: "exit", code: null, signal: null, stderr: this.#stderr });
      this.#onEnd = resolve;
      this.#send({ do: "execute", execution, sabotage });
    });
  }

  /** Tells the task, by its signal and its hook, that its run was cancelled. */
  cancel(): void {
    this.#send({ do: "cancel" });
  }

  /** Lets something throw outside of the task. */
  throwUp(): void {
    this.#send({ do: "throw" });
  }

  /** Lets the process end itself. */
  exit(): void {
    this.#send({ do: "exit" });
  }

  kill(signal: NodeJS.Signals = "SIGKILL"): void {
    this.#child.kill(signal);
  }

  #send(message: ToWorker): void {
    if (this.#child.connected) this.#child.send(message, () => undefined);
  }

  #end(ended: Ended): void {
    const onEnd = this.#onEnd;
    this.#onEnd = null;
    onEnd?.(ended);
  }
}
