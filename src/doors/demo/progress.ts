import type { Run } from "#contract/run.ts";

/** How a run looks to a person: one line per step as it ends, one per new reason to wait. */

const marks: Readonly<Record<Run["steps"][number]["status"], string>> = {
  pending: " ",
  running: "…",
  waiting: "…",
  completed: "✓",
  reused: "↺",
  failed: "✗",
  skipped: "-",
};

const seconds = (ms: number | null): string => (ms === null ? "" : `${(ms / 1_000).toFixed(1)} s`);

export class RunPrinter {
  readonly #print: (line: string) => void;
  readonly #told = new Set<string>();

  constructor(print: (line: string) => void) {
    this.#print = print;
  }

  /** Tells what is new since the last call. */
  show(run: Run): void {
    for (const step of run.steps) {
      if (["completed", "failed", "reused"].includes(step.status)) {
        this.#once(
          `${step.name} ${step.status}`,
          `    ${marks[step.status]} ${step.name.padEnd(20)} ${seconds(step.durationMs)}`,
        );
      }
    }
    // The last step is undone first; several may have been since the last call.
    for (const step of run.steps.toReversed()) {
      if (step.undo === "undone")
        this.#once(`undo ${step.name}`, `    ↩ ${step.name.padEnd(20)} undone`);
    }
    if (run.waiting !== null) {
      const reason = headOf(run.waiting.reason);
      this.#once(`waiting ${reason}`, `    … ${reason}`);
    }
  }

  #once(key: string, line: string): void {
    if (this.#told.has(key)) return;
    this.#told.add(key);
    this.#print(line);
  }
}

/** What is waited for, without what an operator says of it at the moment: that would be a line for each of its words. */
const headOf = (reason: string): string => /^waiting for [^:]*/.exec(reason)?.[0] ?? reason;

export const endLine = (run: Run): string => {
  const took = seconds(run.durationMs);
  const why = run.error === null ? "" : `: ${run.error.code} ${run.error.message}`;
  const cleanup = run.cleanup === "none" ? "" : `, cleanup ${run.cleanup}`;
  return `  = ${run.status}${cleanup} in ${took}${why}`;
};
