import type { Run } from "#contract/run.ts";
import type { LabDescription } from "#doors/infrastructure.ts";
import type { Answer, ApiClient } from "./api-client.ts";
import type { LabClient } from "./lab-client.ts";
import { endLine, RunPrinter } from "./progress.ts";

/** What a run must have come to: some of its fields, and the code of its error. */
export type Promised = Partial<Run> & { readonly code?: string };

export const done: Promised = { status: "completed" };

/** Something done once while a run is under way. */
export interface Meanwhile {
  readonly when: (run: Run) => boolean;
  readonly act: (run: Run) => Promise<void>;
}

/** Where the chapters play: the API, the lab, and what was not as promised. */
export class Stage {
  readonly api: ApiClient;
  readonly lab: LabClient;
  readonly described: LabDescription;
  /** The project's paths begin with it. */
  readonly base = "/v1/regions/local/projects/default";
  readonly #print: (line: string) => void;
  readonly #broken: string[] = [];

  constructor(
    parts: Pick<Stage, "api" | "lab" | "described"> & { readonly print: (line: string) => void },
  ) {
    this.api = parts.api;
    this.lab = parts.lab;
    this.described = parts.described;
    this.#print = parts.print;
  }

  /** Outcomes that were not the promised ones. */
  get broken(): readonly string[] {
    return this.#broken;
  }

  chapter(title: string): void {
    this.#print(`\n${title}\n${"─".repeat(title.length)}`);
  }

  say(line: string): void {
    this.#print(`  ${line}`);
  }

  /** A promise about anything but a run. */
  expect(isKept: boolean, promise: string): void {
    if (!isKept) this.#broken.push(promise);
  }

  /** The run of a request that must be accepted; null when it was not. */
  accepted(title: string, answer: Answer): string | null {
    if (answer.status === 202 && answer.runId !== null) return answer.runId;
    const { code = "", message = "" } = answer.error ?? {};
    this.#broken.push(`${title}: answered ${answer.status} ${code} ${message}`);
    return null;
  }

  /** A request that must be accepted, followed to its end and held against the promise. Null: it was not accepted. */
  async follow(
    title: string,
    request: () => Promise<Answer>,
    promised: Promised,
    meanwhile?: Meanwhile,
  ): Promise<Run | null> {
    this.#print(`\n${title}`);
    const began = performance.now();
    const answer = await request();
    const id = this.accepted(title, answer);
    if (id === null) return null;
    this.say(`202 after ${Math.round(performance.now() - began)} ms, run ${id}`);
    const printer = new RunPrinter(this.#print);
    let due = meanwhile;
    let run: Run | null = null;
    for await (run of this.api.watch(id)) {
      printer.show(run);
      if (due === undefined || run.phase === "ended" || !due.when(run)) continue;
      const { act } = due;
      due = undefined;
      await act(run);
    }
    if (run === null) return null;
    this.#print(endLine(run));
    this.#compare(title, run, promised);
    return run;
  }

  /** Waits for a run that was asked for earlier, without a line for each step. */
  async ended(title: string, answer: Answer, promised: Promised): Promise<Run | null> {
    const id = this.accepted(title, answer);
    if (id === null) return null;
    let run: Run | null = null;
    for await (run of this.api.watch(id));
    if (run !== null) this.#compare(title, run, promised);
    return run;
  }

  #compare(title: string, run: Run, { code, ...fields }: Promised): void {
    const wrong = Object.entries(fields).filter(
      ([name, value]) => run[name as keyof Run] !== value,
    );
    if (code !== undefined && run.error?.code !== code) wrong.push(["error", code]);
    for (const [name, value] of wrong)
      this.#broken.push(`${title}: ${name} should be ${String(value)}; ${endLine(run).trim()}`);
  }
}
