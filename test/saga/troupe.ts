import type { Workflow } from "#engine/kit.ts";
import { type Mortal, mortal } from "./mortal.ts";
import type { EngineProcess } from "./process.ts";
import type { Site } from "./site.ts";

/**
 * The processes of one case: one works at a time, and when it is killed the next one takes its place, as a supervisor
 * would start it. All know the case's workflows under a version of its own, so no other case's process takes its runs.
 */
export class Troupe {
  readonly #site: Site;
  readonly #name: string;
  readonly #ended: Promise<unknown>[] = [];
  #workflows: readonly Workflow[];
  #count = 0;
  #now: {
    readonly owner: string;
    readonly mortal: Mortal;
    readonly process: EngineProcess;
  } | null = null;
  #next: Promise<void> = Promise.resolve();

  constructor(site: Site, name: string, workflows: readonly Workflow[]) {
    this.#site = site;
    this.#name = name;
    this.#workflows = workflows;
  }

  get engine(): EngineProcess["engine"] {
    if (this.#now === null) throw new Error("no process works");
    return this.#now.process.engine;
  }

  async begin(dead: readonly string[] = []): Promise<void> {
    this.#count += 1;
    const owner = `${this.#name}/${this.#count}`;
    const own = mortal(this.#site.database, this.#site.sessions);
    const process = await this.#site.process({
      owner,
      workflows: this.#workflows,
      database: own.database,
      sessions: own.sessions,
    });
    this.#now = { owner, mortal: own, process };
    await process.engine.run(dead);
  }

  /** Kills the process that works and starts another, which is told of the death. */
  kill(): void {
    const killed = this.#now;
    if (killed === null) return;
    killed.mortal.die();
    this.#ended.push(killed.process.stop(0));
    this.#next = this.begin([killed.owner]);
  }

  /** From now on with these workflows, in a process that replaces the present one in good order. */
  async goOnWith(workflows: readonly Workflow[]): Promise<void> {
    await this.#next;
    await this.#now?.process.stop();
    this.#workflows = workflows;
    await this.begin();
  }

  async end(): Promise<void> {
    await this.#next;
    await this.#now?.process.stop();
    await Promise.all(this.#ended);
  }
}
