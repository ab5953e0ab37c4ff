/** How often the API server was asked for something. */
export interface RequestCount {
  /** As RBAC calls it: `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`. */
  readonly verb: string;
  /** `machines.cluster.x-k8s.io`, with its subresource behind a slash; empty for paths that name no resource. */
  readonly resource: string;
  readonly count: number;
}

/** What clients have cost the API server since it started: its operators call nobody, so they are not in it. */
export class RequestCounts {
  readonly #counts = new Map<string, { verb: string; resource: string; count: number }>();

  add(verb: string, resource: string): void {
    const key = `${verb} ${resource}`;
    const known = this.#counts.get(key);
    if (known === undefined) this.#counts.set(key, { verb, resource, count: 1 });
    else known.count += 1;
  }

  /** The most frequent first. */
  list(): readonly RequestCount[] {
    return [...this.#counts.values()].toSorted((a, b) => b.count - a.count);
  }
}
