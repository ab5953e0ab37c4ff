import type { WorkflowType } from "#contract/run.ts";
import type { Workflow } from "./kit.ts";

/** The workflows that this process knows, by type and version. */
export class WorkflowRegistry {
  readonly #byKind = new Map<string, Workflow>();
  readonly #newest = new Map<WorkflowType, Workflow>();

  constructor(workflows: readonly Workflow[]) {
    for (const workflow of workflows) {
      const kind = kindOf(workflow.type, workflow.version);
      if (this.#byKind.has(kind)) throw new TypeError(`two workflows are ${kind}`);
      this.#byKind.set(kind, workflow);
      const newest = this.#newest.get(workflow.type);
      if (newest === undefined || newest.version < workflow.version)
        this.#newest.set(workflow.type, workflow);
    }
  }

  /** The newest version, with which new runs start. */
  newest(type: WorkflowType): Workflow | undefined {
    return this.#newest.get(type);
  }

  get(type: WorkflowType, version: number): Workflow | undefined {
    return this.#byKind.get(kindOf(type, version));
  }

  ofKind(kind: string): Workflow | undefined {
    return this.#byKind.get(kind);
  }

  get all(): readonly Workflow[] {
    return [...this.#newest.values()];
  }

  get kinds(): readonly string[] {
    return [...this.#byKind.keys()];
  }
}

/** `server.provision@1`: what a schedule row asks its runner to know. */
export const kindOf = (type: string, version: number): string => `${type}@${version}`;
